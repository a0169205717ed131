package wire

import "time"

// tunnel is what a connection is behind a 101.
type tunnel struct {
	x        *Exchange
	began    time.Time
	start    [2]int64 // where in each direction's bytes the tunnel begins
	started  [2]bool  // whether that is known
	lost     bool     // it will never be known for the client
	due      time.Time
	reported bool // the aftermath was
	late     bool // the client's late first bytes were
}

// switched turns the connection into a tunnel. The requests that were read behind the one that is switched on were none.
func (c *Conversation) switched(x *Exchange, q *pending, sending bool, at int64, now time.Time) {
	t := &tunnel{x: x, began: now, due: now.Add(AftermathFor)}
	t.start[FromServer], t.started[FromServer] = at, true
	c.tunnel = t
	c.down.Stop()
	c.headSince = time.Time{}
	switch {
	case q.ambiguous || q.end < 0 && !sending:
		t.lose()
	case q.end >= 0:
		kept := c.early.behind(q.end)
		if int64(len(kept)) < min(c.fed[FromClient]-q.end, MaxRecorded) {
			t.lose()
		} else {
			t.start[FromClient], t.started[FromClient] = q.end, true
			x.After.Client = append([]byte(nil), kept...)
		}
	}
	if t.lost || t.started[FromClient] {
		c.up.Stop()
	} // else the request's content goes on
	c.ring.drop()
	c.release()
	x.Complete = false
	c.emit(x)
	x.Complete = true
}

// lose gives up on the client's direction: nobody can say where its tunnel bytes begin.
func (t *tunnel) lose() { t.lost, t.started[FromClient], t.x.After.Opaque = true, true, true }

// startClient takes note that the client's tunnel bytes begin at that place.
func (c *Conversation) startClient(at int64) {
	c.tunnel.start[FromClient], c.tunnel.started[FromClient] = at, true
	c.up.Stop()
}

func (t *tunnel) recorded(d Direction) *[]byte {
	if d == FromServer {
		return &t.x.After.Server
	}
	return &t.x.After.Client
}

// recording tells whether bytes of that direction are still to be kept.
func (t *tunnel) recording(d Direction) bool {
	return len(*t.recorded(d)) < MaxRecorded && !(d == FromClient && t.lost)
}

// record keeps the first tunnel bytes of a direction.
func (c *Conversation) record(d Direction, p []byte, base int64, now time.Time) {
	t := c.tunnel
	if !t.started[d] || !t.recording(d) {
		return
	}
	kept := t.recorded(d)
	skip := t.start[d] + int64(len(*kept)) - base
	if skip < 0 || skip >= int64(len(p)) {
		return
	}
	p = p[skip:]
	*kept = append(*kept, p[:min(len(p), MaxRecorded-len(*kept))]...)
	switch {
	case !t.reported && !t.recording(FromClient) && !t.recording(FromServer):
		c.reportTunnel(now)
	case t.reported && !t.late && d == FromClient:
		if !t.recording(FromClient) {
			c.reportTunnel(now)
		} else if t.due.IsZero() {
			t.due = now.Add(LateBytesAfter)
		}
	}
}

// reportTunnel reports the aftermath, and later once more what a client sent that had been quiet.
func (c *Conversation) reportTunnel(now time.Time) {
	t := c.tunnel
	t.due = time.Time{}
	if t.reported {
		t.late = true
	}
	t.reported = true
	if len(t.x.After.Client) > 0 {
		t.late = true
	}
	c.measure(now)
	c.emit(t.x)
}

// end takes note that one direction of the tunnel has ended.
func (t *tunnel) end(d Direction) {
	if d == FromServer {
		t.x.After.ServerClosed = true
	} else {
		t.x.After.ClientClosed = true
	}
}

// endTunnel reports the tunnel for the last time.
func (c *Conversation) endTunnel(cause Cause, now time.Time) {
	t := c.tunnel
	t.due = time.Time{}
	t.x.After.Ended, t.x.Cause, t.x.Final = true, cause, true
	c.measure(now)
	c.emit(t.x)
}

// Last says how the last bytes began that were read from the server, before Settle: what a server writes into a tunnel at
// its end may be no part of the protocol there.
func (c *Conversation) Last(p []byte) {
	if c.tunnel != nil && !c.tunnel.recording(FromServer) {
		c.tunnel.x.After.Last = append([]byte(nil), p[:min(len(p), MaxNext)]...)
	}
}

// measure counts the bytes that were passed on in each direction behind the place where the tunnel begins.
func (c *Conversation) measure(now time.Time) {
	t := c.tunnel
	after := func(d Direction) int64 {
		if !t.started[d] {
			return 0
		}
		return max(c.wrote[d].Load()-t.start[d], 0)
	}
	t.x.After.ClientBytes, t.x.After.ServerBytes = after(FromClient), after(FromServer)
	t.x.After.Open = now.Sub(t.began)
}
