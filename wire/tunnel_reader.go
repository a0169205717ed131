package wire

import (
	"bytes"
	"encoding/base64"
	"time"

	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/tlsrec"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// A tunnelReader reads the frames of a tunnel to its end, in the protocol that the 101 names.
type tunnelReader interface {
	feed(d Direction, p []byte, at time.Duration)
	skip(d Direction, n int64, at time.Duration)
	skippable(d Direction) int64
	reads(d Direction) bool
	faulty(d Direction) bool
	stop(d Direction)
	tell(a *After) // what is known so far
}

// newTunnelReader returns a reader for the tunnel of an exchange, which begins at that time after it;
// nil if its protocol is not one whose frames are read.
func newTunnelReader(x *Exchange, began time.Duration) tunnelReader {
	switch x.Protocol() {
	case "websocket":
		return webSocketReader{sides[ws.Side, *ws.Reader]{ws.NewReader(x.terms(), began)}}
	case "h2c":
		return http2Reader{sides[h2.Side, *h2.Reader]{h2.NewReader(x.http2Terms(), began)}}
	case "tls":
		return tlsReader{sides[tlsrec.Side, *tlsrec.Reader]{tlsrec.NewReader(began)}}
	}
	return nil
}

type webSocketReader struct{ sides[ws.Side, *ws.Reader] }

func (r webSocketReader) tell(a *After) { a.Frames, a.Messages = r.of.Facts(), r.of.Messages() }

type http2Reader struct{ sides[h2.Side, *h2.Reader] }

func (r http2Reader) tell(a *After) { a.HTTP2 = r.of.Facts() }

// A streamsReader reads HTTP/2, and follows the streams.
type streamsReader struct{ m *multiplex }

func (r streamsReader) feed(d Direction, p []byte, at time.Duration) {
	r.m.feed(d, p, r.m.began.Add(at))
}
func (r streamsReader) skip(d Direction, n int64, at time.Duration) {
	r.m.skip(d, n, r.m.began.Add(at))
}
func (r streamsReader) skippable(d Direction) int64 { return r.m.decoder.Skippable(h2.Side(d)) }
func (r streamsReader) reads(d Direction) bool      { return r.m.decoder.Reads(h2.Side(d)) }
func (r streamsReader) faulty(d Direction) bool     { return r.m.decoder.Faulty(h2.Side(d)) }
func (r streamsReader) stop(d Direction)            { r.m.decoder.Stop(h2.Side(d)) }
func (r streamsReader) tell(a *After)               { a.HTTP2 = r.m.decoder.Facts() }

// Streams reports whether streams of HTTP/2 are followed: those of the connection, or of its tunnel.
func (c *Conversation) Streams() bool { return c.multiplex() != nil }

// multiplex is what follows the streams of the connection, or of its tunnel; nil if nothing does.
func (c *Conversation) multiplex() *multiplex {
	if c.http2 != nil || c.tunnel == nil {
		return c.http2
	}
	r, _ := c.tunnel.frames.(streamsReader)
	return r.m
}

type tlsReader struct {
	sides[tlsrec.Side, *tlsrec.Reader]
}

func (r tlsReader) tell(a *After) { a.TLS = r.of.Facts() }

// sides is a reader whose package has a type of its own for the two sides. It is one pointer, so that
// a tunnel at rest takes no more.
type sides[S ~uint8, R interface {
	Feed(from S, p []byte, at time.Duration)
	Skip(from S, n int64, at time.Duration)
	Skippable(from S) int64
	Reads(from S) bool
	Faulty(from S) bool
	Stop(from S)
}] struct{ of R }

func (s sides[S, R]) feed(d Direction, p []byte, at time.Duration) { s.of.Feed(S(d), p, at) }
func (s sides[S, R]) skip(d Direction, n int64, at time.Duration)  { s.of.Skip(S(d), n, at) }
func (s sides[S, R]) skippable(d Direction) int64                  { return s.of.Skippable(S(d)) }
func (s sides[S, R]) reads(d Direction) bool                       { return s.of.Reads(S(d)) }
func (s sides[S, R]) faulty(d Direction) bool                      { return s.of.Faulty(S(d)) }
func (s sides[S, R]) stop(d Direction)                             { s.of.Stop(S(d)) }

// http2Terms returns what the client says of HTTP/2 in its request.
func (x *Exchange) http2Terms() h2.Terms {
	t := h2.Terms{Upgraded: true}
	if x.Request.Count("HTTP2-Settings") == 1 {
		for e := range x.Request.Elements("HTTP2-Settings") {
			text := bytes.TrimRight(x.Request.Text(e), "=")
			payload, err := base64.RawURLEncoding.DecodeString(string(text))
			if err == nil {
				t.Settings = h2.ReadSettings(payload)
			}
		}
	}
	return t
}
