package server

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// TestGarbageIsCollectedLess checks that the collector waits for more garbage where little memory is
// in use, for no more than usual where much is, and for what it did before once that is over.
func TestGarbageIsCollectedLess(t *testing.T) {
	t.Setenv("GOGC", "")
	before := goal()
	stop := collectLess()
	awaitGoal(t, func(percent uint64) bool { return percent > 2*before })
	used := make([]byte, 2*leastGarbage)
	awaitGoal(t, func(percent uint64) bool { return percent == 100 })
	runtime.KeepAlive(used)
	stop()
	if got := goal(); got != before {
		t.Errorf("got GOGC=%d at the end, want %d", got, before)
	}
	t.Setenv("GOGC", "70")
	collectLess()()
	if got := goal(); got != before {
		t.Errorf("got GOGC=%d although it is set, want %d", got, before)
	}
}

// awaitGoal collects garbage until the goal is as wanted.
func awaitGoal(t *testing.T, wanted func(percent uint64) bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !wanted(goal()); runtime.GC() {
		if time.Now().After(end) {
			t.Fatalf("GOGC stays at %d", goal())
		}
	}
}

// goal returns what GOGC is at the moment.
func goal() uint64 {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
