package wire

import (
	"encoding/binary"
	"strings"
	"time"
)

// Began returns when the request of an open tunnel came, and the ID of its exchange. It is false without
// an open tunnel, or if the guard kept the 101 from the client.
func (c *Conversation) Began() (at time.Time, id string, open bool) {
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

// Glance returns the exchange of an open tunnel as it would be reported at that time; nil without
// an open tunnel. It changes nothing, and only the caller gets that report.
func (c *Conversation) Glance(now time.Time) *Exchange {
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
	return x
}
