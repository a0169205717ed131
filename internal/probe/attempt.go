package probe

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// Limits of one attempt.
const (
	maxReceived = 256 << 10              // bytes that are read, but for a replayed tunnel
	maxRest     = 64 << 10               // bytes that are read after the head of the final response
	restTime    = 100 * time.Millisecond // for the rest of an answer, and again until both sides have ended
	segmentGap  = 50 * time.Millisecond  // between the two segments of a head that is cut
)

// An answer is the result of one attempt.
type answer struct {
	x     *wire.Exchange // nil: nothing was sent, or the run was stopped
	bare  bool           // the server ended the connection without a byte
	raw   []byte         // the first bytes of the server
	spoke bool           // of HTTP/2: the server's SETTINGS came
	err   error          // why there is no exchange
}

// An attempt is one request on a connection of its own. It belongs to one goroutine.
type attempt struct {
	*caller
	conn   net.Conn
	h      *rules.Handshake
	prove  bool
	common wire.Common
	talk   wire.Conversation
	x      *wire.Exchange // as the conversation last reported it

	began     time.Time
	answered  time.Time // when the final head was complete
	buffer    [16 << 10]byte
	received  int
	most      int    // of these
	raw       []byte // the first bytes from the server
	scan      wire.Scanner
	head      wire.Head
	interim   []*wire.Response
	finals    []*wire.Response // of the request, and of what was sent early after it
	behind    []byte           // bytes after a 101
	inside    []wire.Inner     // requests in HTTP/2 in the tunnel
	passed    bool             // the request before this one has been answered
	ended     bool             // the last response is complete
	garbled   bool             // the bytes of the server cannot be parsed
	continued bool             // a 100 has arrived
	released  bool             // the body that was held back was sent
	over      wire.Cause       // why no more bytes will come; "" while some may
}

// attempt sends one request and waits for the head of the response, up to patience. After a 101 it
// tests the tunnel or closes at once.
func (c *caller) attempt(ctx context.Context, id string, h *rules.Handshake, patience time.Duration, prove bool) answer {
	if err := c.pace.Wait(ctx); err != nil {
		return answer{err: err}
	}
	if h.HTTP2() {
		return c.stream(ctx, id, h, patience, prove)
	}
	conn, release, err := c.open(ctx, false)
	if err != nil {
		return answer{err: err}
	}
	defer release()
	a := &attempt{caller: c, conn: conn, h: h, prove: prove, most: maxReceived, scan: wire.Scanner{Side: wire.FromServer, Pool: &c.pool}}
	a.common = c.commonOf(id, conn)
	a.common.Emit = a.keep
	if c.script != nil {
		a.common.Messages = &ws.Keep{Data: true, Message: ws.MaxMessageBytes, Tunnel: ws.MaxTunnelBytes}
		a.most = maxReplayed
	}
	a.talk.Open(&a.common)
	a.run(patience)
	var lured []byte
	if c.lure != nil && h.Lures() {
		lured = c.lure.wait(ctx, h.Lure)
	}
	if err := ctx.Err(); err != nil {
		return answer{err: err}
	}
	x := a.exchange()
	x.Lured, x.Inside = lured, a.inside
	return answer{x: x, bare: a.received == 0 && (a.over == wire.CauseServer || a.over == wire.CauseServerReset), raw: a.raw}
}

// commonOf returns what the exchanges of a connection have in common.
func (c *caller) commonOf(id string, conn net.Conn) wire.Common {
	common := wire.Common{
		Origin: wire.OriginProbe, Probe: id, Route: c.target.Route, Client: conn.LocalAddr().String(), Backend: c.target.Address,
		ClientTLS: c.tls != nil, BackendTLS: c.tls != nil, Rare: &wire.Rare{TLSFlags: c.target.TLSFlags}, NewID: c.settings.NewID, Pool: &c.pool, Counts: &c.counts, Every: true,
	}
	common.Content = c.polite
	if p := rules.FindProbe(id); p != nil {
		common.Content = len(p.Twins) > 0
	}
	return common
}

// keep records the conversation's report of the request. Requests sent together with it have other
// IDs. A 101 before the response to the earlier request belongs to that request.
func (a *attempt) keep(x *wire.Exchange) {
	ahead := a.h.Ahead != "" && string(x.Request.Raw) == a.h.Ahead && (x.Response == nil || x.Response.Status != 101)
	if len(x.Request.Raw) > 0 && !ahead && (a.x == nil || a.x.ID == x.ID) {
		a.x = x
	}
}

