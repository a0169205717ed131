package proxy

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

// TestMemoryIsGivenBackAtRest holds that what was freed goes back to the system once exchanges have stopped coming.
func TestMemoryIsGivenBackAtRest(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // nobody else collects
	var before, behind runtime.MemStats
	runtime.ReadMemStats(&before)
	ctx, stop := context.WithCancel(t.Context())
	var r Relay
	var running sync.WaitGroup
	running.Go(func() { tidy(ctx, &r, time.Millisecond) })
	r.Counts.Exchanges.Store(tidyFrom)
	for deadline := time.Now().Add(patience); behind.NumForcedGC <= before.NumForcedGC; runtime.ReadMemStats(&behind) {
		if time.Now().After(deadline) {
			t.Fatal("no memory is given back")
		}
		runtime.Gosched()
	}
	stop()
	running.Wait()
	if got := r.tidied.Load(); got != tidyFrom {
		t.Errorf("it was given back behind %d exchanges, want %d", got, tidyFrom)
	}
}
