package probe

import (
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// An awaited is what a server should do in the end, beside its answer to the probe.
type awaited uint8

const (
	awaitPage  awaited = iota // answer the GET before or after the probe
	awaitPong                 // answer a ping in the tunnel
	awaitEnd                  // end a stream
	awaitKinds = iota
)

// await is hear for what the server should do in the end.
func (a *streamed) await(what awaited, long time.Duration, enough func() bool) {
	a.hear(a.within(what, long), enough)
	switch {
	case enough():
		a.vain[what].Store(0)
	case a.over == wire.CauseTimeout:
		a.vain[what].Add(1)
	}
}

// within returns how long to wait for it: not long where the server has not done it mostStalls times in a
// row. A server that hangs would make a run last minutes.
func (a *streamed) within(what awaited, long time.Duration) time.Duration {
	silent := a.asked.IsZero() || a.answered.IsZero() // the probe had no answer, or none yet
	switch {
	case what == awaitPage && silent && !a.asked.IsZero():
	case a.vain[what].Load() < mostStalls:
		return long
	}
	short := quietTime
	if what == awaitPage {
		short = farPatience
		if a.loopback {
			short = nearPatience
		}
	}
	if !silent {
		short += 2 * a.answered.Sub(a.asked)
	}
	return min(long, short)
}
