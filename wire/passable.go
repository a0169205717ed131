package wire

import "slices"

// Passable returns how many of the fed bytes of one direction a cautious proxy may pass on: of the
// server's, all but the start of an incomplete response head, and nothing from where they cannot be
// read; of the client's, nothing after a request that may still turn the connection into a tunnel,
// or whose end is unknown.
func (c *Conversation) Passable(d Direction) int64 {
	switch {
	case d == FromClient:
		return c.passableUp()
	case c.understood > 0:
		return c.understood - 1
	case c.tunnel != nil && c.tunnel.blocked():
		return c.tunnel.start[FromServer] - int64(len(c.tunnel.x.Response.Raw))
	case c.tunnel != nil || c.opaque || c.reading == nil:
		return c.fed[FromServer]
	}
	return c.fed[FromServer] - int64(len(c.down.Partial())) - int64(len(c.peek.bytes))
}

func (c *Conversation) passableUp() int64 {
	if c.tunnel != nil {
		return c.fed[FromClient]
	}
	for _, q := range c.unanswered() {
		switch {
		case q.ambiguous:
			return q.headEnd
		case !q.offers && !q.connect, q.end < 0:
		default:
			return q.end
		}
	}
	return c.fed[FromClient]
}

// Stopped reports whether the server has sent bytes that cannot be read as a response, so that
// clients may interpret them and everything after them differently.
func (c *Conversation) Stopped() bool {
	if c.http2 != nil {
		return c.http2.blind != ""
	}
	return c.opaque || c.reading != nil && c.seek != nil
}

// Unreadable reports whether no more of the client's requests, or of anything, can be read. Bytes
// after a request that may still turn the connection into a tunnel are not a request yet.
func (c *Conversation) Unreadable() bool {
	if c.http2 != nil {
		return c.http2.blind != ""
	}
	return c.opaque || c.tunnel == nil && (c.settled || c.reading != nil && c.up.Opaque() && !c.waits())
}

// waits reports whether a whole request may still turn the connection into a tunnel.
func (c *Conversation) waits() bool {
	return slices.ContainsFunc(c.unanswered(), func(q pending) bool { return (q.offers || q.connect) && q.end >= 0 })
}

// Block says that the client does not get the switch that has come, which the report x says: the exchange says
// so from here on. It may be called from within Emit.
func (c *Conversation) Block(x *Exchange) {
	if m := c.multiplex(); m != nil && x.Stream != nil {
		if s := m.streams[x.Stream.ID]; s != nil {
			s.Block(&Exchange{})
		}
		return
	}
	if c.tunnel != nil {
		c.unpack()
		c.tunnel.x.Blocked = true
	}
}
