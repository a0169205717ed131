// Package hop says what a proxy between two Interlocks did to handshakes: it pairs the exchanges of
// one with those of the other, and compares each pair. Rulings are compared as they are shown, so
// nothing in a result is a secret that the rulings do not show.
//
// The Interlock before the proxy, seen from the client, is the near one, the other one is the far
// one. The package is pure: it has no logger, clock, network or file.
package hop
