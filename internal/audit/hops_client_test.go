package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// sameMask is two frames of a client with one masking key.
const sameMask = "\x81\x85\x01\x02\x03\x04ifmmn\x81\x85\x01\x02\x03\x04ifmmn"

// masked gives an exchange those frames.
func masked(x *wire.Exchange) *wire.Exchange {
	x.After.Client, x.After.ClientBytes = []byte(sameMask), int64(len(sameMask))
	return x
}

// countOf is how often a rule was found, and on which route last.
func countOf(rule string, all ...*Audit) (n int64, route string) {
	for _, a := range all {
		for _, f := range a.Findings() {
			if f.Key.Rule == rule {
				n, route = n+f.Count, f.Key.Route
			}
		}
	}
	return n, route
}

// TestAFaultInATunnelCountsOnce checks that what a client does wrong after the 101 is counted on the
// near side of a proxy only, however both sides are recorded.
func TestAFaultInATunnelCountsOnce(t *testing.T) {
	const rule = "UPGRADE-WS-MASK-CONST"
	routes := map[string]hop.Side{"edge": hop.NearTo, "inner": hop.FarFrom}
	t.Run("one process", func(t *testing.T) {
		for _, order := range []string{"nf", "fn"} {
			a := &Audit{Hops: NewHops(1 << 20)}
			a.Hops.Configure(hop.NoSide, routes)
			for _, side := range order {
				name := map[rune]string{'n': "edge", 'f': "inner"}[side]
				a.Observe(masked(seenOn(name, name, offered, false)))
				a.Observe(masked(seenOn(name, name, offered, true)))
			}
			a.Compare(true)
			if n, route := countOf(rule, a); n != 1 || route != "edge" {
				t.Errorf("%s: counted %d times, last on %s", order, n, route)
			}
		}
	})
	t.Run("two processes", func(t *testing.T) {
		edge, inner := &Audit{Hops: NewHops(1 << 20)}, &Audit{Hops: NewHops(1 << 20)}
		edge.Hops.Configure(hop.NearTo, nil)
		inner.Hops.Configure(hop.FarFrom, nil)
		edge.Observe(masked(seenOn("edge", "N", offered, true)))
		inner.Each = func(r *rules.Ruling) {
			if r.Verdict != rules.Pass {
				t.Errorf("the verdict of the far side is %v", r.Verdict)
			}
			edge.Hops.Stored(r)
		}
		inner.Observe(masked(seenOn("inner", "F", offered, true)))
		edge.Compare(true)
		if n, route := countOf(rule, edge, inner); n != 1 || route != "edge" || edge.Hops.Counts().Paired != 1 {
			t.Errorf("counted %d times, last on %s, %+v", n, route, edge.Hops.Counts())
		}
	})
	t.Run("a capture of both sides", func(t *testing.T) {
		a := &Audit{}
		a.Observe(masked(recorded("192.0.2.1:5000", "192.0.2.2:80", 0, 10)))
		a.Observe(masked(recorded("192.0.2.2:6000", "192.0.2.3:8080", 2, 5)))
		a.Observe(masked(recorded("192.0.2.1:5001", "192.0.2.2:80", int(time.Minute.Milliseconds()), 10)))
		if n, _ := countOf(rule, a); n != 2 || a.Sums().Paired != 1 {
			t.Errorf("counted %d times, %d pairs", n, a.Sums().Paired)
		}
	})
}

// TestAFaultInAHeadBehindAProxyIsJudged checks that what the heads on the far side show is judged as on
// any other side, because the proxy may have done it.
func TestAFaultInAHeadBehindAProxyIsJudged(t *testing.T) {
	clients := 0
	for _, request := range []string{bare, strings.Replace(offered, "/chat", "/chat?access_token=a1b2c3d4e5f6a7b8", 1), strings.Replace(offered, "HTTP/1.1", "HTTP/1.0", 1)} {
		broken := map[hop.Side][]string{}
		for _, side := range []hop.Side{hop.NoSide, hop.FarFrom} {
			a := &Audit{Hops: NewHops(1 << 20)}
			a.Hops.Configure(side, nil)
			r := a.Enter(masked(seenOn("inner", "F", request, true)), "")
			for _, f := range r.Findings {
				if f.Verdict < rules.Pass && f.Rule.ID != "UPGRADE-WS-MASK-CONST" {
					broken[side] = append(broken[side], fmt.Sprintf("%s %v by %v", f.Rule.ID, f.Verdict, f.Party))
					if f.Party == rules.Client {
						clients++
					}
				}
			}
			if f := r.Worst(); f == nil || f.Verdict >= rules.Pass {
				t.Errorf("the worst is %+v", f)
			}
		}
		if got, want := broken[hop.FarFrom], broken[hop.NoSide]; len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%.40q: got %q behind the proxy, want %q", request, got, want)
		}
	}
	if clients == 0 {
		t.Error("no client did anything wrong")
	}
}
