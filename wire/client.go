package wire

import (
	"bytes"
	"slices"
	"time"
)

// feedClient reads requests.
func (c *Conversation) feedClient(p []byte, base int64, now time.Time) {
	if c.tunnel != nil && c.tunnel.started[FromClient] {
		return
	}
	c.borrow()
	at, rest := base, p
	for {
		if c.headSince.IsZero() && len(rest) > 0 && c.up.Resting() {
			c.headSince = now
		}
		n, e := c.up.Scan(rest, &c.ring.request)
		at, rest = at+int64(n), rest[n:]
		switch e {
		case EventHead:
			if c.beginsHTTP2(&c.ring.request, at) {
				c.beginHTTP2(&c.ring.request, now)
				c.http2.feed(FromClient, rest, now)
				return
			}
			c.requestHead(&c.ring.request, at, now)
		case EventEnd:
			c.requestEnd(at)
		case EventOpaque:
			c.requestOpaque(&c.ring.request, rest, now)
		}
		if e == EventMore || c.opaque || c.tunnel != nil && c.tunnel.started[FromClient] {
			break
		}
	}
	if !c.opaque {
		c.keepEarly(p, base)
		c.giveBack()
	}
}

// requestHead records a request whose head is complete.
func (c *Conversation) requestHead(h *Head, at int64, now time.Time) {
	q := pending{
		began: c.headSince, since: now, headEnd: at, end: -1,
		offers: h.framing.upgrade, handshake: h.framing.handshake || c.common.Every,
		head: h.framing.head, connect: h.framing.connect, ambiguous: h.Ambiguous(),
	}
	c.headSince = time.Time{}
	c.next(h.Raw, true, now)
	if !c.ring.push(q, h.Raw) {
		c.tooMany(now)
		return
	}
	c.inBody = true
	f := h.RequestFraming()
	if f.Kind == FramedNot {
		c.countUnread(h.Raw)
		c.up.Flaw = h.worst()
	}
	c.up.Frame(f)
}

// requestEnd records that a request has come whole.
func (c *Conversation) requestEnd(at int64) {
	if c.tunnel != nil {
		c.startClient(at)
		return
	}
	if !c.inBody {
		return // it was answered before it had ended
	}
	c.inBody = false
	c.ring.last().end = at
}

// requestOpaque records that no further request can be read. A head that is too long is a request
// all the same, the last one that gets an answer.
func (c *Conversation) requestOpaque(h *Head, rest []byte, now time.Time) {
	since := c.headSince
	c.headSince = time.Time{}
	switch {
	case c.tunnel != nil: // switched during its content, and the content is malformed
		c.tunnel.lose()
		return
	case c.up.Flaw == FlawHeadTooLong && len(h.Raw) == MaxHead:
		if !c.pushUnfinished(h, h.Raw, since, FlawHeadTooLong, now) {
			c.tooMany(now)
			return
		}
	case c.inBody:
		c.ring.last().ambiguous, c.ring.last().flaw = true, c.up.Flaw
	case c.up.Flaw == FlawNotHTTP:
		begin := slices.Concat(h.Raw, rest)
		c.countUnread(begin)
		if bytes.HasPrefix(begin, []byte(proxyHeader)) {
			c.unread = "PROXY header from the client: is its address in proxy_from?"
		}
		c.next(begin, false, now)
	}
	c.inBody = false
	if c.ring.empty() {
		c.turnOpaque(now)
	}
}

// proxyHeader is the beginning of a header of the PROXY protocol, version 2.
const proxyHeader = "\r\n\r\n\x00\r\nQUIT\n"

// tooMany gives up on a client that sends on and on without waiting for an answer.
func (c *Conversation) tooMany(now time.Time) {
	c.common.Counts.Shed.Add(1)
	c.up.Flaw = FlawTooMany
	c.up.Stop()
	c.inBody = false
	if c.ring.empty() {
		c.turnOpaque(now)
	}
}

