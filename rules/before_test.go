package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestBeforeFollowsAnExchange follows a tunnel through its reports: the head, the bytes after it,
// the end.
func TestBeforeFollowsAnExchange(t *testing.T) {
	post, pipelined := Find("UPGRADE-POST"), Find("UPGRADE-PIPELINED")
	var before *Before
	for i, step := range []struct {
		complete, final bool
		broken          *Rule
		bytes           int64
		opened          int
		had             bool // post, before
	}{
		{false, false, post, 0, 1, false},
		{true, false, pipelined, 7, 0, true},
		{true, true, pipelined, 9, -1, true},
	} {
		x := &wire.Exchange{
			Origin: wire.OriginLive, Outcome: wire.Switched, Request: &wire.Request{}, Complete: step.complete, Final: step.final,
			After: wire.After{ClientBytes: step.bytes},
		}
		r := &Ruling{X: x, Before: before, Verdict: Fail, Unsafe: i == 0, Findings: []Finding{{Rule: step.broken, Verdict: Fail}, {Rule: post, Verdict: Pass}}}
		if got := r.Opened(); got != step.opened {
			t.Errorf("report %d: opened %d, want %d", i, got, step.opened)
		}
		if got := before.Has(post); got != step.had {
			t.Errorf("report %d: had %t, want %t", i, got, step.had)
		}
		before = before.Then(r)
		if !before.Unsafe || before.Judged != step.complete || before.ClientBytes != step.bytes || before.Verdict != Fail {
			t.Errorf("report %d: got %+v", i, before)
		}
	}
	probe := &Ruling{X: &wire.Exchange{Origin: wire.OriginProbe, Outcome: wire.Switched}}
	if got := probe.Opened(); got != 0 {
		t.Errorf("a probe opened %d", got)
	}
}
