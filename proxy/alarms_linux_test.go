package proxy

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestAlarmsComeInTheirOrder sets, moves and cancels alarms at random, and takes all of them.
func TestAlarmsComeInTheirOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var a alarms
	conns := make([]*loopConn, 300)
	want := map[*loopConn]moment{}
	for i := range conns {
		conns[i] = new(loopConn)
	}
	for range 20_000 {
		l, at := conns[random.IntN(len(conns))], moment(random.IntN(1000)) // 0 cancels
		if random.IntN(3) == 0 {
			at = 0
		}
		if a.set(l, at); at == 0 {
			delete(want, l)
		} else {
			want[l] = at
		}
	}
	var got []moment
	for len(a.heap) > 0 {
		first := a.heap[0]
		if first.at != want[first.l] {
			t.Fatalf("an alarm at %d, want %d", first.at, want[first.l])
		}
		got = append(got, first.at)
		if a.set(first.l, 0); first.l.alarm != 0 {
			t.Fatal("an alarm that was taken has a place")
		}
	}
	if len(got) != len(want) || !slices.IsSorted(got) {
		t.Errorf("%d alarms, want %d: %v", len(got), len(want), got)
	}
}

// TestTicksThatWaitTakeNoGoroutines has tunnels tick, each a second after it was opened, while the
// event loops are busy.
func TestTicksThatWaitTakeNoGoroutines(t *testing.T) {
	const many = 200
	r := relay(t, nil)
	for range many {
		r.switchedOver()
	}
	loops := map[*eventLoop]bool{}
	r.Relay.mu.Lock()
	for c := range r.conns {
		loops[c.driver.(*loopConn).loop] = true
	}
	r.Relay.mu.Unlock()
	before := runtime.NumGoroutine()
	for k := range loops {
		k.mu.Lock()
	}
	<-time.After(wire.AftermathFor + 50*time.Millisecond) // all are due by then
	started := runtime.NumGoroutine() - before
	for k := range loops {
		k.mu.Unlock()
	}
	if started > len(loops)+10 {
		t.Errorf("%d goroutines wait for %d event loops", started, len(loops))
	}
	r.await("the reports", func(all []*wire.Exchange) bool {
		return len(all) == many && !slices.ContainsFunc(all, func(x *wire.Exchange) bool { return x.Revision == 0 })
	})
}
