package proxy

import (
	"context"
	"errors"
	"net/netip"
	"slices"
)

// A way says where connections go that come from here on.
type way struct {
	backend *Backend
	others  []*Backend
	choose  func(*Arrival) (*Backend, string) // nil: all go to backend
	eager   bool                              // one of the backends is
}

func newWay(backend *Backend, others []*Backend, choose func(*Arrival) (*Backend, string)) *way {
	w := &way{backend: backend, others: others, choose: choose}
	w.eager = slices.ContainsFunc(w.all(), func(b *Backend) bool { return b.Eager })
	return w
}

// all are the backends that connections may go to.
func (w *way) all() []*Backend { return append([]*Backend{w.backend}, w.others...) }

// plain reports whether all goes to one backend, and nothing is to be done on the way there.
func (w *way) plain() bool { return w.choose == nil && w.backend.plain() }

// Reroute lets the connections that come from here on go where these fields of a [Relay] would let them; those that are
// open keep their backend. An error says that one of the backends is a listener of the relay, and then nothing changes.
func (r *Relay) Reroute(ctx context.Context, backend *Backend, others []*Backend, choose func(*Arrival) (*Backend, string)) error {
	r.start()
	r.mu.Lock()
	listeners := append([]netip.AddrPort(nil), r.listeners...)
	r.mu.Unlock()
	var failed error
	for _, own := range listeners {
		failed = errors.Join(failed, refuseOwn(ctx, append([]*Backend{backend}, others...), own))
	}
	if failed == nil {
		backend.ready()
		r.ways.Store(newWay(backend, others, choose))
	}
	return failed
}
