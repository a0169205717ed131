//go:build e2e

package e2e

import (
	"sync/atomic"
	"testing"
	"time"
)

// A metronome shows if the machine keeps time. Where it does not, a server that answers in
// time seems not to.
type metronome struct{ late atomic.Int64 }

// newMetronome starts a metronome, which ends with the test.
func newMetronome(t *testing.T) *metronome {
	m := new(metronome)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		const beat = 5 * time.Millisecond
		every := time.NewTicker(beat)
		defer every.Stop()
		for last := time.Now(); ; {
			select {
			case <-every.C:
			case <-stop:
				return
			}
			now := time.Now()
			m.late.Store(max(m.late.Load(), int64(now.Sub(last)-beat)))
			last = now
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-ended
	})
	return m
}

// slow reports whether a beat was 30 ms late or more since the last call.
func (m *metronome) slow() bool { return time.Duration(m.late.Swap(0)) >= 30*time.Millisecond }
