package proxy

import (
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A flow is what one direction has under way. It is borrowed from the carrier.
type flow struct {
	pending []byte            // read, but not written; in buffer, or else its own
	buffer  *[bufferSize]byte // borrowed
	piped   int               // bytes in the pipe
	pipe    pipe
	streak  int    // bytes moved in large reads without a pause; spliceFrom if as many are known to come
	moved   moment // when the last of them was
}

// flow is what a direction has under way, which is at least nothing yet.
func (l *lane) flow(d wire.Direction) *flow {
	if l.flows[d] == nil {
		k := l.carrier
		if n := len(k.flows); n > 0 {
			l.flows[d], k.flows = k.flows[n-1], k.flows[:n-1]
		} else {
			l.flows[d] = new(flow)
		}
	}
	return l.flows[d]
}

// giveBack gives back the flow of a direction that has nothing under way any more.
func (l *lane) giveBack(d wire.Direction) {
	f := l.flows[d]
	if f == nil || len(f.pending) > 0 || f.pipe != (pipe{}) || f.streak > 0 {
		return
	}
	l.flows[d] = nil
	if k := l.carrier; len(k.flows) < maxSpare {
		*f = flow{}
		k.flows = append(k.flows, f)
	}
}

// flush writes what is left of what was read. It is true when nothing is.
func (l *lane) flush(d wire.Direction) bool {
	f := l.flows[d]
	if f == nil || len(f.pending) == 0 && f.piped == 0 {
		return true
	}
	if l.legs[1-d].full {
		return false
	}
	if len(f.pending) > 0 {
		f.pending = f.pending[l.write(d, f.pending):]
		if len(f.pending) == 0 {
			l.release(f)
		}
	}
	if f.piped > 0 {
		l.drain(d)
	}
	return !l.over[d] && len(f.pending) == 0 && f.piped == 0
}

// release gives back what a flow has borrowed.
func (l *lane) release(f *flow) {
	f.pending = nil
	if f.buffer != nil {
		l.carrier.relay.buffers.Put(f.buffer)
		f.buffer = nil
	}
}

// stride records how much a read has found that was fed: where more may follow, the direction may begin to stride.
func (l *lane) stride(d wire.Direction, n int) {
	if n < bufferSize {
		if f := l.flows[d]; f != nil {
			f.streak = 0
		}
		return
	}
	c, f := l.conn, l.flow(d)
	switch {
	case c.recorded[d]:
		f.streak += n
	case c.skippable(d) >= spliceFrom:
		f.streak = spliceFrom
	default:
		f.streak = 0
	}
	if f.streak >= spliceFrom {
		f.moved = c.relay.moment(time.Now())
	}
}

// striding reports whether a direction has so much to move, and has not paused, that it is spliced.
func (l *lane) striding(d wire.Direction) bool {
	f := l.flows[d]
	if f == nil || f.streak < spliceFrom {
		return false
	}
	if l.carrier.relay.moment(time.Now())-f.moved > moment(spliceWait) {
		f.streak = 0
		l.dropPipe(f)
	}
	return f.streak > 0
}
