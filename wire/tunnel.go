package wire

import (
	"time"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// tunnel is a connection after a 101. It is small while nothing is due: its exchange is packed
// then.
type tunnel struct {
	x        *Exchange // nil while it is packed
	packed   packed
	time     time.Time     // of the exchange
	due      time.Duration // from there to the next report; 0 if none is due
	start    [2]int64      // where in each direction's bytes the tunnel begins
	heard    [2]uint32     // when the last bytes of each direction came, in milliseconds after time; 0: none did
	ended    uint32        // when it began to end, likewise
	kept     [2]uint16     // how many bytes of each direction were recorded
	frames   tunnelReader  // nil if frames are not read
	started  [2]bool       // whether start is known
	closed   [2]bool
	lost     bool // start will never be known for the client
	reported bool // the aftermath was
	late     bool // the client's late first bytes were
	faulty   bool // a fault in the frames was
}

// A framedTunnel is a WebSocket tunnel with the reader of its frames: one allocation, because most tunnels are
// idle, and what is allocated among short-lived memory keeps some of that from being given back.
type framedTunnel struct {
	tunnel
	reader ws.Reader
}

// newTunnel returns a tunnel that begins with that exchange.
func (c *Conversation) newTunnel(x *Exchange) *tunnel {
	switch {
	case c.common.NoFrames:
		return &tunnel{x: x, time: x.Time}
	case x.Protocol() == "h2c" && c.common.Probe == "" && !c.common.Outer && !c.common.Every:
		return &tunnel{x: x, time: x.Time, frames: streamsReader{newUpgraded(c.common, x)}}
	case x.Protocol() != "websocket":
		return &tunnel{x: x, time: x.Time, frames: newTunnelReader(x, x.Took)}
	}
	t := &framedTunnel{tunnel: tunnel{x: x, time: x.Time}}
	t.reader.Open(x.terms(), x.Took)
	t.frames = webSocketReader{sides[ws.Side, *ws.Reader]{&t.reader}}
	if c.common.Messages != nil {
		t.reader.Keep(c.common.Messages, x.contexts(), x.Took)
	}
	return &t.tunnel
}

// switched turns the connection into a tunnel. Bytes after the accepted request that were read as
// requests were not requests.
func (c *Conversation) switched(x *Exchange, q *pending, sending bool, at int64, now time.Time) {
	t := c.newTunnel(x)
	t.dueAt(now.Add(AftermathFor))
	t.start[FromServer], t.started[FromServer] = at, true
	c.tunnel = t
	c.down.Stop()
	c.headSince = time.Time{}
	switch {
	case q.ambiguous || q.end < 0 && !sending:
		t.lose()
	case q.end >= 0:
		if int64(len(q.early)) < min(c.fed[FromClient]-q.end, MaxRecorded) {
			t.lose()
		} else {
			t.start[FromClient], t.started[FromClient] = q.end, true
			t.keep(FromClient, q.early)
			t.read(FromClient, q.early, now)
			if int64(len(q.early)) < c.fed[FromClient]-q.end {
				c.Missed(FromClient)
			}
		}
	}
	if t.lost || t.started[FromClient] {
		c.up.Stop()
	} // else the request's content goes on
	for _, q := range c.unanswered() {
		if q.x != nil { // it was reported all the same, and waits for its end
			q.x.Final = true
			c.emit(q.x)
		}
	}
	c.ring.drop()
	c.release()
	x.Complete, x.After.Opaque = false, t.lost
	c.emit(x)
	x.Complete = true
}

// lose gives up on the client's direction: the start of its tunnel bytes is unknown.
func (t *tunnel) lose() { t.lost, t.started[FromClient] = true, true }

// startClient records that the client's tunnel bytes begin at that place.
func (c *Conversation) startClient(at int64) {
	c.tunnel.start[FromClient], c.tunnel.started[FromClient] = at, true
	c.up.Stop()
}

// recording reports whether bytes of that direction are still to be kept.
func (t *tunnel) recording(d Direction) bool {
	return t.kept[d] < MaxRecorded && !(d == FromClient && t.lost)
}

// record keeps the first tunnel bytes of a direction, reads the frames of all, and reports what
// becomes known by them.
func (c *Conversation) record(d Direction, p []byte, base int64, now time.Time) {
	t := c.tunnel
	if !t.started[d] || base+int64(len(p)) <= t.start[d] {
		return
	}
	t.heard[d] = t.since(now)
	faulty := t.read(d, p[max(t.start[d]-base, 0):], now) && t.reported
	if skip := t.start[d] + int64(t.kept[d]) - base; t.recording(d) && skip >= 0 && skip < int64(len(p)) {
		t.keep(d, p[skip:])
		awaited := t.reported && !t.late && d == FromClient
		switch {
		case !t.reported && !t.recording(FromClient) && !t.recording(FromServer), awaited && !t.recording(FromClient):
			faulty = false
			c.reportTunnel(now)
		case awaited && t.due == 0:
			t.dueAt(now.Add(LateBytesAfter))
		}
	}
	if faulty {
		c.reportTunnel(now)
	}
}

// keep records bytes, as far as that many are.
func (t *tunnel) keep(d Direction, p []byte) {
	p = p[:min(len(p), MaxRecorded-int(t.kept[d]))]
	switch {
	case t.x == nil:
		t.packed = t.packed.with(p, d, int(t.kept[FromServer]))
	case d == FromServer:
		t.x.After.Server = append(t.x.After.Server, p...)
	default:
		t.x.After.Client = append(t.x.After.Client, p...)
	}
	t.kept[d] += uint16(len(p))
}

// dueAt has something to be reported at that time.
func (t *tunnel) dueAt(at time.Time) { t.due = at.Sub(t.time) }

// next is when something is to be reported; the zero time if never.
func (t *tunnel) next() time.Time {
	if t == nil || t.due == 0 {
		return time.Time{}
	}
	return t.time.Add(t.due)
}

// reportTunnel reports the bytes after the 101, and later once more what a client sent that had
// been quiet.
func (c *Conversation) reportTunnel(now time.Time) {
	t := c.tunnel
	t.due = 0
	if t.reported {
		t.late = true
	}
	t.reported = true
	if t.kept[FromClient] > 0 {
		t.late = true
	}
	c.measure(now)
	c.emit(t.x)
	a := &t.x.After
	a.Frames, a.HTTP2, a.TLS, a.Messages = nil, nil, nil, nil // the receivers have them; they are made anew for the next report
	c.pack()
}

// endTunnel reports the tunnel for the last time.
func (c *Conversation) endTunnel(cause Cause, now time.Time) {
	c.tunnel.due = 0
	c.measure(now)
	x := c.tunnel.x
	c.tunnel.conclude(now)
	if x.After.Ended, x.Cause, x.Final = true, cause, !c.pending; x.Final {
		c.emitLast(x)
	} else {
		c.emit(x)
	}
	if r, ok := c.tunnel.frames.(webSocketReader); ok {
		r.of.Release()
	}
}

// measure fills in what followed the 101. The bytes are those that were passed on after the start
// of the tunnel.
func (c *Conversation) measure(now time.Time) {
	c.unpack()
	c.fill(c.tunnel.x, now)
}

// fill fills in what followed the 101 of the tunnel's exchange.
func (c *Conversation) fill(x *Exchange, now time.Time) {
	t := c.tunnel
	after := func(d Direction) int64 {
		if !t.started[d] {
			return 0
		}
		return max(c.wrote[d].Load()-t.start[d], 0)
	}
	x.Stream = c.common.rare().Stream
	a := &x.After
	a.Opaque = t.lost
	if t.frames != nil {
		t.frames.tell(a)
	}
	a.ClientBytes, a.ClientClosed = after(FromClient), t.closed[FromClient]
	a.ServerBytes, a.ServerClosed = after(FromServer), t.closed[FromServer]
	a.Open = max(now.Sub(x.Time.Add(x.Took)), 0)
}

// blocked reports whether the guard kept the 101 from the client.
func (t *tunnel) blocked() bool { return t.x != nil && t.x.Blocked }
