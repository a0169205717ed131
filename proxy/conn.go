package proxy

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/wire"
)

// conn is one connection from a client and the one to the backend that belongs to it. Both are owned by the goroutine that
// runs serve, and by the pumps that it waits for; or by a carrier.
type conn struct {
	relay   *Relay
	way     *way
	to      *Backend
	*pumped       // nil: a carrier has both sides
	lane    *lane // nil: pumps have, or will have, them
	claimed claim // the connection to the backend; zero: none

	mu     sync.Mutex
	common wire.Common
	talk   wire.Conversation
	cause  wire.Cause // what ended the connection first; "" while nothing has
	clock  clock

	lastByte   atomic.Int64 // when a byte came, as a moment; kept only while halfClosed
	halfClosed atomic.Bool  // one direction has ended
	draining   atomic.Bool  // it ends when it comes to rest
	spoken     bool         // the client has sent a byte
	closing    bool         // what the client still sends is not passed on
	clientOver bool         // nothing more comes from the client; set by the up pump or the tunnel
	recorded   [2]bool      // a direction's tunnel bytes need not be shown any more; each is its carrier's own
}

// newConn readies a connection that goroutines carry.
func (r *Relay) newConn(client socket) *conn {
	c := &conn{pumped: newPumped(client)}
	c.arrive(r, r.ways.Load(), client.RemoteAddr().String())
	return c
}

// arrive readies a connection from that address, which goes that way.
func (c *conn) arrive(r *Relay, w *way, client string) {
	c.relay = r
	c.common = wire.Common{
		Origin: wire.OriginLive, Client: client, Emit: r.Observe, NewID: newID, Moved: r.moved, Pool: &r.pool, Counts: &r.Counts,
	}
	c.way = w
	c.toward(w.backend)
}

// toward sets the backend that the connection goes to. It must not be called once bytes were fed.
func (c *conn) toward(b *Backend) {
	b.ready()
	c.to = b
	c.common.Altered, c.common.Alter = nil, nil
	c.common.Route, c.common.Backend, c.common.BackendTLS = b.Route, b.String(), b.TLS != nil
	if b.ProxyProtocol != 0 {
		c.common.Altered = append(c.common.Altered, "proxy-protocol")
	}
	if c.pumped == nil {
		return // what is not plain is no carrier's
	}
	c.editor = nil
	if b.Host != "" {
		c.alter("host", func(head []byte) []byte { return rewriteHost(head, b.Host) })
	}
	if c.named != nil {
		c.suit()
	}
}

// newID names an exchange: sortable by time, and unique among all instances.
func newID(now time.Time) string {
	return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String()
}

// serve carries the connection to its end and leaves nothing of it behind. It gives back the slot that was taken for it.
//
// A tunnel that a carrier has taken over outlives the call.
func (c *conn) serve(ctx context.Context) {
	c.enter()
	if !c.run(ctx) {
		c.leave()
	}
}

// enter makes the connection one of those that the relay has open.
func (c *conn) enter() {
	r := c.relay
	c.talk.Open(&c.common)
	r.open.Add(1)
	r.mu.Lock()
	r.conns[c] = struct{}{}
	r.mu.Unlock()
}

// leave takes a connection from among those that are open, and leaves nothing of it behind.
func (c *conn) leave() {
	r := c.relay
	if c.pumped != nil {
		c.client.Close()
	}
	c.disclaim()
	r.mu.Lock()
	delete(r.conns, c)
	r.mu.Unlock()
	c.mu.Lock()
	c.talk.Settle(c.cause, time.Now())
	unread := c.talk.Unread()
	c.mu.Unlock()
	c.stopClock()
	if unread != "" {
		r.rare.log("unread "+unread, r.Log.Info().Str("client", c.common.Client).Str("route", c.common.Route).Str("reason", unread), "connection not audited")
	}
	r.open.Add(-1)
	r.giveSlot()
	r.Log.Debug().Str("client", c.common.Client).Str("cause", string(c.cause)).Msg("connection closed")
}

