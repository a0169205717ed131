package chain

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A plan is what the sink does with one request. The zero value answers 200 with the id.
type plan struct {
	answer func(a *arrival) reply // nil: as the zero value
}

// A reply is an answer of the sink.
type reply struct {
	body   bodyTime
	pieces []piece                  // nil: nothing is sent
	tunnel func(b *backend, at int) // what happens after the answer, instead of HTTP; at is the offset of the first byte; nil: HTTP goes on
	end    ending
}

// A piece of an answer is sent after a time.
type piece struct {
	after time.Duration
	text  string
}

// A bodyTime is when the sink reads the body of a request.
type bodyTime uint8

const (
	bodyFirst bodyTime = iota // before the answer
	bodyAfter                 // after the answer
)

// An ending is what the sink does to a connection after an answer.
type ending uint8

const (
	stay       ending = iota // the next request is read
	closes                   // the connection is closed
	closesHalf               // the sink sends a FIN and reads on
)

// serve reads requests and answers them until the connection ends.
func (b *backend) serve() {
	defer b.finish()
	for at := 0; ; {
		head, ok := b.head(at)
		if !ok {
			return
		}
		a := &arrival{backend: b, from: at, to: at + len(head), at: time.Now(), request: wire.ReadRequest(head), done: make(chan struct{})}
		at = a.to
		if !strings.HasPrefix(a.request.Version, "HTTP/1.") {
			a.garbage = true
		}
		a.id = b.sink.find(a.request)
		p := b.sink.arrived(a)
		var again bool
		at, again = b.answer(p, a, at)
		if b.sink.shorten(a); !again {
			return
		}
	}
}

// finish ends a connection after its last answer in good order: the hop may still have to read that.
func (b *backend) finish() {
	b.halfClose()
	b.wait(context.Background(), time.Second, func([]byte) bool { return false })
	b.conn.Close()
}

// head waits for the next head. It skips no byte, so that all of them are in the record.
func (b *backend) head(at int) (head []byte, ok bool) {
	b.wait(context.Background(), idleTime, func(in []byte) bool {
		n := headEnd(in[at:])
		if n > 0 {
			head, ok = bytes.Clone(in[at:at+n]), true
		}
		return ok || len(in)-at > maxHead
	})
	return head, ok
}

// headEnd returns the length of the head that text begins with; 0 while it is incomplete.
func headEnd(text []byte) int {
	start := len(text) - len(bytes.TrimLeft(text, "\r\n"))
	for i := start; i < len(text); i++ {
		if text[i] != '\n' {
			continue
		}
		rest := text[i+1:]
		switch {
		case bytes.HasPrefix(rest, []byte("\n")):
			return i + 2
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return i + 3
		}
	}
	return 0
}

// answer sends the answer to a request whose head ended at that offset. It returns where the next
// one begins, and whether there can be one.
func (b *backend) answer(p plan, a *arrival, at int) (next int, again bool) {
	r := reply{pieces: []piece{{0, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"}}, end: closes}
	switch {
	case a.garbage:
	case a.request.Method == "CONNECT":
		r = says("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
	case p.answer != nil:
		r = p.answer(a)
	case a.request.Method != "CONNECT":
		r = ok(a.id)
	default:
		r = says("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n")
	}
	whole := true
	if r.body == bodyFirst {
		at, whole = b.body(a, at)
	}
	if whole {
		for _, each := range r.pieces {
			if each.after > 0 {
				time.Sleep(each.after)
			}
			if strings.HasPrefix(each.text, "HTTP/1.1 101 ") {
				b.leaveHTTP(at)
			}
			b.send(each.text)
		}
		if r.body == bodyAfter && r.end == stay && r.tunnel == nil {
			at, whole = b.body(a, at)
		}
	}
	close(a.done)
	switch {
	case !whole:
		return at, false
	case r.tunnel != nil:
		r.tunnel(b, at)
		return at, false
	case r.end == closesHalf:
		b.halfClose()
		b.wait(context.Background(), idleTime, func([]byte) bool { return false })
		return at, false
	}
	return at, r.end == stay
}

// body reads the body of a request. It reports whether all of it has come.
func (b *backend) body(a *arrival, at int) (next int, whole bool) {
	f := a.request.RequestFraming()
	if f.Kind != wire.FramedByLength && f.Kind != wire.FramedByChunks {
		return at, true
	}
	b.sink.mu.Lock()
	a.bodyAt = at
	b.sink.mu.Unlock()
	var n int
	switch f.Kind {
	case wire.FramedByLength:
		n = int(min(f.Length, maxLine))
		whole = b.wait(context.Background(), idleTime, func(in []byte) bool { return len(in) >= at+n })
	case wire.FramedByChunks:
		end := []byte("0\r\n\r\n")
		whole = b.wait(context.Background(), idleTime, func(in []byte) bool {
			i := bytes.Index(in[at:], end)
			n = i + len(end)
			return i >= 0
		})
	}
	in, _ := b.received()
	if !whole {
		a.body = bytes.Clone(in[at:])
		return len(in), false
	}
	a.body = bytes.Clone(in[at : at+n])
	b.sink.mu.Lock()
	a.bodyEnd = at + n
	b.sink.mu.Unlock()
	return at + n, true
}

// respond returns a response with a body.
func respond(status int, body string, fields ...string) string {
	reason := map[int]string{
		200: "OK", 204: "No Content", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 426: "Upgrade Required",
		503: "Service Unavailable",
	}[status]
	text := "HTTP/1.1 " + strconv.Itoa(status) + " " + reason + "\r\n"
	if status != 204 {
		text += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	for _, f := range fields {
		text += f + "\r\n"
	}
	return text + "\r\n" + body
}

// ok answers 200 with the id.
func ok(id string) reply { return says(respond(200, "body-"+id)) }

// says is a reply in one piece.
func says(text string) reply { return reply{pieces: []piece{{0, text}}} }
