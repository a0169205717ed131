package proxy

import (
	"context"
	"net"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// An Arrival is what is known of a connection when a backend is chosen for it.
type Arrival struct {
	Listener net.Addr // the end of the connection that is ours: never an unspecified address
	Client   net.Addr
	SNI      string        // the name that the client's TLS asked for; empty: none
	Request  *wire.Request // the first head; nil if what came cannot be read as one
	Early    bool          // nothing has come yet: there is a backend only if no head could change which one that is
}

// choose finds the backend of the connection. Where several are possible the client's bytes are held until the first head
// is complete, and first is all that has come by then. It is false if there is no backend: the client has its answer.
func (c *conn) choose(up *pump, first []byte) (held []byte, ok bool) {
	r := c.relay
	if c.way.choose == nil || c.named != nil && !c.named.mayChoose() {
		return first, true
	}
	a := c.arrival()
	held, a.Request = c.firstHead(up, first)
	b, why := c.way.choose(&a)
	if c.named != nil && !c.named.among(b) {
		return held, true // it goes where it was told to
	}
	if b == nil {
		c.feed(wire.FromClient, held)
		c.answer(up, wire.CauseScope, why)
		return held, false
	}
	if why != "" {
		r.rare.log("chosen "+why, r.Log.Info().Str("client", c.common.Client).Str("route", b.Route).Str("reason", why), "default route chosen")
	}
	c.toward(b)
	c.watchStrays(a)
	return held, true
}

// arrival is what is known of a connection before anything has come that is no TLS.
func (c *conn) arrival() Arrival {
	a := Arrival{Listener: c.client.LocalAddr(), Client: c.client.RemoteAddr()}
	if c.client.tls != nil {
		a.SNI = c.client.tls.ConnectionState().ServerName
	}
	return a
}

// early dials before anything has come, if the backend is one that wants that and is known already.
func (c *conn) early(ctx context.Context) bool {
	if !c.way.eager || c.named != nil || c.blind || c.relay.loops(c.client) {
		return false
	}
	b, a := c.way.backend, c.arrival()
	if a.Early = true; c.way.choose != nil {
		b, _ = c.way.choose(&a)
	}
	if b == nil || !b.Eager {
		return false
	}
	c.toward(b)
	if err := c.dial(ctx); err != nil {
		c.disclaim()
		c.relay.Log.Debug().Str("route", b.Route).Err(err).Msg("backend not reached before the first byte")
		return false
	}
	if a.Early = false; c.way.choose != nil {
		c.watchStrays(a)
	}
	return true
}

// watchStrays has exchanges say where they would have gone, had they been the first of their connection.
func (c *conn) watchStrays(a Arrival) {
	if emit := c.common.Emit; emit != nil {
		c.common.Emit = func(x *wire.Exchange) {
			c.stray(&a, x)
			emit(x)
		}
	}
}

// firstHead reads on until the first head is complete, or until it is known that there is none. What it returns is the
// caller's.
func (c *conn) firstHead(up *pump, first []byte) ([]byte, *wire.Request) {
	scanner := wire.Scanner{Side: wire.FromClient, Pool: &c.relay.pool}
	defer scanner.Stop()
	c.client.SetReadDeadline(time.Now().Add(c.relay.Limits.Head))
	defer c.client.SetReadDeadline(time.Time{})
	held := append([]byte(nil), first...)
	var h wire.Head
	for p := held; ; {
		_, event := scanner.Scan(p, &h)
		switch event {
		case wire.EventHead:
			return held, wire.ReadRequest(append([]byte(nil), h.Raw...))
		case wire.EventOpaque:
			return held, nil
		}
		b, err := up.read()
		if err != nil {
			return held, nil // whoever carries the connection will meet the same end
		}
		n := len(held)
		held = append(held, b...)
		up.release()
		p = held[n:]
	}
}

// stray records a request that would have gone elsewhere, had it been the first of its connection.
func (c *conn) stray(first *Arrival, x *wire.Exchange) {
	if len(x.Request.Raw) == 0 {
		return
	}
	a := *first
	a.Request = x.Request
	if b, _ := c.way.choose(&a); b != nil && b != c.to {
		x.Elsewhere = b.Route
	}
}
