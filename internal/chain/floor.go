package chain

import (
	"context"
	"sync/atomic"
	"time"
)

// A floor is what an attempt has while it may open connections through the hop. One that waits for long
// leaves it to others, and takes it back before it opens another connection.
type floor struct {
	sink *Sink
	free chan struct{} // holds one element while no one has the floor
	left atomic.Bool   // an attempt has begun to wait without it; see newly
}

func newFloor(sink *Sink) *floor {
	f := &floor{sink: sink, free: make(chan struct{}, 1)}
	f.free <- struct{}{}
	return f
}

// newly reports whether an attempt has begun to wait without the floor since the last time.
func (f *floor) newly() bool { return f.left.Swap(false) }

// take waits for the floor, and reports whether it has it.
func (f *floor) take(ctx context.Context) bool {
	select {
	case <-f.free:
		return true
	case <-ctx.Done():
		return false
	}
}

// leave gives the floor back.
func (f *floor) leave() {
	f.sink.expect(nil)
	f.free <- struct{}{}
}

// yield lets others be sent while this attempt waits, if its probe may share the hop.
func (t *attempt) yield() {
	if t.floor == nil || !t.holds || t.probe.turn != besides {
		return
	}
	t.holds = false
	t.floor.left.Store(true)
	t.floor.leave()
}

// regain waits until no other attempt has the floor. The hop has no connection then that an ended one
// has used.
func (t *attempt) regain() {
	if t.floor == nil || t.holds || !t.floor.take(t.ctx) {
		return
	}
	t.holds = true
	t.sink.begin()
	t.sink.sweepOthers(t.times.Empty)
}

// inTurns waits in two steps for what must come: after the first, others are sent meanwhile. Step
// reports whether there is nothing more to wait for. What need not come is waited for in one step: a
// connection of the hop may be idle then, and must not have a request of another attempt.
func (t *attempt) inTurns(within time.Duration, step func(within time.Duration) bool) {
	if first := within - t.times.Come + t.times.Alone; t.holds && within >= t.times.Come && first < within {
		if step(first) {
			return
		}
		t.yield()
		within -= first
	}
	step(within)
}

// wait waits on a connection as inTurns does, and reports whether the bytes that came are enough.
func (t *attempt) wait(l *line, within time.Duration, enough func(in []byte) bool) (came bool) {
	t.inTurns(within, func(within time.Duration) bool {
		came = l.wait(t.ctx, within, enough)
		return came || l.over() || t.ctx.Err() != nil
	})
	return came
}
