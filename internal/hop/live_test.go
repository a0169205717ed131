package hop

import (
	"fmt"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// report is a report of an exchange with a path and a key of its own.
func report(id, name string, at time.Time, revision int, final bool) *rules.Ruling {
	request := fmt.Sprintf("GET /%s HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n\r\n", name, name)
	return &rules.Ruling{X: &wire.Exchange{
		ID: id, Revision: revision, Final: final, Complete: true, Origin: wire.OriginLive, Time: at, Outcome: wire.Switched, Request: wire.ReadRequest([]byte(request)),
	}}
}

func newLive() (l *Live, now time.Time) {
	return &Live{Within: 5 * time.Second, Settle: time.Second / 2, Keep: time.Minute, Bytes: 1 << 20}, time.Unix(1_800_000_000, 0)
}

// TestOneWithoutAPairKeepsNoOthers checks that pairs that are complete are not held by an exchange that
// was reported before them and still looks for its other side.
func TestOneWithoutAPairKeepsNoOthers(t *testing.T) {
	l, now := newLive()
	l.Far(report("lone", "lone", now, 0, true), false, now)
	for i := range 100 {
		now = now.Add(time.Millisecond)
		name := fmt.Sprint("pair", i)
		l.Far(report("F"+name, name, now, 0, true), false, now)
		l.Near(report("N"+name, name, now, 0, true), now)
	}
	for range 2 { // paired, and then complete
		now = now.Add(time.Second)
		l.Due(now, false)
	}
	if n := l.Counts(); n != (Counts{Paired: 100}) || len(l.far.queue) != 1 || l.far.byID["lone"] == nil || len(l.far.byID) != 1 {
		t.Errorf("got %+v, %d of the far side in the queue, %d known", n, len(l.far.queue), len(l.far.byID))
	}
	for _, s := range l.far.queue[:cap(l.far.queue)][1:] {
		if s != nil {
			t.Fatalf("the queue holds %s behind its end", s.Ruling.X.ID)
		}
	}
	if l.Due(now.Add(2*l.Keep), false); len(l.far.queue) != 0 || l.bytes != 0 {
		t.Errorf("%d in the queue, %d bytes", len(l.far.queue), l.bytes)
	}
}

// TestAnExchangeCountsOnce checks that an exchange that was forgotten is not counted again when it is
// reported again, whatever becomes of it then.
func TestAnExchangeCountsOnce(t *testing.T) {
	for name, test := range map[string]struct {
		want Counts
		run  func(l *Live, now time.Time)
	}{
		"no room": {Counts{Shed: 1}, func(l *Live, now time.Time) {
			l.Bytes = 1
			for i := range 3 {
				l.Near(report("N", "n", now, i, i == 2), now)
			}
		}},
		"one in the place of the other": {Counts{Shed: 2}, func(l *Live, now time.Time) {
			l.Bytes = report("N1", "n", now, 0, false).Bytes()
			for i := range 3 {
				l.Near(report("N1", "n", now, i, i == 2), now)
				l.Near(report("N2", "n", now, i, i == 2), now)
			}
			l.Due(now, true)
		}},
		"alone": {Counts{Alone: 1}, func(l *Live, now time.Time) {
			l.Near(report("N", "n", now, 0, false), now)
			l.Due(now.Add(61*time.Second), false)
			l.Near(report("N", "n", now, 1, true), now.Add(66*time.Second))
			l.Due(now.Add(127*time.Second), false)
		}},
		"paired later": {Counts{Alone: 1}, func(l *Live, now time.Time) {
			l.Near(report("N", "n", now, 0, false), now)
			l.Due(now.Add(61*time.Second), false)
			l.Near(report("N", "n", now, 1, false), now.Add(66*time.Second))
			l.Far(report("F", "n", now, 1, true), false, now.Add(66*time.Second))
			if due := l.Due(now.Add(67*time.Second), false); len(due) != 1 {
				t.Errorf("%d pairs are to be judged", len(due))
			}
			l.Near(report("N", "n", now, 2, true), now.Add(70*time.Second))
			l.Due(now.Add(71*time.Second), false)
		}},
		"paired": {Counts{Paired: 1}, func(l *Live, now time.Time) {
			l.Near(report("N", "n", now, 0, false), now)
			l.Far(report("F", "n", now, 0, true), false, now)
			l.Due(now.Add(time.Second), false)
			l.Near(report("N", "n", now, 1, true), now.Add(70*time.Second))
			l.Due(now.Add(71*time.Second), false)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l, now := newLive()
			test.run(l, now)
			if n := l.Counts(); n != test.want || len(l.counted) != 0 {
				t.Errorf("got %+v, want %+v; %d IDs are kept", n, test.want, len(l.counted))
			}
		})
	}
}
