package proxy

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A goConn is a connection that goroutines drive, one for each direction. It may have TLS on either
// side, a header of the PROXY protocol in front, and sockets of any kind.
type goConn struct {
	conn
	via    *Listener      // nil: the forward one
	target *forwardTarget // where its client wants to go; nil: it did not say so to a forward listener
	prefix []byte         // what the client sent before the connection came here; nil if nothing
	blind  bool           // the client's TLS is not ended here
	mirror *mirror        // what the backend has agreed to before the client's TLS was answered; nil: it was not asked
	clock  clock

	mu      sync.Mutex // of the session, and of what follows
	changed *sync.Cond // something has happened that a direction may wait for
	client  *side
	backend *side     // nil until it is connected
	queue   [2][]byte // by direction: what is to be written, and nobody writes yet
	giveUp  func()    // ends an attempt to dial; nil before
}

// newGoConn readies a connection that goroutines drive.
func newGoConn(r *Relay, client socket) *goConn {
	g := &goConn{client: cleartext(client)}
	g.changed = sync.NewCond(&g.mu)
	g.arrive(r, r.routes.Load(), g, client.RemoteAddr().String())
	return g
}

// serve drives the connection to its end and leaves nothing of it behind. It gives back the slot
// that was taken for it.
func (g *goConn) serve(ctx context.Context) {
	g.mu.Lock()
	g.enter()
	g.arm()
	g.mu.Unlock()
	if g.prepare(ctx) {
		var down sync.WaitGroup
		down.Go(func() { g.copy(wire.FromServer) })
		g.begin()
		g.copy(wire.FromClient)
		down.Wait()
	}
	g.mu.Lock()
	g.stopClock()
	g.mu.Unlock()
	g.clock.ticks.Wait() // without the lock, which they take
	g.mu.Lock()
	defer g.mu.Unlock()
	g.client.Close()
	g.mirror.drop()
	if g.backend != nil {
		g.backend.Close()
	}
	g.leave()
}

// owner is the connection itself: the session is used with its lock.
func (g *goConn) owner() owner { return g }

func (g *goConn) show(look func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	look()
}

// wake sets the timer.
func (g *goConn) wake(at moment) {
	if at == 0 {
		g.clock.stop()
		return
	}
	g.clock.set(g.relay.terms.wait(at), func() { g.tell(toTick) })
}

// begin tells the session what there is before anything is read.
func (g *goConn) begin() {
	var a action
	now := time.Now()
	g.mu.Lock()
	switch {
	case len(g.prefix) > 0:
		a = g.session.read(wire.FromClient, g.prefix, now)
	case g.mirror != nil && g.mirror.backend != nil:
		if g.mirror.protocol == protocolHTTP2 {
			g.session.common.Rare = &wire.Rare{ALPN: protocolHTTP2, SNI: g.client.tls.ConnectionState().ServerName}
			g.session.talk.BeginHTTP2(now)
		}
		a = g.session.begin(true)
	case g.target == nil && !g.blind:
		a = g.session.begin(false)
	}
	g.share(&a)
	g.arm()
	g.mu.Unlock()
	g.do(a)
}

// copy carries one direction until the session is over: it writes what is to be written, and reads
// when it may.
func (g *goConn) copy(d wire.Direction) {
	c := copier{relay: g.relay, from: d}
	defer c.release()
	for {
		b, more := g.next(&c)
		switch {
		case !more:
			return
		case b != nil && len(b) == 0:
			c.dst.pay()
		case b != nil:
			g.put(&c, b)
		case c.splices():
			g.splice(&c)
		default:
			g.take(&c)
		}
	}
}

// next waits until there is something to write, or to be read if that is nil. It is empty if only the end of
// a TLS handshake is to be written, and more is false once the session is over.
func (g *goConn) next(c *copier) (b []byte, more bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for d := c.from; ; g.changed.Wait() {
		sides := [2]*side{g.client, g.backend}
		c.src, c.dst, c.most = sides[d], sides[1-d], g.portion(d)
		switch {
		case g.session.stage == closed:
			return nil, false
		case len(g.queue[d]) > 0 && c.dst != nil:
			b, g.queue[d] = g.queue[d], nil
			return b, true
		case d == wire.FromClient && g.backend.owes():
			return []byte{}, true
		case g.session.wants(d):
			return nil, true
		}
	}
}

