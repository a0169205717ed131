//go:build !linux

package proxy

// drivers are what moves the bytes of a connection, beside what a relay takes by itself: there is
// nothing else.
var drivers = map[string]func(*Relay){}
