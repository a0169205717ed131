package lab

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// forward passes a request on and its answer back. It reports whether the client may send another
// one.
func (h *Hop) forward(client *hopConn, q *wire.Request) (again bool) {
	upgrade := h.offers(q)
	if h.is(hopOwnH2C) && offersH2C(q) {
		return h.speakH2C(client, q)
	}
	b, err := h.connect(q, upgrade)
	if err != nil {
		h.say(client, closing("502 Bad Gateway"))
		return false
	}
	if q.Method == "CONNECT" && h.is(hopConnects) {
		defer h.drop(b)
		_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		h.tunnel(client, b)
		return false
	}
	_, _ = io.WriteString(b, h.outgoing(client, q, upgrade))
	if upgrade && h.is(hopInvents) {
		key, _ := q.Value("Sec-WebSocket-Key")
		_, _ = io.WriteString(client, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "+acceptFor(key)+"\r\n\r\n")
	}
	if upgrade && h.is(hopForwardsEarly) {
		defer h.drop(b)
		h.tunnel(client, b)
		return false
	}
	sent := make(chan bool, 1) // whether the whole body was sent
	switch f := q.RequestFraming(); {
	case f.Kind == wire.FramedEmpty, f.Kind == wire.FramedByLength && int64(client.br.Buffered()) >= f.Length, h.is(hopUnframed):
		sent <- sendBody(b, client, f)
	default:
		h.serving.Go(func() { sent <- sendBody(b, client, f) })
	}
	return h.back(client, b, q, upgrade, sent)
}

// connect returns a connection for a request.
func (h *Hop) connect(q *wire.Request, upgrade bool) (*hopConn, error) {
	if rest, absolute := strings.CutPrefix(q.Target, "http://"); absolute && h.is(hopAbsolute) {
		host, _, _ := strings.Cut(rest, "/")
		return h.get(host)
	}
	switch {
	case q.Method == "CONNECT" && h.is(hopConnects):
		return h.dial(q.Target)
	case upgrade && !h.is(hopPoolsSwitched) && !h.is(hopPoolsDirty) && !h.is(hopPoolsUnsent):
		return h.dial(h.backend)
	}
	return h.get(h.backend)
}

// back passes the answer back.
func (h *Hop) back(client, b *hopConn, q *wire.Request, upgrade bool, sent <-chan bool) (again bool) {
	pooled := false
	defer func() {
		if !pooled {
			h.drop(b)
		}
	}()
	for {
		head, err := wholeHead(b)
		if err != nil {
			h.say(client, closing("502 Bad Gateway"))
			return false
		}
		p := wire.ReadResponse(head)
		if p.Status < 200 && p.Status != 101 {
			if h.is(hopLosesInterim) {
				h.say(client, closing("502 Bad Gateway"))
				return false
			}
			if q.Version == "HTTP/1.1" {
				_, _ = client.Write(head)
			}
			continue
		}
		if p.Status == 101 {
			if pooled = h.switched(client, b, q, p, upgrade); pooled {
				h.put(b)
			}
			return false
		}
		if h.is(hopPoolsUnsent) {
			_ = client.SetReadDeadline(time.Now()) // what is missing of the body is not sent any more
		}
		text, whole := h.answer(b, q, p, upgrade)
		if upgrade && h.is(hopTunnelsRefused) {
			_, _ = client.Write(text)
			h.tunnel(client, b)
			return false
		}
		complete := false
		select {
		case complete = <-sent:
		default:
		}
		pools := !upgrade || h.is(hopPoolsDirty) || h.is(hopPoolsSwitched) || h.is(hopPoolsUnsent)
		pooled = pools && whole && (strings.HasPrefix(q.Target, "/") || h.is(hopAbsolute)) && (complete || h.is(hopPoolsUnsent)) && (b.br.Buffered() == 0 || h.is(hopPoolsDirty)) && !p.HasOption("close")
		if pooled {
			h.put(b)
		}
		_, _ = client.Write(text)
		return complete && whole && !upgrade && q.Method != "CONNECT" && !q.HasOption("close") && q.Version == "HTTP/1.1"
	}
}

// switched judges a 101 and opens the tunnel. It reports whether the backend connection is used
// again.
func (h *Hop) switched(client, b *hopConn, q *wire.Request, p *wire.Response, upgrade bool) (reusable bool) {
	if !h.mayRelay(q, p, upgrade) {
		h.say(client, closing("502 Bad Gateway"))
		return false
	}
	text := "HTTP/1.1 101 Switching Protocols\r\n"
	for _, f := range p.Fields {
		name := string(p.Text(f.Name))
		if !wire.EqualFold(name, "Content-Length") && !wire.EqualFold(name, "Transfer-Encoding") {
			text += name + ": " + string(p.Text(f.Value)) + "\r\n"
		}
	}
	if !h.is(hopInvents) {
		_, _ = io.WriteString(client, text+"\r\n")
	}
	if length, framed := p.Value("Content-Length"); framed && h.is(hopReads101) {
		n, _ := strconv.Atoi(length)
		_, _ = io.CopyN(io.Discard, b.br, int64(n))
	}
	if h.is(hopLosesTail) {
		_ = b.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, _ = b.br.Peek(1)
		_ = b.SetReadDeadline(time.Time{})
		_, _ = b.br.Discard(b.br.Buffered())
	}
	if h.is(hopLosesEarly) {
		_, _ = client.br.Discard(client.br.Buffered())
	}
	h.tunnel(client, b)
	return h.is(hopPoolsSwitched)
}

// mayRelay reports whether a 101 is passed on to the client.
func (h *Hop) mayRelay(q *wire.Request, p *wire.Response, upgrade bool) bool {
	key, _ := q.Value("Sec-WebSocket-Key")
	proof, _ := p.Value("Sec-WebSocket-Accept")
	protocol, _ := p.Value("Upgrade")
	offered, _ := q.Value("Upgrade")
	switch {
	case !upgrade:
		return h.is(hopUnsolicited)
	case h.is(hopUnchecked):
		return true
	case h.is(hopH2C):
		name, _, _ := strings.Cut(protocol, "/")
		return p.HasOption("upgrade") && strings.Contains(strings.ToLower(offered), strings.ToLower(name)) && (name != "websocket" || proof == acceptFor(key)) && !strings.Contains(name, ",") && name != ""
	}
	return p.HasOption("upgrade") && wire.EqualFold(protocol, "websocket") && proof == acceptFor(key)
}

// answer reads a response that is not a 101 and returns what goes to the client. It reports whether
// its end was known by its framing.
func (h *Hop) answer(b *hopConn, q *wire.Request, p *wire.Response, upgrade bool) (out []byte, whole bool) {
	f := p.ResponseFraming(q.Method == "HEAD", false)
	start := string(p.Text(p.Start))
	_, start, _ = strings.Cut(start, " ")
	text := "HTTP/1.1 " + start + "\r\n"
	for _, field := range p.Fields {
		name := string(p.Text(field.Name))
		if wire.EqualFold(name, "Connection") || wire.EqualFold(name, "Upgrade") && p.Status != 426 || wire.EqualFold(name, "Keep-Alive") {
			continue
		}
		text += name + ": " + string(p.Text(field.Value)) + "\r\n"
	}
	switch {
	case p.Status == 426 && p.Has("Upgrade"):
		text += "Connection: Upgrade\r\n"
	case f.Kind == wire.FramedByClose, upgrade && !h.is(hopTunnelsRefused), q.Version == "HTTP/1.0":
		text += "Connection: close\r\n"
	}
	body := bytes.NewBufferString(text + "\r\n")
	switch f.Kind {
	case wire.FramedEmpty, wire.FramedByLength, wire.FramedByChunks:
		whole = sendBody(body, b, f)
	default:
		_, _ = io.Copy(body, b.br)
	}
	return body.Bytes(), whole
}