// take reads once, and writes what comes of it.
func (g *goConn) take(c *copier) {
	b, err := c.read()
	if errors.Is(err, os.ErrDeadlineExceeded) { // there is something else to do
		c.src.SetReadDeadline(time.Time{})
		return
	}
	a, now := action{}, time.Now()
	g.mu.Lock()
	switch {
	case err == nil:
		a = g.session.read(c.from, b, now)
	case errors.Is(err, io.EOF):
		a = g.session.ended(c.from, now)
	default:
		a = g.session.broke(c.from, c.asRefusal(err), now)
	}
	mine := a.write[c.from]
	if len(g.queue[c.from]) == 0 {
		a.write[c.from] = nil
	} else {
		mine = nil
	}
	g.share(&a)
	g.arm()
	g.mu.Unlock()
	if a.also&dialBackend != 0 {
		g.do(a)
	}
	if len(mine) > 0 && g.connected(c) {
		g.put(c, mine)
	}
	c.release()
	if a.also&dialBackend == 0 {
		g.do(a)
	}
}

// connected reports whether what is to be written can be, and sees to it that the copier knows
// where.
func (g *goConn) connected(c *copier) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.from == wire.FromClient {
		c.dst = g.backend
	}
	return c.dst != nil
}

// put writes.
func (g *goConn) put(c *copier, b []byte) {
	n, err := c.write(b)
	now := time.Now()
	g.mu.Lock()
	a := g.session.wrote(c.from, n, now)
	if err != nil {
		a = g.session.unwritable(c.from, err, now)
	}
	if err != nil || a.also != 0 {
		g.share(&a)
		g.arm()
	}
	g.mu.Unlock()
	c.release()
	g.do(a)
}

// splice moves portions inside the kernel until there is a pause. An error is that of the side that
// is read, as far as that can be told.
func (g *goConn) splice(c *copier) {
	for {
		n, err := c.splice()
		now := time.Now()
		g.mu.Lock()
		g.session.spliced(c.from, int(n), now)
		c.most = g.portion(c.from)
		a := g.session.wrote(c.from, int(n), now)
		switch {
		case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, io.EOF):
			a = g.session.ended(c.from, now)
		case isBrokenPipe(err):
			a = g.session.unwritable(c.from, err, now)
		default:
			a = g.session.broke(c.from, err, now)
		}
		g.share(&a)
		g.arm()
		g.mu.Unlock()
		g.do(a)
		if err == nil && c.most > 0 {
			continue
		}
		c.src.SetReadDeadline(time.Time{})
		if err == nil { // it is the end of a frame, and no pause
			c.streak = spliceFrom
		}
		return
	}
}

// portion returns how many bytes of a tunnel may be passed on next without being shown. Only what
// comes from the same side changes that. The lock is held.
func (g *goConn) portion(d wire.Direction) int64 {
	if !g.session.recorded[d] {
		return 0
	}
	return g.session.splice(d)
}

// share leaves what is to be written to the goroutine that does so. The lock is held.
func (g *goConn) share(a *action) {
	for d, b := range a.write {
		if len(b) > 0 {
			g.queue[d] = append(g.queue[d], b...)
		}
	}
	if a.also&(hangUp|closeBoth) != 0 {
		g.queue[wire.FromClient] = nil
	}
	g.changed.Broadcast()
}

// do does what an action holds besides bytes.
func (g *goConn) do(a action) {
	if a.also == 0 {
		return
	}
	g.mu.Lock()
	sides, cancel := [2]*side{g.client, g.backend}, g.giveUp
	g.mu.Unlock()
	for d := range wire.Direction(2) {
		from, to := sides[d], sides[1-d]
		over := a.also&closeBoth != 0 || d == wire.FromClient && a.also&hangUp != 0
		switch {
		case to == nil:
		case a.also&resetting(d) != 0:
			to.reset()
		case a.also&finishing(d) != 0 && (!over || to.tls != nil): // else it is about to be closed, and that says it
			to.finish(from != nil && from.bare())
		}
	}
	if a.also&(giveUp|hangUp|closeBoth) != 0 && cancel != nil {
		cancel()
	}
	if a.also&(hangUp|closeBoth) != 0 && sides[1] != nil {
		sides[1].Close()
	}
	if a.also&closeBoth != 0 {
		sides[0].Close()
	}
	if a.also&dialBackend != 0 {
		g.dial()
	}
}

// tell does at once what it is told.
func (g *goConn) tell(what order) {
	a, now := action{}, time.Now()
	g.mu.Lock()
	switch what {
	case toTick:
		a = g.tick(now)
	case toDrain:
		a = g.session.drain(now)
	case toAbort:
		a = g.session.close(wire.CauseDrain, a)
	}
	client := g.client
	g.share(&a)
	g.arm()
	g.mu.Unlock()
	if a.also&dialBackend != 0 {
		client.SetReadDeadline(time.Unix(1, 0)) // the goroutine that reads there has to write first
	}
	g.do(a)
}
