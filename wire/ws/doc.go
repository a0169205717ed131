// Package ws reads the WebSocket frames of a tunnel (RFC 6455 §5) to its end and reports what they
// show as [Facts].
//
// A [Reader] takes the bytes of both directions in pieces of any size. It parses the head of each
// frame and skips the payload, except for control frames and text of moderate size. Its memory does
// not grow with the tunnel:
//
//	r := ws.NewReader(ws.Terms{}, 0)
//	r.Feed(ws.Client, bytes, sinceHandshake)
//	r.Skip(ws.Server, r.Skippable(ws.Server), sinceHandshake)
//	facts := r.Facts()
//
// Facts have no payload in them, except for the reason of a Close frame. A reader that is told to
// [Reader.Keep] them also has the last [Messages], decompressed: in bounded memory, and with no more
// than their shape unless their data is wanted.
//
// The package is pure: it has no clock, network or file, and imports only the standard library.
package ws
