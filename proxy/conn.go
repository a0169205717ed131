package proxy

import (
	"net/netip"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/wire"
)

// A conn is one connection from a client, and the one to the backend that belongs to it: what both
// drivers have of it. Which of them it has is decided when it is accepted, for good.
type conn struct {
	relay   *Relay
	driver  driver
	session session
	tickAt  moment // when the driver tells the session that time has passed; zero: never
	claimed claim  // the connection to the backend; zero: none
}

// A driver moves the bytes of a connection. It knows sockets and nothing about HTTP.
type driver interface {
	tell(order)   // has the driver do something; it may be called by any goroutine
	wake(moment)  // has the driver tick then, instead of at the time before; zero: never
	owner() owner // of the session; it may be called by any goroutine
}

// An order is what a driver is told from outside.
type order uint8

const (
	toTick   order = 1 << iota // something is due
	toDrain                    // the relay ends
	toAbort                    // it waits no longer
	toDial                     // the session has asked for it
	toResume                   // an attempt to connect is over
)

// arrive readies a connection that has been accepted from that address.
func (c *conn) arrive(r *Relay, routes *routeTable, driver driver, client string) {
	c.relay, c.driver = r, driver
	c.session.open(&r.terms, routes, wire.Common{
		Origin: wire.OriginLive, Client: client, Emit: r.Observe, NewID: newID, Asides: &r.asides, Counts: &r.Counts,
	}, time.Now())
}

// newID names an exchange: sortable by time, and unique among all instances.
func newID(now time.Time) string {
	return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String()
}

// enter makes the connection one of those that the relay has open.
func (c *conn) enter() {
	r := c.relay
	r.open.Add(1)
	r.mu.Lock()
	r.conns[c] = struct{}{}
	r.mu.Unlock()
}

// leave takes a connection from among those that are open, and leaves nothing of it behind. Its
// driver does nothing more, and its slot is given back.
func (c *conn) leave() {
	r, s := c.relay, &c.session
	c.disclaim()
	r.mu.Lock()
	delete(r.conns, c)
	r.mu.Unlock()
	c.stopClock()
	if unread := s.conclude(wire.Cause(s.cause), time.Now()); unread != "" {
		r.rare.log("unread "+unread, r.Log.Info().Str("client", s.common.Client).Str("route", s.common.Route).Str("reason", unread), "connection not audited")
	}
	r.open.Add(-1)
	r.giveSlot()
	r.Log.Debug().Str("client", s.common.Client).Str("cause", string(s.cause)).Msg("connection closed")
}

// claim remembers a connection to the backend by its ends, ours first, so that it is known when it
// comes in again.
func (c *conn) claim(from, to netip.AddrPort) {
	c.claimed = c.relay.own.between(from, to)
	c.relay.own.add(c.claimed)
}

// disclaim forgets what was claimed, if something was.
func (c *conn) disclaim() {
	if c.claimed != 0 {
		c.relay.own.remove(c.claimed)
		c.claimed = 0
	}
}
