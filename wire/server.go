package wire

import (
	"bytes"
	"slices"
	"time"
)

// feedServer reads responses.
func (c *Conversation) feedServer(p []byte, base int64, now time.Time) {
	if c.tunnel != nil {
		return
	}
	at, rest := base, p
	c.borrow()
	h := &c.ring.response
	for !c.opaque && c.tunnel == nil {
		if c.seek != nil {
			n := c.search(rest, now)
			if at, rest = at+int64(n), rest[n:]; c.seek != nil {
				return
			}
			continue
		}
		n, e := c.down.Scan(rest, h)
		at, rest = at+int64(n), rest[n:]
		switch e {
		case EventHead:
			c.responseHead(h, at, now)
		case EventContent:
			c.content(c.down.Content, at, now)
		case EventEnd:
			c.answered(now)
		case EventOpaque:
			c.cannotRead(h.Raw, rest, at, now)
		case EventMore:
			c.giveBack()
			return
		}
		if c.opaque && c.understood == 0 {
			c.understood = at + 1
		}
	}
}

// cannotRead records that the scanner cannot continue at an offset of the server's bytes: begun is
// the head so far, rest is what follows.
func (c *Conversation) cannotRead(begun, rest []byte, at int64, now time.Time) {
	const alert = 0x15 // RFC 8446 §5.1
	switch {
	case c.down.Flaw == FlawChunk:
		begun = nil
	case c.down.Flaw == FlawNotHTTP && len(begun) == 0 && len(rest) > 0 && rest[0] == alert:
		c.unread = "TLS from the server: is the scheme of the backend https?"
	}
	c.stop(begun, at, now)
}

// content takes content of the response to a request.
func (c *Conversation) content(p []byte, at int64, now time.Time) {
	if x := c.answering; x != nil && c.common.Content {
		x.Content = append(x.Content, p[:min(len(p), MaxContent-len(x.Content))]...)
	}
	if c.peek.open {
		c.peekAt(p, at, now)
	}
}

// responseHead pairs a response with the oldest request that has none.
func (c *Conversation) responseHead(h *Head, at int64, now time.Time) {
	if c.ring.empty() && !(c.up.state == scanHead && c.adopt(now)) {
		c.unasked(h, at, now)
		return
	}
	status := h.framing.status
	q := &c.ring.queue[c.ring.first]
	if status < 200 && status != 101 {
		framing := h.ResponseFraming(false, false)
		if framing.Kind == FramedNot || h.hidesSwitch() { // clients may differ on whether and where this head ends
			c.down.Flaw = h.worst()
			c.stop(h.Raw, at, now)
			return
		}
		if q.keep() && len(c.interim) < maxInterim {
			c.interim = append(c.interim, h.response(append([]byte(nil), h.Raw...)))
		}
		c.down.Frame(framing)
		return
	}
	c.finalHead(h, at, now)
}

// aside tells what the final response to an ordinary request says.
func (c *Conversation) aside(h *Head, q *pending, status int) {
	to := c.common.Asides
	switch {
	case status < 400 && to.Moved != nil:
		if location, ok := h.Value("Location"); ok {
			to.Moved(location)
		}
	case (status == 401 || status == 403) && to.Denied != nil && !q.keep():
		to.Denied(c.common.Route, c.ring.read(q))
	}
}

// maxInterim is how many interim responses to one request are kept.
const maxInterim = 8

// finalHead records a 101 or a final response.
func (c *Conversation) finalHead(h *Head, at int64, now time.Time) {
	q := c.ring.pop()
	c.common.Counts.Exchanges.Add(1)
	if h.pointsToHTTP3() {
		c.common.Counts.HTTP3.Add(hostIn(c.ring.raw(&q)))
	}
	c.peek = peek{}
	status := h.framing.status
	if status >= 300 && status < 404 && c.common.Asides != nil {
		c.aside(h, &q, status)
	}
	var x *Exchange
	if q.keep() || h.framing.upgrade || status == 101 || status == 426 || c.ring.lostOffer(&q, status) {
		x = c.exchange(&q, now)
		x.Response = h.response(append([]byte(nil), h.Raw...))
		x.Took, x.Outcome, x.Interim, x.Noise = max(now.Sub(x.Time), 0), outcomeOf(status), c.interim, c.noise
		c.noteEarly(x, &q)
	}
	c.interim, c.noise = nil, nil
	stillSending := c.inBody && c.ring.empty()
	if stillSending {
		c.inBody = false
	}
	if c.refused != nil {
		c.refused.Next.Answered = c.refused.Next.HTTP
		c.resolve(now)
	}
	switch {
	case status == 101:
		c.switched(x, &q, stillSending, at, now)
		return
	case q.connect && status < 300:
		c.common.Counts.Tunnels.Add(1)
		c.unread = "tunnel of a CONNECT"
		c.down.Stop()
		if x != nil {
			c.emit(x)
		}
		c.turnOpaque(now)
		return
	}
	if x != nil {
		c.answering, c.answerDue = x, now.Add(UnfinishedFor)
		if q.offers {
			c.follow(x, now)
		}
	}
	framing := h.ResponseFraming(q.head, q.connect)
	switch {
	case h.unfinished():
		c.down.Stop()
		c.answered(now)
		return
	case c.ring.empty() && c.up.Opaque():
		c.turnOpaque(now)
		return
	case framing.Kind == FramedNot:
		c.down.Flaw = h.worst()
		c.stop(nil, at, now)
		return
	case framing.Kind == FramedByClose && q.offers:
		c.peek.open = true
	}
	c.down.Frame(framing)
}

