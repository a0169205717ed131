package proxy

import (
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// drain ends what is open, in good order where that is possible within Limits.Drain, and waits for it.
func (r *Relay) drain(running *sync.WaitGroup) {
	aborted := make(chan struct{})
	deadline := time.AfterFunc(r.Limits.Drain, func() {
		defer close(aborted)
		r.each((*conn).abort)
	})
	r.each(func(c *conn) {
		c.draining.Store(true)
		c.finishAtRest(wire.CauseDrain)
	})
	running.Wait()
	if !deadline.Stop() {
		<-aborted
	}
}

// each does something to each connection, to all at once: a client that does not read holds up the end of its TLS for
// seconds.
func (r *Relay) each(do func(*conn)) {
	var all sync.WaitGroup
	for _, c := range r.connections() {
		all.Go(func() { do(c) })
	}
	all.Wait()
}

func (r *Relay) connections() []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	open := make([]*conn, 0, len(r.conns))
	for c := range r.conns {
		open = append(open, c)
	}
	return open
}

// finishAtRest ends a connection on which no request is under way: the client gets a FIN and a moment to see it.
func (c *conn) finishAtRest(why wire.Cause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || !c.talk.Resting() {
		return
	}
	c.endLocked(why)
	c.closing = true
	if c.lane != nil {
		c.lane.tell(toFinish)
		return
	}
	c.client.finish(false)
	c.client.SetReadDeadline(time.Now().Add(lingerFor))
	if c.giveUp != nil {
		c.giveUp() // an attempt that nobody asked for yet
	}
	if c.backend != nil {
		c.backend.Close()
	}
}

// abort ends a connection whatever is under way.
func (c *conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(wire.CauseDrain)
	c.closeBoth()
}
