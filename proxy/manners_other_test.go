//go:build !linux

package proxy

// manners are the ways in which a relay carries connections, beside the one that it takes by itself.
var manners = map[string]func(*Relay){}
