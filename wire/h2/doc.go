// Package h2 reads the HTTP/2 frames of a connection (RFC 9113 §4) to its end and reports what they
// show as [Facts].
//
// A [Reader] takes the bytes of both directions in pieces of any size. It parses the head of each
// frame and skips the payload, except for the few bytes of SETTINGS, RST_STREAM, GOAWAY and
// WINDOW_UPDATE. Its memory does not grow with the connection:
//
//	r := h2.NewReader(h2.Terms{Upgraded: true}, 0)
//	r.Feed(h2.Client, bytes, sinceHandshake)
//	r.Skip(h2.Server, r.Skippable(h2.Server), sinceHandshake)
//	facts := r.Facts()
//
// A side whose bytes break the protocol is not read any further, as no receiver reads on after a
// connection error. The package is pure: it has no clock, network or file.
package h2
