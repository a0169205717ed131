package rules

import (
	"encoding/binary"
	"strconv"
)

// What a probe sends after a 101 to WebSocket, in this order, to see whether the server speaks it:
// a masked ping with the payload ok, and a masked text. Pong is the response to that ping (RFC 6455
// §5.5.3). The ping that probes send as a body has another payload, so that the two cannot be
// confused.
const (
	Ping = "\x89\x82\x21\x43\x65\x87\x4e\x28"
	Pong = "\x8a\x02ok"
	Text = "\x81\x82\x56\x78\x9a\xbc\x3e\x11" // hi
)

// The payloads of Ping and of the ping in the body of a probe.
const (
	pingAfterSwitch = "ok"
	pingInContent   = "up"
)

// testsContent reports whether the exchange is a probe that shows how the server read its body.
func testsContent(c *Case) bool {
	return c.probe != nil && (c.probe.Class == Body || c.probe.Class == Expect)
}

// judgeContentRead judges how a server that switched to WebSocket read the body of a probe: the
// body must be gone before the first frame is read. A missing echo does not show that, since some
// servers answer no ping.
func judgeContentRead(c *Case) Result {
	_, misread := findPong(c, pingInContent)
	_, consumed := findPong(c, pingAfterSwitch)
	res := c.result(Fail).by(Server)
	switch {
	case !c.X.Complete:
		return res.as(NotApplicable)
	case misread:
		return res.rated(Critical)
	case consumed:
		return res.as(Pass)
	case c.X.BodyDone && closeForFraming(c) != (frame{}):
		return res
	case c.probe.Class == Expect:
		return res.as(NotApplicable)
	case len(c.X.After.Server) > 0:
		return res.as(Unclear)
	}
	return res.as(Warn).rated(Medium)
}

// findPong returns the first pong of the server with that payload.
func findPong(c *Case, carrying string) (frame, bool) {
	b := c.X.After.Server
	for f := range frames(b) {
		if f.opcode() == opPong && !f.masked && string(f.payload(b)) == carrying {
			return f, true
		}
	}
	return frame{}, false
}

// closeForFraming returns the close frame in which the server says that it got something other than
// frames (1002) or text (1007; RFC 6455 §7.4.1); the zero frame if there is none.
func closeForFraming(c *Case) frame {
	b := c.X.After.Server
	for f := range frames(b) {
		if code := closeCode(f, b); code == 1002 || code == 1007 {
			return f
		}
	}
	return frame{}
}

// closeCode returns the status code of a close frame; 0 if it has none or is another frame.
func closeCode(f frame, b []byte) uint16 {
	if p := f.payload(b); f.opcode() == opClose && !f.masked && len(p) >= 2 {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

// showContentRead shows how the server read the body of a probe.
func showContentRead(c *Case, r Result) Shown {
	b := c.X.After.Server
	at := c.inRequest("Content-Length", "Transfer-Encoding")
	if f, ok := findPong(c, pingInContent); ok {
		return says("Server read the request body as WebSocket frames: it answered the ping hidden in the body",
			append(at, spanOfFrame(f, b)))
	}
	switch f := closeForFraming(c); {
	case len(b) == 0:
		return says("Server switched on a request with a body; nothing shows what it did with the body", append(at, c.inResponse()...))
	case r.Verdict == Fail:
		return says("Server read the request body as WebSocket frames and closed the connection with code %s",
			append(at, spanOfFrame(f, b)), strconv.Itoa(int(closeCode(f, b))))
	}
	return says("Server switched on a request with a body and did not answer a ping", append(at, Span{FromServer, 0, len(b)}))
}

func spanOfFrame(f frame, b []byte) Span {
	return Span{FromServer, f.from, f.from + f.head + len(f.payload(b))}
}
