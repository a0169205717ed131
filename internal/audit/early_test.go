package audit

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// head is the report of an exchange as it is when its 101 has just come.
func head(x *wire.Exchange) *wire.Exchange {
	early := *x
	early.Revision, early.Complete, early.Final = 0, false, false
	return &early
}

// whole is the report after it.
func whole(x *wire.Exchange) *wire.Exchange {
	late := *x
	late.Revision = 1
	return &late
}

// TestSoundHeadsWait holds that a head that is sound is entered with what follows it, and one that
// is unsafe at once.
func TestSoundHeadsWait(t *testing.T) {
	var entered []string
	a := Audit{Each: func(r *rules.Ruling) {
		entered = append(entered, fmt.Sprintf("%s %d %t", r.X.ID, r.X.Revision, r.Unsafe))
	}}
	for id, request := range map[string]string{"sound": sound("/chat"), "unsafe": fmt.Sprintf(post, "/chat")} {
		x := exchange(id, request)
		if r := a.Enter(head(x), ""); (r != nil) != (id == "unsafe") {
			t.Errorf("%s: got %v at its head", id, r)
		}
		if s := a.Sums(); id == "unsafe" && s.Unsafe != 1 {
			t.Errorf("got %+v behind the unsafe head", s)
		}
		if r := a.Enter(whole(x), ""); r == nil || r.X.Revision != 1 {
			t.Errorf("%s: got %v behind its head", id, r)
		}
	}
	slices.Sort(entered)
	if want := []string{"sound 1 false", "unsafe 0 true", "unsafe 1 true"}; !slices.Equal(entered, want) {
		t.Errorf("entered %q, want %q", entered, want)
	}
	if e := a.Endpoints(); len(e) != 1 || e[0].Exchanges != 2 || e[0].Switched != 2 || len(a.open) != 0 {
		t.Errorf("got %+v, %d open", e, len(a.open))
	}
}

// TestObserveAllocatesLittle holds how much the audit allocates for a valid handshake: almost
// nothing at its head, and little after it. The least of several measurements counts, because a
// collection of garbage empties the pools in between.
func TestObserveAllocatesLittle(t *testing.T) {
	a := Audit{}
	x := exchange("1", sound("/chat"))
	early, late := head(x), whole(x)
	for name, c := range map[string]struct {
		x    *wire.Exchange
		most float64
	}{"head": {early, 2}, "whole": {late, 8}} {
		least := math.Inf(1)
		for range 5 {
			least = min(least, testing.AllocsPerRun(200, func() { a.Observe(c.x) }))
		}
		if least > c.most && !raced {
			t.Errorf("%s: %v allocations, want at most %v", name, least, c.most)
		}
	}
}