// countUnread counts connections that are known not to be read: TLS and HTTP/2.
func (c *Conversation) countUnread(p []byte) {
	const preface = "PRI * HTTP/2.0\r\n"
	switch {
	case p[0] == 0x16:
		c.common.Counts.TLS.Add(1)
		c.unread = "TLS"
	case len(p) >= len(preface) && string(p[:len(preface)]) == preface:
		c.common.Counts.HTTP2.Add(1)
		c.unread = "HTTP/2"
	}
}

// adopt makes a request of the part of a head that will never be complete, because it was answered
// or the connection ended.
func (c *Conversation) adopt(now time.Time) bool {
	raw := c.up.Partial()
	if len(raw) == 0 {
		return false
	}
	c.borrow()
	ok := c.pushUnfinished(&c.ring.request, raw, c.headSince, FlawHeadUnfinished, now)
	c.up.Flaw = FlawHeadUnfinished
	c.up.Stop()
	c.headSince = time.Time{}
	return ok
}

// pushUnfinished keeps the part of a head that has come as the last request that can be answered.
func (c *Conversation) pushUnfinished(h *Head, raw []byte, began time.Time, flaw FlawKind, now time.Time) bool {
	h.Raw = raw
	h.scanRequest()
	return c.ring.push(pending{
		began: began, since: now, headEnd: c.fed[FromClient], end: -1, ambiguous: true, flaw: flaw,
		offers: h.framing.upgrade, handshake: h.framing.handshake || c.common.Every,
	}, raw)
}

// noteEarly records what the client had sent after the request when its response arrived.
func (c *Conversation) noteEarly(x *Exchange, q *pending) {
	x.BodyDone = q.end >= 0
	if q.end >= 0 {
		x.EarlyBytes = c.fed[FromClient] - q.end
		x.Early = q.early
	}
}

// keepEarly takes bytes of the client that start at base. The first ones after a request that offers
// an upgrade, while it has no response, are the start of the tunnel if the server switches, and
// requests if it does not. Each offer has its own: of several in a row, any may be the accepted one.
func (c *Conversation) keepEarly(p []byte, base int64) {
	pending := c.unanswered()
	for i := range pending {
		q := &pending[i]
		if !q.awaitsEarly() {
			continue
		}
		skip := q.end + int64(len(q.early)) - base
		if skip < 0 || skip >= int64(len(p)) {
			continue // bytes between are lost, or these lie in front
		}
		after := p[skip:]
		q.early = append(q.early, after[:min(len(after), MaxRecorded-len(q.early))]...)
	}
}

// awaitsEarly reports whether the next bytes of the client may be early ones that are to be kept.
func (c *Conversation) awaitsEarly() bool {
	return slices.ContainsFunc(c.unanswered(), func(q pending) bool { return q.awaitsEarly() })
}

// follow records that an offer was not accepted: what the client does next belongs to the offer.
// What it has sent already follows the request.
func (c *Conversation) follow(x *Exchange, now time.Time) {
	c.resolve(now)
	c.refused = x
	if n := min(len(x.Early), MaxNext); n > 0 {
		x.Next.Bytes, x.Next.HTTP = x.Early[:n], !c.ring.empty() || len(c.up.Partial()) > 0
	}
}

// next records the client's first bytes after an offer that was not accepted. If they are not HTTP,
// those that come directly after them are gathered too.
func (c *Conversation) next(p []byte, http bool, now time.Time) {
	x := c.refused
	if x == nil || len(x.Next.Bytes) > 0 {
		return
	}
	x.Next.Bytes, x.Next.HTTP = append([]byte(nil), p[:min(len(p), MaxNext)]...), http
	if !http && len(x.Next.Bytes) < MaxNext {
		c.nextDue = now.Add(LateBytesAfter)
	}
}

// gather adds bytes to those that came next.
func (c *Conversation) gather(p []byte, now time.Time) {
	if c.reading == nil || c.nextDue.IsZero() {
		return
	}
	next := &c.refused.Next.Bytes
	*next = append(*next, p[:min(len(p), MaxNext-len(*next))]...)
	if len(*next) == MaxNext {
		c.resolve(now)
	}
}
