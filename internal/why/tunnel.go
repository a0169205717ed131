package why

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// frames are what the first bytes of the server say after a 101.
type frames struct {
	pong   bool
	closed bool
	code   int    // of the close frame; 1005 if it has none
	reason string // of the close frame
	other  bool   // the bytes are not WebSocket frames of a server
}

// framesOf reads the first frames of the server.
func framesOf(x *wire.Exchange) (f frames) {
	b := x.After.Server
	for len(b) >= 2 && !f.closed {
		first, length, head := b[0], uint64(b[1]&0x7f), 2
		opcode := first & 0x0f
		if b[1]&0x80 != 0 || first&0x30 != 0 || opcode > 0xa || opcode > 2 && opcode < 8 || opcode >= 8 && (first&0xf0 != 0x80 || length > 125) {
			f.other = true
			return f
		}
		switch {
		case length == 126 && len(b) >= 4:
			length, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
		case length == 127 && len(b) >= 10:
			length, head = binary.BigEndian.Uint64(b[2:]), 10
		case length > 125:
			return f
		}
		if uint64(len(b)-head) < length {
			return f
		}
		payload := b[head : head+int(length)]
		switch opcode {
		case 0x8:
			f.closed, f.code = true, 1005
			if len(payload) >= 2 {
				f.code, f.reason = int(binary.BigEndian.Uint16(payload)), string(payload[2:])
			}
		case 0xa:
			f.pong = true
		}
		b = b[head+int(length):]
	}
	return f
}

// broken reports whether the tunnel is of no use: the server ended it before it answered a ping, or
// sent what is not WebSocket.
func (f frames) broken(x *wire.Exchange) bool {
	if x.Origin == wire.OriginFile && f.closed && (f.code == 1000 || f.code == 1001 || f.code == 1005) { // the tunnel of another client, which is over
		return false
	}
	return !f.pong && (f.other || f.closed || x.After.ServerClosed || x.Cause == wire.CauseServerReset)
}

// tunnel says in a few words what followed the 101.
func (a *attempt) tunnel() string {
	f := framesOf(a.x)
	switch {
	case a.x.After.Opaque:
		return "accepted"
	case f.pong:
		return "a ping is answered"
	case f.closed && !f.broken(a.x):
		return "accepted, and closed in order: " + f.ending()
	case f.closed:
		return "then the server closes: " + f.ending()
	case f.other:
		return fmt.Sprintf("then bytes that are not WebSocket: \"%s\"", wire.Escape(a.x.After.Server[:min(len(a.x.After.Server), 24)]))
	case a.x.Cause == wire.CauseServerReset:
		return "then the server resets the connection"
	case a.x.After.ServerClosed:
		return "then the server closes the connection"
	}
	return "a ping is not answered"
}

// ending is the code and the reason of a close frame.
func (f frames) ending() string {
	reason := strings.TrimSpace(f.reason)
	if reason == "" || !utf8.ValidString(reason) {
		return fmt.Sprint(f.code)
	}
	return fmt.Sprintf("%d %q", f.code, printed.Cut(rules.PublicReason(reason), 60))
}
