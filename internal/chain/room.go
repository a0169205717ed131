package chain

import (
	"slices"
	"sync/atomic"

	"github.com/interlock-proxy/interlock/wire"
)

// The limits of what a sink keeps at a time. They are far above what all attempts send; others may
// send more, as anyone who can reach the sink may.
const (
	maxArrivals = 10_000
	maxKept     = 32 << 20 // bytes that came on all connections
	readCost    = 64       // bytes that each read takes besides
)

// Dropped is what a sink did not keep because it was too much.
type Dropped struct {
	Requests    int // that were answered, and not recorded
	Connections int // that were closed, or not accepted
}

// A room is how many bytes the connections of a sink may still keep. A nil room has no limit.
type room struct{ left, cut atomic.Int64 }

// take reports whether a read of n bytes can be kept.
func (r *room) take(n int) bool {
	if r == nil {
		return true
	}
	if r.left.Add(-int64(n)-readCost) >= 0 {
		return true
	}
	r.left.Add(int64(n) + readCost)
	r.cut.Add(1)
	return false
}

// give returns the room of a connection, which has ended.
func (l *line) give() {
	if l.room == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if !e.ours {
			l.room.left.Add(int64(len(e.bytes)) + readCost)
		}
	}
}

// Dropped returns what the sink has dropped so far.
func (s *Sink) Dropped() Dropped {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dropped
	d.Connections += int(s.room.cut.Load())
	return d
}

// keep records an arrival. If there are too many, only the first one of each id is. The caller holds
// mu.
func (s *Sink) keep(a *arrival) {
	known := func(b *arrival) bool { return b.id == a.id }
	if len(s.arrivals) >= maxArrivals && (a.id == "" || slices.ContainsFunc(s.arrivals, known)) {
		s.dropped.Requests++
		return
	}
	s.arrivals = append(s.arrivals, a)
}

// shorten keeps only the bytes of a request that has no id, once it is answered.
func (s *Sink) shorten(a *arrival) {
	if a.id != "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.request = &wire.Request{Head: wire.Head{Raw: a.request.Raw}}
}
