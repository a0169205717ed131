package proxy

import (
	"context"
	"runtime/debug"
	"time"
)

// When the memory of what is over is given back: once exchanges have stopped coming for tidyAfter,
// if there were tidyFrom of them since the last time. The collector by itself waits until as much
// again is in use, which tunnels that are idle never bring about, and then keeps what it has freed.
const (
	tidyAfter = 5 * time.Second
	tidyFrom  = 1000
)

// tidy gives memory back until ctx ends, where exchanges have not come for that long. Several
// listeners of a relay may each run one.
func tidy(ctx context.Context, r *Relay, after time.Duration) {
	ticker := time.NewTicker(after)
	defer ticker.Stop()
	for last := int64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		came := r.Counts.Exchanges.Load()
		done := r.tidied.Load()
		if came == last && came-done >= tidyFrom && r.tidied.CompareAndSwap(done, came) {
			debug.FreeOSMemory()
		}
		last = came
	}
}