// unasked records a response that answers no request. A 101 among them is reported, as one more
// answer to the offer that was not taken up if there has been no other request since.
func (c *Conversation) unasked(h *Head, at int64, now time.Time) {
	raw := int64(len(h.Raw))
	if h.framing.status != 101 {
		c.stop(h.Raw, at, now)
		return
	}
	q, former := new(Request), (*Response)(nil)
	if c.refused != nil {
		q, former = c.refused.Request, c.refused.Response
	}
	x := c.begin(q, now, now)
	x.Response, x.Former, x.Outcome, x.Final = h.response(append([]byte(nil), h.Raw...)), former, Late, true
	x.Noise = c.noise
	c.emit(x)
	if c.understood == 0 {
		c.understood = at - raw + 1
	}
	c.turnOpaque(now)
}

// peek looks at the start of content that lasts until the connection ends and that answers an
// offer: if it starts with a 101, there are two responses. The sender of the first took the request
// for another one, such as a CONNECT.
type peek struct {
	open  bool
	bytes []byte
}

// maxPeek is how many bytes are looked at.
const maxPeek = 128

// peekAt takes content that ends at that place of the server's bytes.
func (c *Conversation) peekAt(p []byte, at int64, now time.Time) {
	k := &c.peek
	room := max(maxPeek-len(k.bytes), 0)
	k.bytes = append(k.bytes, p[:min(len(p), room)]...)
	line := bytes.TrimLeft(k.bytes, "\r\n")
	is, known := switchLine(line)
	switch {
	case is:
		c.stop(slices.Concat(line, p[min(len(p), room):]), at, now)
	case known || len(k.bytes) == maxPeek:
	default:
		return
	}
	*k = peek{}
}

// stop records that the server's bytes cannot be read any further. seed holds the first of them,
// and at is where they end. The seeker looks for a 101 in what follows, for a limited time and
// number of bytes.
func (c *Conversation) stop(seed []byte, at int64, now time.Time) {
	c.answered(now)
	from := at - int64(len(seed))
	c.understood = from + 1
	c.seek = &seeker{from: from, bytes: append([]byte(nil), seed[:min(len(seed), maxSought)]...), due: now.Add(UnfinishedFor)}
	c.down.Stop() // the seed may be its memory
}

// search takes more of the server's bytes. It returns how many of them are taken: all, unless a 101
// ends among them.
func (c *Conversation) search(p []byte, now time.Time) (n int) {
	s := c.seek
	had := len(s.bytes)
	s.bytes = append(s.bytes, p[:min(len(p), maxSought-had)]...)
	from, to := s.find()
	switch {
	case to > 0:
		c.ring.response.Raw = s.bytes[from:to]
		c.ring.response.scanResponse()
		c.noise, c.seek = s.noise(from), nil
		c.responseHead(&c.ring.response, s.from+int64(to), now)
		return max(to-had, 0)
	case len(s.bytes) == maxSought:
		c.turnOpaque(now)
	}
	return len(p)
}

// cutOff records a response head that the end of the connection cuts off. If the status line is
// complete and not a 1xx, the request is answered all the same; clients may treat anything else
// differently.
func (c *Conversation) cutOff(now time.Time) {
	raw := c.down.Partial()
	if len(raw) == 0 || c.ring.empty() {
		return
	}
	h := &c.ring.response
	h.Raw = raw
	h.scanResponse()
	h.flaw(FlawHeadUnfinished, len(raw))
	if h.framing.status < 200 || bytes.IndexByte(raw, '\n') < 0 {
		c.noise = bytes.Clone(raw[:min(len(raw), MaxRecorded)])
		return
	}
	c.finalHead(h, c.fed[FromServer], now)
}
