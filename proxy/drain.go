package proxy

import (
	"sync"
	"time"
)

// drain ends what is open, in good order where that is possible within Limits.Drain, and waits for
// it.
func (r *Relay) drain(running *sync.WaitGroup) {
	aborted := make(chan struct{})
	deadline := time.AfterFunc(r.Limits.Drain, func() {
		defer close(aborted)
		r.tell(toAbort)
	})
	r.tell(toDrain)
	running.Wait()
	if !deadline.Stop() {
		<-aborted
	}
}

// Abort closes all connections at once. While a relay drains, Limits.Drain is over with that.
func (r *Relay) Abort() { r.tell(toAbort) }

// tell has all connections do something, at once: a client that does not read holds up the end of
// its TLS for seconds.
func (r *Relay) tell(what order) {
	var all sync.WaitGroup
	for _, c := range r.connections() {
		all.Go(func() { c.driver.tell(what) })
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
