package lab

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/gobwas/ws"
	"golang.org/x/net/http2"

	frames "github.com/interlock-proxy/interlock/wire/ws"
)

// An h2Tunnel is what is inside of a stream whose CONNECT was accepted.
type h2Tunnel struct {
	read   *frames.Reader // judges WebSocket frames; nil: the tunnel carries something else
	in     []byte         // incomplete frames
	fed    int64          // bytes that were looked at
	closed bool           // a close frame was sent
	inner  *h2Conn        // speaks h2c; nil: bytes are echoed
	far    string         // the server that the tunnel leads to; empty: this one
}

// open begins a tunnel. The client may have ended it already.
func (c *h2Conn) open(s *h2Stream, r *http.Request) {
	s.tunnel = &h2Tunnel{}
	switch protocol := r.Header.Get("Upgrade"); {
	case protocol == "h2c" && c.manner.tunnelsH2C:
		s.tunnel.inner = c.inside()
	case protocol == "websocket" || c.manner.overlooks&flawProtocol == 0:
		s.tunnel.read = frames.NewReader(frames.Terms{}, 0)
	}
	c.carry(s, nil)
}

// upgrade answers an HTTP/1.1 upgrade in a stream with a 101, which HTTP/2 does not have
// (RFC 9113 §8.6), and sends a message.
func (c *h2Conn) upgrade(s *h2Stream, r *http.Request) {
	if no := refuse(r, 0); no != nil {
		c.reply(s, r, no)
		return
	}
	c.answer(s, http.StatusSwitchingProtocols, [][2]string{
		{"upgrade", "websocket"}, {"connection", "Upgrade"}, {"sec-websocket-accept", acceptFor(r.Header.Get("Sec-WebSocket-Key"))},
	}, false)
	hello := ws.MustCompileFrame(ws.NewTextFrame([]byte("hello")))
	s.tunnel = &h2Tunnel{read: frames.NewReader(frames.Terms{}, 0)}
	if c.manner.unframed {
		c.out.Write(hello)
		return
	}
	c.send(s, hello, s.heEnded)
}

// inside returns the server in a tunnel to h2c, which demands no login.
func (c *h2Conn) inside() *h2Conn {
	return newH2Conn(h2Manner{overlooks: flawLogin, open: true}, c.far)
}

// upgradeH2C is upgrade for an offer of h2c.
func (c *h2Conn) upgradeH2C(s *h2Stream) {
	c.answer(s, http.StatusSwitchingProtocols, [][2]string{{"upgrade", "h2c"}, {"connection", "Upgrade"}}, false)
	s.tunnel = &h2Tunnel{inner: c.inside()}
	c.carry(s, nil)
}

// dial answers a CONNECT with what the server at that address says to a request for that path, if it is
// at a loopback address. Without a path it waits for what the client sends.
func (c *h2Conn) dial(s *h2Stream, authority, path string) {
	if path == "" && isLoopback(authority) {
		c.answer(s, http.StatusOK, nil, false)
		s.tunnel = &h2Tunnel{far: authority}
		return
	}
	far, err := dialLoopback(authority)
	if err != nil {
		c.reply(s, nil, &reply{status: http.StatusBadGateway, text: "no upstream\n"})
		return
	}
	defer func() { _ = far.Close() }()
	_, _ = io.WriteString(far, "GET "+path+" HTTP/1.1\r\nHost: "+authority+"\r\nConnection: close\r\n\r\n")
	said, _ := io.ReadAll(io.LimitReader(far, maxMessage))
	c.answer(s, http.StatusOK, nil, false)
	s.tunnel = &h2Tunnel{}
	c.send(s, said, true)
}

// carry takes what a client sent into a tunnel, and its end.
func (c *h2Conn) carry(s *h2Stream, b []byte) {
	t := s.tunnel
	switch {
	case t.far != "":
		c.relay(s, b)
		return
	case t.inner != nil:
		if !t.inner.over {
			t.inner.feed(b)
		}
		c.send(s, t.inner.out.Bytes(), t.inner.over)
		t.inner.out.Reset()
	case t.read == nil:
		c.send(s, b, false)
	case !t.closed:
		answer := t.echo(b)
		if t.closed && s.heEnded && c.manner.closeResets {
			c.reset(s.id, http2.ErrCodeProtocol)
			return
		}
		c.send(s, answer, t.closed && !c.manner.neverEnds)
	}
	if s.heEnded && !c.manner.neverEnds {
		c.send(s, nil, true) // RFC 9113 §8.5
	}
}

// relay passes what a client sent on to the server that it has named, and ends the tunnel with the
// answer.
func (c *h2Conn) relay(s *h2Stream, b []byte) {
	far, err := dialLoopback(s.tunnel.far)
	if len(b) == 0 || err != nil {
		c.send(s, nil, s.heEnded)
		return
	}
	defer func() { _ = far.Close() }()
	_, _ = far.Write(b)
	said, _ := io.ReadAll(io.LimitReader(far, maxMessage))
	c.send(s, said, true)
}

// echo returns the answer to WebSocket frames, and keeps an incomplete one. At the first frame that
// RFC 6455 forbids it is a close frame.
func (t *h2Tunnel) echo(b []byte) []byte {
	var out bytes.Buffer
	t.read.Feed(frames.Client, b, 0)
	var found *frames.Fault
	if t.read.Faulty(frames.Client) {
		found = &t.read.Facts().Sides[frames.Client].Faults[0]
		b = b[:min(max(found.Offset-t.fed, 0), int64(len(b)))]
	}
	t.fed += int64(len(b))
	t.in = append(t.in, b...)
	for !t.closed && t.one(&out) {
	}
	if found != nil && !t.closed {
		t.close(&out, ws.NewCloseFrameBody(codeFor(found.Kind), found.Kind.String()))
	}
	return out.Bytes()
}

// one answers one complete frame, and reports whether there was one.
func (t *h2Tunnel) one(out *bytes.Buffer) bool {
	in := bytes.NewReader(t.in)
	h, err := ws.ReadHeader(in)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return false
	case err != nil:
		t.close(out, ws.NewCloseFrameBody(ws.StatusProtocolError, ""))
		return false
	case h.Length > maxMessage:
		t.close(out, ws.NewCloseFrameBody(ws.StatusMessageTooBig, ""))
		return false
	case int64(in.Len()) < h.Length:
		return false
	}
	payload := t.in[len(t.in)-in.Len():][:h.Length]
	ws.Cipher(payload, h.Mask, 0)
	switch h.OpCode {
	case ws.OpClose:
		t.close(out, payload)
	case ws.OpPing:
		_ = ws.WriteFrame(out, ws.NewPongFrame(payload))
	case ws.OpPong:
	default:
		_ = ws.WriteFrame(out, ws.NewFrame(h.OpCode, h.Fin, payload))
	}
	t.in = append([]byte(nil), t.in[len(t.in)-in.Len()+int(h.Length):]...)
	return true
}

func (t *h2Tunnel) close(out *bytes.Buffer, body []byte) {
	_ = ws.WriteFrame(out, ws.NewCloseFrame(body))
	t.closed = true
}

// readEarly reads what a client sent to a tunnel before it was refused as the next requests on the
// connection to the far side.
func (c *h2Conn) readEarly(s *h2Stream, b []byte) {
	if s.early = append(s.early, b...); len(s.early) > maxHead {
		c.reset(s.id, http2.ErrCodeEnhanceYourCalm)
		return
	}
	_, rest := c.far.read(string(s.early))
	s.early = append([]byte{}, rest...)
}