// run sends the request, waits for the answer, and tests the tunnel after it.
func (a *attempt) run(patience time.Duration) {
	a.began = time.Now()
	a.conn.SetWriteDeadline(a.began.Add(patience + a.settings.Tail))
	first := a.h.First()
	if cut := a.h.Split; cut > 0 && cut < len(first) {
		a.say(first[:cut])
		a.hear(time.Now().Add(segmentGap), a.decided)
		first = first[cut:]
	}
	if !a.decided() && (a.over == "" || a.over == wire.CauseTimeout) {
		a.say(first)
	}
	deadline := time.Now().Add(patience)
	a.hear(deadline, a.decided)
	if a.waits() && a.continued {
		a.released = true
		a.say(a.h.Content)
		a.hear(deadline, a.decided)
	}
	polite := false
	switch {
	case len(a.finals) == 0 && a.garbled:
		a.hear(time.Now().Add(a.settings.Tail), a.talk.Switched) // there may be a 101 in unparsable bytes
	case len(a.finals) == 0:
	case a.finals[0].Status == 101:
		polite = a.tail()
	case a.h.Method == "CONNECT" && a.finals[0].Status/100 == 2:
		a.say(a.h.After)
		a.hear(time.Now().Add(a.settings.Tail), func() bool { return a.received > len(a.finals[0].Raw) })
	case a.common.Content:
		a.hear(time.Now().Add(a.settings.Tail), func() bool { return a.ended || a.garbled })
	case a.h.Early != "":
		a.hear(time.Now().Add(a.settings.Tail), func() bool { return len(a.finals) > 1 || a.garbled })
	}
	a.rest()
	a.settle()
	a.part(polite)
}

// decided reports whether the answer is complete enough to continue.
func (a *attempt) decided() bool {
	return len(a.finals) > 0 || a.garbled || a.waits() && a.continued
}

// waits reports whether the body is held back for a 100 that has not arrived yet.
func (a *attempt) waits() bool { return a.h.Hold == rules.HoldUntil100 && !a.released }

// say sends bytes that the conversation has already seen. An error is not fatal: the server may
// have answered and closed, and its response is still read.
func (a *attempt) say(text string) {
	a.talk.Feed(wire.FromClient, []byte(text), time.Now())
	n, _ := io.WriteString(a.conn, text)
	a.talk.Wrote(wire.FromClient, n)
}

// hear reads until that time, until the server closes, or until enough is read.
func (a *attempt) hear(until time.Time, enough func() bool) {
	if a.over == wire.CauseTimeout {
		a.over = ""
	}
	full := func() bool { return a.received >= a.most }
	if a.over == "" {
		a.over = listen(a.conn, a.buffer[:], until, func(p []byte) { a.heard(p, time.Now()) }, func() bool { return full() || enough() })
	}
	if a.over == "" && full() {
		a.over = wire.CauseClient
		a.garbled = a.garbled || len(a.finals) == 0
	}
}

// heard handles bytes from the server.
func (a *attempt) heard(p []byte, now time.Time) {
	a.received += len(p)
	if room := wire.MaxRecorded - len(a.raw); room > 0 {
		a.raw = append(a.raw, p[:min(room, len(p))]...)
	}
	a.talk.Feed(wire.FromServer, p, now)
	a.talk.Wrote(wire.FromServer, len(p))
	for !a.garbled {
		if len(a.finals) > 0 && a.finals[0].Status == 101 {
			a.behind = append(a.behind, p...)
			return
		}
		n, e := a.scan.Scan(p, &a.head)
		p = p[n:]
		switch e {
		case wire.EventHead:
			a.heardHead(now)
		case wire.EventEnd:
			a.ended = len(a.finals) > 0
		case wire.EventOpaque:
			a.garbled = true
		case wire.EventMore:
			return
		}
	}
}

// heardHead handles a response whose head is complete.
func (a *attempt) heardHead(now time.Time) {
	p := wire.ReadResponse(append([]byte(nil), a.head.Raw...))
	method := a.h.Method
	a.scan.Frame(a.head.ResponseFraming(method == "HEAD", method == "CONNECT"))
	a.garbled = a.garbled || p.Status < 200 && p.Status != 101 && (a.talk.Stopped() || a.talk.Switched())
	switch {
	case p.Status >= 200 && a.h.Ahead != "" && !a.passed:
		a.passed = true
	case p.Status >= 200, p.Status == 101:
		a.ended = false
		if len(a.finals) == 0 {
			a.answered = now
		}
		a.finals = append(a.finals, p)
	case len(a.finals) == 0:
		a.continued = a.continued || p.Status == 100
		if len(a.interim) < maxInterim {
			a.interim = append(a.interim, p)
		}
	}
}
