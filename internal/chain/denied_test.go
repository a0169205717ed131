package chain

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
)

// TestAPathThatTheHopRejects sends requests for a path that each hop rejects, after an offer. What a
// busy machine delays is sent again with more time.
func TestAPathThatTheHopRejects(t *testing.T) {
	const (
		late, early = "fail UPGRADE-HOP-TUNNEL-NON101", "fail UPGRADE-HOP-PREMATURE"
		unseen      = "n/a the hop writes targets of its own"
		open        = "n/a the hop does not reject /denied"
	)
	var all sync.WaitGroup
	for hop, want := range map[string][5]string{ // after 426, after 200, early, after a 101 without an offer, in h2c
		"sound":                  {"pass", "pass", "pass", "pass", "pass"},
		"strips":                 {"pass", "pass", "pass", "pass", "pass"},
		"speaks-h2c":             {"pass", "pass", "pass", "pass", "pass"},
		"tunnels-after-refusal":  {late, late, late, "pass", "pass"},
		"forwards-early":         {late, late, early, "pass", "pass"},
		"relays-unsolicited-101": {"pass", "pass", "pass", "fail UPGRADE-HOP-101-UNCHECKED", "pass"},
		"forwards-h2c":           {"pass", "pass", "pass", "pass", "fail UPGRADE-HOP-FORWARDED"},
		"relay":                  {open, open, open, open, open},
		"rewrites-targets":       {unseen, unseen, unseen, unseen, unseen},
	} {
		all.Go(func() {
			var got [5]string
			for factor := time.Duration(1); factor <= 16; factor *= 4 {
				if got = deniedAt(t, hop, factor); got == want {
					return
				}
			}
			t.Errorf("%s: got %q\nwant %q", hop, got, want)
		})
	}
	all.Wait()
}

// deniedAt returns what the probes find at a hop of the lab: the verdict, and the rule or the reason.
func deniedAt(t *testing.T, name string, factor time.Duration) (found [5]string) {
	t.Helper()
	sink, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	hop, err := lab.StartHop(name, sink.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer hop.Close()
	probes, err := Select([]string{"CHAIN-DENIED-*"}, nil, true, HTTP1)
	if err != nil {
		t.Fatal(err)
	}
	all := denied()
	_, err = Run(t.Context(), &Hop{Address: hop.Addr, Host: hop.Addr, Protected: lab.HopRejects}, sink, Settings{Times: quick(factor)}, probes, func(r Result) {
		checkRuling(t, name, r)
		for i := range all {
			if all[i].ID == r.Probe.ID {
				found[i] = foundBy(t, &r)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func foundBy(t *testing.T, r *Result) string {
	t.Helper()
	switch r.Verdict {
	case rules.NotApplicable:
		why, _, _ := strings.Cut(r.Why, ":")
		why, _, _ = strings.Cut(why, ", so")
		return "n/a " + why
	case rules.Pass:
		return "pass"
	}
	f := r.Ruling.Worst()
	if f.Verdict == rules.Fail && (f.Severity != rules.Critical || !strings.Contains(f.Detail, "a request for "+lab.HopRejects+", which it rejects")) {
		t.Errorf("%s: %s %q", r.Probe.ID, f.Severity, f.Detail)
	}
	return f.Verdict.String() + " " + f.Rule.ID
}

// TestProbesThatNeedAPath checks that they are left out without one, and may not be chosen alone then.
func TestProbesThatNeedAPath(t *testing.T) {
	all, err := Select(nil, nil, false, HTTP1)
	if err != nil || len(all) != len(Probes())-len(denied()) {
		t.Errorf("got %d of %d probes, %v", len(all), len(Probes()), err)
	}
	if _, err := Select([]string{"chain-denied-*"}, nil, false, HTTP1); err == nil || !strings.Contains(err.Error(), "--protected") {
		t.Errorf("got %v", err)
	}
	for path, want := range map[string]bool{"/admin": true, "/": true, "admin": false, "": false, "/a?b": false, "/a b": false, "/a\r\n": false, "/a#b": false, "/" + strings.Repeat("a", 1024): false} {
		if IsPath(path) != want {
			t.Errorf("%.20q: want %t", path, want)
		}
	}
}
