package chain

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// up and down are the marks of a tunnel: the client sends the first, and the sink answers with the
// second.
func up(id string) string   { return "TK " + id + " c" }
func down(id string) string { return "TK " + id + " s" }

// raw is what no HTTP parser passes on: where it reaches the sink, there is a tunnel.
func raw(id string) string { return "\x01RAW" + id + "\x02\r\n\r\n" }

// clientFrame is a masked text frame of less than 64 KiB. The key is 0, so that the payload is in
// clear text.
func clientFrame(payload string) string {
	if n := len(payload); n > 125 { // a length is in as few bytes as it can be, or a hop may write it so (RFC 6455 §5.2)
		return "\x81\xfe" + string(binary.BigEndian.AppendUint16(nil, uint16(n))) + "\x00\x00\x00\x00" + payload
	}
	return "\x81" + string([]byte{0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
}

// serverFrame is a text frame of at most 125 bytes.
func serverFrame(payload string) string { return string([]byte{0x81, byte(len(payload))}) + payload }

// accept returns the Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2).
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// offered reports whether the head that reached the sink offers that protocol by all that RFC 9110
// §7.8 asks for.
func offered(q *wire.Request, protocol string) bool {
	if !q.HasOption("upgrade") {
		return false
	}
	for _, p := range q.Protocols() {
		if p.Is(protocol) {
			return true
		}
	}
	return false
}

// switching is a 101 to that protocol with these further headers.
func switching(protocol string, a *arrival, fields ...string) string {
	text := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + protocol + "\r\n"
	if protocol == "websocket" {
		key, _ := a.request.Value("Sec-WebSocket-Key")
		text += "Sec-WebSocket-Accept: " + accept(key) + "\r\n"
	}
	return text + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

// tunnelled is a 101 in one piece, and the marks in the tunnel after it.
func tunnelled(text string) reply {
	return reply{body: bodyAfter, pieces: []piece{{0, text}}, tunnel: answerMarks}
}

// always switches to a protocol whatever has come.
func always(protocol string, fields ...string) plan {
	return plan{func(a *arrival) reply { return tunnelled(switching(protocol, a, fields...)) }}
}

// sound switches to a protocol where the head that came offers it, and answers 200 otherwise.
func sound(protocol string) plan {
	return plan{func(a *arrival) reply {
		if !offered(a.request, protocol) {
			return ok(a.id)
		}
		return tunnelled(switching(protocol, a))
	}}
}

// answerMarks answers each mark of a client in a tunnel, until the connection ends.
func answerMarks(b *backend, at int) {
	ctx := context.Background()
	for {
		var found string
		b.wait(ctx, idleTime, func(in []byte) bool {
			in = b.clear(in)
			i := bytes.Index(in[at:], []byte("TK "))
			if i < 0 || len(in) < at+i+len(up("0123456789abcdef")) {
				return false
			}
			at += i
			found = string(in[at+3 : at+19])
			at += 3
			return true
		})
		if found == "" {
			return
		}
		b.send(serverFrame(down(found)))
	}
}

// tunnel sends a mark from the client and reports in which directions it passes.
func (t *attempt) tunnel(l *line, id string) (upward, downward bool) {
	l.send(clientFrame(up(id)))
	return t.marked(l, id)
}

// marked reports whether the mark of the client, once it was sent, reaches the sink, and the answer
// the client.
func (t *attempt) marked(l *line, id string) (upward, downward bool) {
	downward = t.wait(l, t.times.Come, func(in []byte) bool { return bytes.Contains(in, []byte(down(id))) })
	b, _ := t.sink.saw(up(id))
	return b != nil, downward
}

// leaks sends what no HTTP parser passes on, and reports whether it reaches the sink.
func (t *attempt) leaks(l *line, id string) bool {
	l.send(raw(id))
	return t.gets("RAW" + id)
}

// gets waits for what must not reach the sink, in a request or in a tunnel, and reports whether it does.
func (t *attempt) gets(marker string) bool {
	for began := time.Now(); time.Since(began) < t.times.Not && t.ctx.Err() == nil; t.pause(t.times.Not / 50) {
		if b, _ := t.sink.saw(marker); b != nil {
			return true
		}
	}
	return false
}