// run waits for the client's first byte, dials, and carries until both directions have ended, or a carrier has taken over.
func (c *conn) run(ctx context.Context) (carried bool) {
	c.startClock()
	if err := c.introduced(); err != nil {
		c.relay.rare.log("proxy protocol", c.relay.Log.Warn().Str("peer", c.client.RemoteAddr().String()).Err(err), "connection without PROXY header dropped")
		c.end(wire.CauseClientReset)
		return false
	}
	err := c.uncover()
	if err == nil {
		err = c.secureClient(ctx)
	}
	if err != nil {
		c.relay.rare.log("client tls", c.relay.Log.Info().Str("client", c.common.Client).Err(err), "no tls with client")
		c.end(wire.CauseClientReset)
		return false
	}
	up := pump{conn: c, from: wire.FromClient, src: c.client}
	if err := up.open(); err != nil {
		c.end(wire.CauseClientReset)
		return false
	}
	first := c.prefix
	if len(first) == 0 && c.early(ctx) {
		if c.to.Guard != nil {
			c.guardWith(c.to.Guard)
		}
		return c.carry(&up, nil)
	}
	if len(first) == 0 {
		if first, err = up.read(); err != nil {
			c.end(causeOf(wire.FromClient, err))
			return false
		}
	}
	if c.named != nil && c.named.closed {
		c.carryClosed(ctx, &up, first)
		return false
	}
	first, ok := c.choose(&up, first)
	if !ok {
		return false
	}
	if c.to.Guard != nil {
		c.guardWith(c.to.Guard)
	}
	c.feed(wire.FromClient, first)
	return c.onward(ctx, &up, first)
}

// onward goes on with a connection whose first bytes were fed.
func (c *conn) onward(ctx context.Context, up *pump, first []byte) (carried bool) {
	if c.relay.loops(c.client) {
		c.answer(up, wire.CauseLoop, "the connection comes from this proxy itself: its backend leads back to it")
		return false
	}
	if c.refusal != "" {
		c.answer(up, wire.CauseScope, c.refusal)
		return false
	}
	if err := c.dial(ctx); err != nil {
		c.answerDial(up, err)
		return false
	}
	return c.carry(up, first)
}

// carry carries both directions. What has come first, if anything has, was fed.
func (c *conn) carry(up *pump, first []byte) (carried bool) {
	backend := c.backend
	down := pump{conn: c, from: wire.FromServer, src: backend, dst: c.client}
	up.dst = backend
	if err := errors.Join(up.open(), down.open()); err != nil {
		c.end(wire.CauseServerReset)
		backend.Close()
		return false
	}
	var carrying sync.WaitGroup
	if c.gate != nil {
		carrying.Go(func() { c.guardUp(up, first) })
		c.guardDown(&down)
	} else {
		carrying.Go(func() { c.handedOut <- c.pumpUp(up, first) })
		carried = c.pumpDown(&down, up)
	}
	carrying.Wait()
	if !carried {
		c.linger(up)
		backend.Close()
	}
	return carried
}

// feed shows bytes that were read to the conversation.
func (c *conn) feed(d wire.Direction, p []byte) (switched, closing bool) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false, true
	}
	c.spoken = true
	if c.pumped != nil && c.editor != nil && d == wire.FromClient {
		c.undecided = c.talk.Undecided()
	}
	c.talk.Feed(d, p, now)
	c.arm(now)
	c.touch(now)
	return c.talk.Switched(), false
}

// end records what ended the connection, if nothing has before.
func (c *conn) end(cause wire.Cause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(cause)
}

func (c *conn) endLocked(cause wire.Cause) {
	if c.cause == "" {
		c.cause = cause
	}
}

// touch records that a byte came, where that matters.
func (c *conn) touch(now time.Time) {
	if c.halfClosed.Load() {
		c.lastByte.Store(int64(c.relay.moment(now)))
	}
}
