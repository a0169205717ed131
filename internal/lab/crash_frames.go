package lab

import (
	"bytes"
	"compress/flate"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gobwas/ws"

	frames "github.com/interlock-proxy/interlock/wire/ws"
)

// The bounds of messages. A server without them crashes beyond.
const (
	mostFrame     = 1 << 20
	mostFragments = 10_000
	mostInflated  = 8 << 20
)

// The ends of a tunnel beside those of the protocol.
const (
	goOn   ws.StatusCode = 0
	fatal  ws.StatusCode = 1 // the server crashes
	tooBig               = ws.StatusMessageTooBig
)

// A watch looks at each frame of a tunnel before and after its payload is read, and says how the
// tunnel ends.
type watch func(h ws.Header, payload []byte, before bool) ws.StatusCode

// inTunnel accepts valid handshakes and echoes frames while no watch ends the tunnel. With deflate
// it agrees to permessage-deflate without parameters.
func inTunnel(deflate bool, watches ...func() watch) answer {
	return func(p *peer, r *http.Request) bool {
		if no := refuse(r, 0); no != nil {
			return p.reply(r, no)
		}
		head, terms := soundSwitch(r), frames.Terms{}
		if deflate && strings.TrimSpace(r.Header.Get("Sec-WebSocket-Extensions")) == "permessage-deflate" {
			terms.Deflate = true
			head = adding(func(*http.Request) string { return "Sec-WebSocket-Extensions: permessage-deflate" })(r)
		}
		var all []watch
		for _, begin := range watches {
			all = append(all, begin())
		}
		if p.write(head) && p.watched(terms, all) == fatal {
			_ = p.listener.Close()
		}
		return false
	}
}

// watched echoes frames as echoFrames does, and returns the reason of the end if a watch gave one.
func (p *peer) watched(terms frames.Terms, all []watch) ws.StatusCode {
	in := newStrictReader(p.br, p.conn)
	in.read = frames.NewReader(terms, 0)
	for {
		_ = p.conn.SetReadDeadline(time.Now().Add(idleTime))
		h, err := ws.ReadHeader(in)
		if err != nil {
			return goOn
		}
		if code := look(all, h, nil, true); code != goOn {
			return p.part(code)
		}
		if h.Length > mostFrame {
			return p.part(tooBig)
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(in, payload); err != nil {
			return goOn
		}
		ws.Cipher(payload, h.Mask, 0)
		if code := look(all, h, payload, false); code != goOn {
			return p.part(code)
		}
		switch {
		case h.OpCode == ws.OpClose:
			_ = writeFrame(p.conn, ws.NewCloseFrame(payload))
			return goOn
		case h.OpCode == ws.OpPing:
			err = writeFrame(p.conn, ws.NewPongFrame(payload))
		case h.OpCode.IsData() || h.OpCode == ws.OpContinuation:
			if h.Rsv == 0 && h.Fin && h.OpCode != ws.OpContinuation {
				err = writeFrame(p.conn, ws.NewFrame(h.OpCode, true, payload))
			}
		}
		if err != nil {
			return goOn
		}
	}
}

func look(all []watch, h ws.Header, payload []byte, before bool) ws.StatusCode {
	for _, w := range all {
		if code := w(h, payload, before); code != goOn {
			return code
		}
	}
	return goOn
}

// part sends a close, unless the server crashes.
func (p *peer) part(code ws.StatusCode) ws.StatusCode {
	if code != fatal {
		_ = writeFrame(p.conn, ws.NewCloseFrame(ws.NewCloseFrameBody(code, "")))
	}
	return code
}

// longFrames ends a tunnel at a length that no memory has.
func longFrames(code ws.StatusCode) func() watch {
	return func() watch {
		return func(h ws.Header, _ []byte, before bool) ws.StatusCode {
			if before && h.Length > 1<<40 {
				return code
			}
			return goOn
		}
	}
}

// countFragments ends a tunnel at a message of too many fragments.
func countFragments(code ws.StatusCode) func() watch {
	return func() watch {
		n := 0
		return func(h ws.Header, _ []byte, before bool) ws.StatusCode {
			switch {
			case !before || h.OpCode.IsControl():
			case h.Fin:
				n = 0
			default:
				n++
			}
			if n > mostFragments {
				return code
			}
			return goOn
		}
	}
}

// inflateAll ends a tunnel at a message that inflates to too much.
func inflateAll(code ws.StatusCode) func() watch {
	return func() watch {
		return func(h ws.Header, payload []byte, before bool) ws.StatusCode {
			if before || h.Rsv == 0 {
				return goOn
			}
			r := flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
			if n, _ := io.CopyN(io.Discard, r, mostInflated+1); n > mostInflated {
				return code
			}
			return goOn
		}
	}
}
