//go:build linux

package main

import "errors"

// guardYAML is interlock.yaml with the guard on.
var guardYAML = interlockYAML + "guard: unsafe\n"

// guardedTLS is guarded with TLS on both sides.
func guardedTLS(s setting) ([]string, error) {
	path, err := s.fill("interlock-guard.yaml", guardYAML)
	return s.serveTLS(path), errors.Join(err, certify(s.dir))
}

// guarded is an Interlock that blocks unsafe switches.
func guarded(s setting) ([]string, error) {
	path, err := s.fill("interlock-guard.yaml", guardYAML)
	return s.serve("--config", path), err
}

// guardWorks are the kinds of work in which the guard holds bytes back: every response head, and
// all of a switch.
var guardWorks = []work{
	{
		Name: "guard-get-32", Title: "keep-alive GET, 32 connections, with the guard", Figure: "µs of CPU per request", Scale: 1,
		Unit: "request", Count: 80_000, Connections: 32, Contenders: []string{"nginx", "haproxy", "interlock", "interlock-guard"}, Against: []string{"interlock"},
		Headlines: []headline{{"interlock-guard", 1.15}},
		Open:      openAll, Begin: sendGet, End: endGet,
	},
	{
		Name: "guard-handshake", Title: "WebSocket handshake on a new connection, with the guard", Figure: "µs of CPU per handshake", Scale: 1,
		Unit: "handshake", Count: 16_000, Connections: 32, Contenders: []string{"nginx", "haproxy", "interlock", "interlock-guard"}, Against: []string{"interlock"},
		Headlines: []headline{{"interlock-guard", 1.15}},
		Open:      func(*client) error { return nil }, Begin: sendHandshake, End: endHandshake,
	},
}
