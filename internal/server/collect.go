package server

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// leastGarbage is how much garbage may gather before it is collected, if GOGC is not set: by itself
// the collector begins when as much was allocated as is in use, and Interlock has little in use. A
// collection costs about the same however much garbage there is.
const leastGarbage = 32 << 20

// collectLess has garbage collected less often where little memory is in use, until stop is called. It
// does nothing if the environment sets GOGC.
func collectLess() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	c := &collecting{}
	c.before = int64(debug.SetGCPercent(100))
	c.percent.Store(100)
	c.adjust()
	c.watch()
	return func() {
		c.over.Store(true)
		debug.SetGCPercent(int(c.before))
	}
}

// A collecting adjusts the goal of the collector after each collection.
type collecting struct {
	before  int64
	percent atomic.Int64
	over    atomic.Bool
}

// A collected is garbage as soon as it is made: its finalizer runs after the next collection.
type collected struct{ by *collecting }

// watch has adjust called after each collection.
func (c *collecting) watch() {
	runtime.SetFinalizer(&collected{c}, func(is *collected) {
		if !is.by.over.Load() {
			is.by.adjust()
			is.by.watch()
		}
	})
}

// adjust sets the goal by what was in use at the end of the last collection.
func (c *collecting) adjust() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	live := int64(4 << 20)
	if sample[0].Value.Kind() == metrics.KindUint64 {
		live = max(live, int64(sample[0].Value.Uint64()))
	}
	percent := max(100, leastGarbage*100/live)
	if was := c.percent.Load(); percent*10 < was*9 || percent*10 > was*11 { // to set it stops the world for a moment
		c.percent.Store(percent)
		debug.SetGCPercent(int(percent))
	}
}
