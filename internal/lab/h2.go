package lab

import (
	"bytes"
	"net/http"
	"slices"
	"time"
)

// The paths of the HTTP/2 backends that answer an extended CONNECT, and the page that lists what
// the far side has seen.
const (
	h2Path    = "/ws"
	h2Guarded = "/admin" // demands a login
	h2Seen    = "/seen"
)

// h2Preface is what a client sends first (RFC 9113 §3.4).
const h2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// H2Backends returns the backends that speak HTTP/2 in plain text by prior knowledge, and open
// WebSockets by extended CONNECT (RFC 8441): a correct one, then the faulty ones. They speak
// HTTP/1.1 at the same port, without a fault. [Find], [Start] and [Listen] know them. The caller owns
// the slice.
//
// Each is a bridge with both sides in one: it writes every request that it does not reject as an
// HTTP/1.1 head, and answers what it reads there. GET /seen lists these heads. The pages answer a
// request that has the header x-il with the same header.
func H2Backends() []Backend {
	var backends []Backend
	for _, f := range h2Faults() {
		b := f.backend()
		b.Caught, b.Warned = fields(h2Caught()[b.Name]), fields(h2Warned()[b.Name])
		backends = append(backends, b)
	}
	return backends
}

// EveryBackend returns those of [Backends] and of [H2Backends].
func EveryBackend() []Backend { return slices.Concat(Backends(), H2Backends()) }

// backend has the fault in HTTP/2.
func (f h2Fault) backend() Backend {
	far := &h2Far{}
	twin := Backend{routes: map[string]answer{h2Path: leavingOut(0), h2Guarded: guarded}}
	return Backend{
		Name: f.name, About: f.about, Sound: f.name == "h2", Paths: []string{h2Path, h2Guarded},
		talk: func(p *peer) {
			_ = p.conn.SetReadDeadline(time.Now().Add(idleTime))
			if _, err := p.br.Peek(1); err != nil {
				return
			}
			_ = p.conn.SetReadDeadline(time.Now().Add(headTime))
			if start, _ := p.br.Peek(3); string(start) != h2Preface[:3] && !p.begunBadly() {
				twin.serve(p)
				return
			}
			c := newH2Conn(f.manner, far)
			c.own = p.conn.LocalAddr().String()
			p.speakH2(c)
		},
	}
}

// begunBadly reports whether the first line is neither the preface of HTTP/2 nor a request line of HTTP/1:
// three words, the last of which names no version of HTTP. It waits for the line, as far as its buffer goes.
func (p *peer) begunBadly() bool {
	for n := 1; ; n = p.br.Buffered() + 1 {
		_, err := p.br.Peek(n)
		start, _ := p.br.Peek(p.br.Buffered())
		if line, _, complete := bytes.Cut(start, []byte("\n")); complete {
			words := bytes.Fields(line)
			return len(words) == 3 && !bytes.HasPrefix(bytes.ToUpper(words[2]), []byte("HTTP/"))
		}
		if err != nil {
			return false
		}
	}
}

// guarded demands a login of every request, and answers handshakes and others.
func guarded(p *peer, r *http.Request) bool {
	switch {
	case !loggedIn(r):
		return demandLogin(p, r)
	case hasOffer(r):
		return leavingOut(0)(p, r)
	}
	return p.reply(r, adminPage())
}

func adminPage() *reply { return &reply{status: http.StatusOK, text: "routes, locks\n"} }

// speakH2 reads and answers until the connection ends.
func (p *peer) speakH2(c *h2Conn) {
	buf := make([]byte, 16<<10)
	for !c.over {
		if !p.flushH2(c) {
			return
		}
		wait := time.Now().Add(idleTime)
		if begun, ok := c.begun(); ok {
			wait = begun.Add(headTime)
		}
		_ = p.conn.SetReadDeadline(wait)
		n, err := p.br.Read(buf)
		for rest := buf[:n]; len(rest) > 0 && !c.over; {
			part := rest[:min(len(rest), 1<<10)] // bounds the answers in memory
			rest = rest[len(part):]
			c.feed(part)
			if !p.flushH2(c) {
				return
			}
		}
		if err != nil {
			break
		}
	}
	if p.flushH2(c) {
		linger(p.conn, p.br)
	}
}

// flushH2 sends what the connection has to say.
func (p *peer) flushH2(c *h2Conn) bool {
	if c.out.Len() == 0 {
		return true
	}
	_ = p.conn.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := p.conn.Write(c.out.Bytes())
	c.out.Reset()
	return err == nil
}
