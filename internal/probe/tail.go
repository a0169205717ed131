package probe

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// The bytes that are sent after a switch beside [rules.Ping] and [rules.Text].
const (
	closeFrame = "\x88\x82\x94\x1e\xe7\x48\x97\xf6"     // a close with status 1000
	h2cPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"     // RFC 9113 §3.4
	noSettings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // a SETTINGS frame without any (RFC 9113 §6.5)
	quietTime  = 50 * time.Millisecond                  // for the rest of an answer in frames
)

// tail tests the tunnel after a 101, and ends when nothing more can be learned. It reports whether
// it has sent a WebSocket close, so that the server's is expected.
func (a *attempt) tail() (polite bool) {
	until := time.Now().Add(a.settings.Tail)
	a.conn.SetWriteDeadline(until)
	protocol := a.spoken()
	switch {
	case !a.prove:
	case a.script != nil && protocol == "websocket":
		return a.play()
	case protocol == "websocket" && a.h.Frames != nil:
		return a.testFrames()
	case a.h.After != "" && a.agreed(a.h.Agreed):
		a.say(a.h.After)
		a.hear(until, func() bool { return protocol == "websocket" && readFrames(a.behind).closed })
	case protocol == "websocket" && a.caller.polite:
		a.say(rules.Ping)
		a.hear(until, func() bool {
			f := readFrames(a.behind)
			return f.pong || f.closed
		})
	case protocol == "websocket":
		a.say(rules.Ping + rules.Text)
		a.hear(until, func() bool {
			f := readFrames(a.behind)
			return f.pong || f.closed
		})
		if f := readFrames(a.behind); f.pong && !f.closed {
			if quiet := time.Now().Add(a.quiet()); quiet.Before(until) {
				until = quiet
			}
			a.hear(until, func() bool {
				f := readFrames(a.behind)
				return f.echo || f.closed
			})
		}
	case protocol == "h2c" && len(a.h.Asks) > 0:
		in := &insider{h: a.h, say: a.say, hear: a.hear, came: func() []byte { return a.behind }}
		in.ask(until)
		a.inside = in.answers
	case protocol == "h2c" && a.h.Content != "": // a reaction to the content must not be confused with an answer to ours
		a.hear(until, func() bool { return false })
	case protocol == "h2c":
		a.say(h2cPreface + noSettings)
		a.hear(until, func() bool { return len(a.behind) >= 9 && a.behind[3] == 4 })
	default:
		a.hear(until, func() bool { return false })
	}
	if polite = protocol == "websocket" && a.over != wire.CauseServer && a.over != wire.CauseServerReset; polite {
		a.say(closeFrame)
	}
	return polite
}

// agreed reports whether the 101 accepts that WebSocket extension, or any if none is named.
func (a *attempt) agreed(extension string) bool {
	p := a.finals[0]
	for e := range p.Elements("Sec-WebSocket-Extensions") {
		name, _, _ := bytes.Cut(p.Text(e), []byte(";"))
		if wire.EqualFold(bytes.TrimSpace(name), extension) {
			return true
		}
	}
	return extension == ""
}

// quiet is how long to wait for a server that has answered only a part.
func (a *attempt) quiet() time.Duration { return quietTime + 2*a.answered.Sub(a.began) }

// spoken returns the protocol of the tunnel: that of the 101, else the offered one.
func (a *attempt) spoken() string {
	if a.x == nil {
		return ""
	}
	protocol := a.x.Protocol()
	if protocol == "none" && a.x.Request.Has("Sec-WebSocket-Key") {
		return "websocket"
	}
	return protocol
}

// A reply is what the server's frames prove about the switch.
type reply struct {
	pong, echo, closed bool
	pongs              []string // the payloads of its pongs
}

// readFrames reads the frames that are whole in b. A text that is compressed is taken for the echo.
func readFrames(b []byte) (r reply) {
	for len(b) >= 2 {
		first, masked, length, head := b[0], b[1]&0x80 != 0, uint64(b[1]&0x7f), 2
		switch {
		case length == 126 && len(b) >= 4:
			length, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
		case length == 127 && len(b) >= 10:
			length, head = binary.BigEndian.Uint64(b[2:]), 10
		case length > 125:
			return r
		}
		if masked {
			head += 4
		}
		if len(b) < head || uint64(len(b)-head) < length {
			return r
		}
		payload := string(b[head : head+int(length)])
		switch opcode := first & 0x0f; {
		case opcode == 0x8:
			r.closed = true
		case opcode == 0xa:
			r.pong = r.pong || payload == "ok" || masked
			r.pongs = append(r.pongs, payload)
		case opcode <= 0x2:
			r.echo = r.echo || payload == "hi" || masked || first&0x40 != 0
		}
		b = b[head+int(length):]
	}
	return r
}
