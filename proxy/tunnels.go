package proxy

import (
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// An owner is what a session belongs to: an event loop, or a connection that goroutines drive.
type owner interface {
	// show calls a function that may look at the session of each connection that is the owner's, and
	// returns when that is done, or at once if the owner has ended.
	show(look func())
}

// showAtOnce is how many sessions an event loop shows in one turn, so that its connections do not
// wait for long.
const showAtOnce = 256

// An openTunnel is a tunnel that is open, or was a moment ago. A connection of HTTP/2 may have many.
type openTunnel struct {
	conn  *conn
	id    string // of its exchange
	began time.Time
}

// latest returns the exchanges of the latest open tunnels, at most that many, and how many tunnels are
// open.
func latest(conns []*conn, most int) (all []*wire.Exchange, open int) {
	found := openTunnels(conns, "")
	slices.SortFunc(found, func(a, b openTunnel) int { return b.began.Compare(a.began) })
	for _, t := range found[:min(most, len(found))] {
		if x := t.glance(); x != nil { // else it has ended meanwhile
			all = append(all, x)
		}
	}
	return all, len(found)
}

// openTunnels finds the open tunnels, or only that of the exchange with an ID.
func openTunnels(conns []*conn, id string) (found []openTunnel) {
	owned := map[owner][]*conn{}
	for _, c := range conns {
		o := c.driver.owner()
		owned[o] = append(owned[o], c)
	}
	for o, own := range owned {
		for some := range slices.Chunk(own, showAtOnce) {
			o.show(func() {
				for _, c := range some {
					for is, at := range c.session.talk.Tunnels() {
						if id == "" || is == id {
							found = append(found, openTunnel{c, is, at})
						}
					}
				}
			})
		}
	}
	return found
}

// glance is its exchange; nil if it is not open any more.
func (t *openTunnel) glance() (x *wire.Exchange) {
	t.conn.driver.owner().show(func() { x = t.conn.session.talk.Glance(t.id, time.Now()) })
	return x
}
