package rules

import (
	"reflect"
	"sync"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestMemoryChangesNoRuling checks that rulings are the same with what classifications share as
// without it, also when several goroutines use it.
func TestMemoryChangesNoRuling(t *testing.T) {
	var exchanges []*wire.Exchange
	for _, r := range corpus(t) {
		exchanges = append(exchanges, r.transcript.Exchanges(wire.Common{})...)
	}
	for name, o := range map[string]*Options{
		"default":    {},
		"severities": {Severities: map[string]Severity{"UPGRADE-101-UNSOLICITED": Low}},
	} {
		t.Run(name, func(t *testing.T) {
			var shared Memory
			var judges sync.WaitGroup
			for range 3 {
				judges.Go(func() {
					for _, x := range exchanges {
						got, want := Classify(Case{X: x, Options: o, Memory: &shared}), Classify(Case{X: x, Options: o})
						if len(got.Findings) == 0 {
							got.Findings, want.Findings = nil, nil
						}
						if !reflect.DeepEqual(got, want) {
							t.Errorf("%q: got %+v, want %+v", x.Request.Raw, got, want)
						}
						var ruling Ruling
						if a, b := Unsafe(&ruling, Case{X: x, Options: o, Memory: &shared}), Unsafe(&ruling, Case{X: x, Options: o}); a != b {
							t.Errorf("%q: unsafe is %v, want %v", x.Request.Raw, a, b)
						}
					}
				})
			}
			judges.Wait()
		})
	}
}

// TestPassesAreShared checks that rulings of exchanges that pass the same rules have one list of
// findings, and that nothing can be appended to it in place.
func TestPassesAreShared(t *testing.T) {
	c := transcribed(t, "UPGRADE-101-UNSOLICITED/offered.wire")
	c.Memory = new(Memory)
	a, b := Classify(c), Classify(c)
	if len(a.Findings) < 20 || &a.Findings[0] != &b.Findings[0] || cap(a.Findings) != len(a.Findings) {
		t.Errorf("got %d findings with room for %d, and %d", len(a.Findings), cap(a.Findings), len(b.Findings))
	}
	if got := testing.AllocsPerRun(100, func() { Classify(c) }); got > 3 && !raced {
		t.Errorf("%.0f allocations, want at most 3", got)
	}
}
