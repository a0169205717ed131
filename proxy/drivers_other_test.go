//go:build !linux

package proxy

// drivers is empty: this platform has only one driver.
var drivers = map[string]func(*Relay){}
