package lab

import (
	"io"
	"net/http"
	"time"

	"github.com/gobwas/ws"

	frames "github.com/interlock-proxy/interlock/wire/ws"
)

// A manner is how a faulty backend speaks WebSocket. The zero value is that of a correct one.
type manner struct {
	accepts []frames.FaultKind // the faults of frames that it does not look at
	code    ws.StatusCode      // what it closes with at the others; 0: the right code
	pong    func([]byte) []byte
	mute    bool          // it answers no ping
	close   ws.StatusCode // what it answers close frames with; 0: their own code
	hangsUp bool          // it ends the connection at a close frame without an answer
	stays   bool          // it does not end the connection after a close frame
	goesOn  bool          // it reads on after a close frame
}

// frameFaults returns the faults in reading and writing frames.
func frameFaults() []fault {
	every := make([]frames.FaultKind, frames.FaultKinds)
	for i := range every {
		every[i] = frames.FaultKind(i)
	}
	return []fault{
		{name: "frames-rsv", about: "takes frames with reserved bits", answer: speaking(manner{accepts: every[frames.FaultReserved : frames.FaultReserved+1]})},
		{name: "frames-opcode", about: "takes frames with reserved opcodes", answer: speaking(manner{accepts: every[frames.FaultOpcode : frames.FaultOpcode+1]})},
		{name: "frames-order", about: "takes fragments in any order", answer: speaking(manner{accepts: every[frames.FaultOrder : frames.FaultOrder+1]})},
		{name: "frames-control", about: "takes control frames that are long or fragmented", answer: speaking(manner{accepts: every[frames.FaultControl : frames.FaultControl+1]})},
		{name: "frames-length", about: "takes lengths that are not in their shortest form", answer: speaking(manner{accepts: every[frames.FaultLength : frames.FaultLength+1]})},
		{name: "frames-text", about: "takes text and close reasons that are not UTF-8", answer: speaking(manner{accepts: []frames.FaultKind{frames.FaultText, frames.FaultCloseReason}})},
		{name: "frames-code", about: "takes any code in a close frame, and repeats it", answer: speaking(manner{accepts: []frames.FaultKind{frames.FaultCloseBody, frames.FaultCloseCode}})},
		{name: "frames-any", about: "takes all frames", answer: speaking(manner{accepts: every})},
		{name: "frames-1006", about: "closes with code 1006 at invalid frames", answer: speaking(manner{code: 1006})},
		{name: "frames-1000", about: "closes with code 1000 at invalid frames", answer: speaking(manner{code: 1000})},
		{name: "pong-empty", about: "answers pings with empty pongs", answer: speaking(manner{pong: func([]byte) []byte { return nil }})},
		{name: "pong-none", about: "answers no ping", answer: speaking(manner{mute: true})},
		{name: "close-code", about: "answers close frames with code 1001", answer: speaking(manner{close: 1001})},
		{name: "close-none", about: "ends the connection without an answer to a close frame", answer: speaking(manner{hangsUp: true})},
		{name: "close-open", about: "leaves the connection open after the close frames", answer: speaking(manner{stays: true})},
		{name: "close-late", about: "echoes messages after a close frame", answer: speaking(manner{accepts: every[frames.FaultAfterClose:], goesOn: true})},
	}
}

// speaking accepts valid handshakes, and speaks WebSocket in that manner.
func speaking(m manner) answer {
	return func(p *peer, r *http.Request) bool {
		if no := refuse(r, 0); no != nil {
			return p.reply(r, no)
		}
		if p.write(soundSwitch(r)) {
			in := newStrictReader(p.br, p.conn, m.accepts...)
			in.code = m.code
			p.speak(in, m)
			if m.stays {
				_ = p.conn.SetReadDeadline(time.Now().Add(idleTime))
				_, _ = io.Copy(io.Discard, p.br)
			}
		}
		return false
	}
}

// speak echoes messages until the tunnel ends.
func (p *peer) speak(in io.Reader, m manner) {
	for {
		h, err := ws.ReadHeader(in)
		if err != nil {
			return
		}
		if h.Length > maxMessage {
			_ = writeFrame(p.conn, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusMessageTooBig, "")))
			return
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(in, payload); err != nil {
			return
		}
		ws.Cipher(payload, h.Mask, 0)
		_ = p.conn.SetReadDeadline(time.Now().Add(idleTime))
		switch {
		case h.OpCode == ws.OpClose:
			if !p.closing(payload, m) {
				return
			}
		case h.OpCode == ws.OpPing && !m.mute:
			if m.pong != nil {
				payload = m.pong(payload)
			}
			err = writeFrame(p.conn, ws.NewPongFrame(payload))
		case h.OpCode <= ws.OpBinary:
			err = writeFrame(p.conn, ws.NewFrame(h.OpCode, h.Fin, payload))
		}
		if err != nil {
			return
		}
	}
}

// afterClose is how long a backend that goes on after a close frame does so.
const afterClose = 50 * time.Millisecond

// closing answers a close frame. It reports whether the backend reads on.
func (p *peer) closing(payload []byte, m manner) bool {
	if m.close != 0 {
		payload = ws.NewCloseFrameBody(m.close, "")
	}
	if !m.hangsUp {
		_ = writeFrame(p.conn, ws.NewCloseFrame(payload))
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(afterClose))
	return m.goesOn
}
