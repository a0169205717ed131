package proxy

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

// TestMemoryIsGivenBackAtRest checks that freed memory is returned to the system after the last
// exchange.
func TestMemoryIsGivenBackAtRest(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // turns off automatic collection
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
		t.Errorf("memory was returned after %d exchanges, want %d", got, tidyFrom)
	}
}
