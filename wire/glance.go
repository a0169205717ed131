package wire

import (
	"encoding/binary"
	"iter"
	"strings"
	"time"
)

// Tunnels yields the open tunnels, of the connection and of its streams: the IDs of their exchanges, and when
// their requests came. Those that the guard kept from the client are not among them.
func (c *Conversation) Tunnels() iter.Seq2[string, time.Time] {
	return func(yield func(string, time.Time) bool) {
		if at, id, open := c.began(); open && !yield(id, at) {
			return
		}
		m := c.multiplex()
		if m == nil {
			return
		}
		for _, s := range m.streams {
			if at, id, open := s.began(); open && !yield(id, at) {
				return
			}
		}
	}
}

// began returns when the request of an open tunnel came, and the ID of its exchange. It is false without
// an open tunnel, or if the guard kept the 101 from the client.
func (c *Conversation) began() (at time.Time, id string, open bool) {
	t := c.tunnel
	switch {
	case t == nil || c.settled || t.blocked():
		return time.Time{}, "", false
	case t.x != nil:
		return t.time, t.x.ID, true
	}
	return t.time, t.packed.id(), true
}

// id returns the ID of a packed exchange.
func (p packed) id() string {
	r := strings.NewReader(string(p))
	n := uint64(0)
	for range 5 { // the size of the ID comes after four numbers
		n, _ = binary.ReadUvarint(r)
	}
	at := len(p) - r.Len()
	return strings.Clone(string(p[at : at+int(n)]))
}

// Glance returns the exchange with that ID, of an open tunnel, as it would be reported at that time; nil if
// there is no such tunnel. It changes nothing, and only the caller gets that report.
func (c *Conversation) Glance(id string, now time.Time) *Exchange {
	if _, is, open := c.began(); open && is == id {
		return c.glance(now)
	}
	if m := c.multiplex(); m != nil {
		for _, s := range m.streams {
			if _, is, open := s.began(); open && is == id {
				return s.glance(now)
			}
		}
	}
	return nil
}

// glance is that of the tunnel of the connection, or of the stream, itself.
func (c *Conversation) glance(now time.Time) *Exchange {
	t := c.tunnel
	if t == nil || c.settled || t.blocked() {
		return nil
	}
	x := new(Exchange)
	if t.x != nil {
		*x = *t.x
	} else {
		x = c.blank(t.time)
		x.unpack(t.packed, int(t.kept[FromClient]))
	}
	c.fill(x, now)
	c.connect(x)
	return x
}
