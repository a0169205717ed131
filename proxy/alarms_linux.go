package proxy

import (
	"time"
)

// turnTicks is how many connections a loop lets tick before those that have bytes have their turn.
const turnTicks = 64

// alarms are when the connections of an event loop tick: a heap by time, and one timer for the first
// of them. A timer of each connection would cost a goroutine at each tick.
type alarms struct {
	heap  []alarm
	timer *time.Timer // nil before the first alarm
	at    moment      // when the timer fires; zero: it is not set
}

type alarm struct {
	at moment
	l  *loopConn
}

// wake has a connection tick at a moment, instead of at the one before; zero: never. It may be called
// by any goroutine.
func (k *eventLoop) wake(l *loopConn, at moment) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set(l, at)
	k.setTimer()
}

// setTimer sets the timer to the first alarm. The lock is held.
func (k *eventLoop) setTimer() {
	if len(k.heap) == 0 || k.at != 0 && k.at <= k.heap[0].at || k.over {
		return
	}
	k.at = k.heap[0].at
	wait := k.relay.terms.wait(k.at)
	if k.timer == nil {
		k.timer = time.AfterFunc(wait, k.alarmed)
	} else {
		k.timer.Reset(wait)
	}
}

// alarmed wakes the loop.
func (k *eventLoop) alarmed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.at = 0; !k.over {
		k.epoll.ring()
	}
}

// tick lets the connections tick whose time has come. What it leaves for the next turn has the timer
// fire at once.
func (k *eventLoop) tick() {
	now := k.relay.terms.moment(time.Now())
	for range turnTicks {
		l := k.next(now)
		if l == nil {
			break
		}
		l.obey(toTick)
	}
	k.mu.Lock()
	k.setTimer()
	k.mu.Unlock()
}

// next takes the first alarm if its time has come.
func (k *eventLoop) next(now moment) *loopConn {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.heap) == 0 || k.heap[0].at > now {
		return nil
	}
	l := k.heap[0].l
	k.set(l, 0)
	return l
}

// stop ends the timer, which may still fire once.
func (a *alarms) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}

// set has the alarm of a connection at a moment; zero: it has none.
func (a *alarms) set(l *loopConn, at moment) {
	switch i := int(l.alarm) - 1; {
	case at == 0 && i >= 0:
		a.cancel(i)
	case at == 0:
	case i < 0:
		a.heap = append(a.heap, alarm{at, l})
		a.up(len(a.heap) - 1)
	default:
		a.heap[i].at = at
		a.fix(i)
	}
}

// cancel removes an alarm.
func (a *alarms) cancel(i int) {
	a.heap[i].l.alarm = 0
	last := len(a.heap) - 1
	moved := a.heap[last]
	a.heap[last] = alarm{}
	if a.heap = a.heap[:last]; i < last {
		a.heap[i] = moved
		a.fix(i)
	}
	if cap(a.heap) > 64 && last < cap(a.heap)/4 {
		a.heap = append(make([]alarm, 0, 2*last), a.heap...)
	}
}

// fix puts an alarm where it belongs.
func (a *alarms) fix(i int) { a.down(a.up(i)) }

// up moves an alarm before those that are later, and returns its place.
func (a *alarms) up(i int) int {
	moved := a.heap[i]
	for i > 0 {
		parent := (i - 1) / 2
		if a.heap[parent].at <= moved.at {
			break
		}
		a.put(i, a.heap[parent])
		i = parent
	}
	a.put(i, moved)
	return i
}

// down moves an alarm behind those that are earlier.
func (a *alarms) down(i int) {
	moved := a.heap[i]
	for {
		child := 2*i + 1
		if child >= len(a.heap) {
			break
		}
		if child+1 < len(a.heap) && a.heap[child+1].at < a.heap[child].at {
			child++
		}
		if a.heap[child].at >= moved.at {
			break
		}
		a.put(i, a.heap[child])
		i = child
	}
	a.put(i, moved)
}

func (a *alarms) put(i int, at alarm) {
	a.heap[i] = at
	at.l.alarm = int32(i + 1)
}
