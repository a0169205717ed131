package probe

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// judged runs all probes against a backend of the lab.
func judged(t *testing.T, name string) (map[string]*rules.Ruling, Report) {
	t.Helper()
	s, err := lab.Start(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	target := Target{Address: s.Addr, Base: rules.NewHandshake("http", s.Addr, s.Backend.Paths[0], "")}
	judge := func(x *wire.Exchange) *rules.Ruling { return rules.Classify(rules.Case{X: x}) }
	fails := func(x *wire.Exchange) bool { return judge(x).Verdict == rules.Fail }
	began := time.Now()
	l, report, err := probed(context.Background(), t, target, Settings{Fails: fails}, rules.Probes())
	if err != nil {
		t.Fatal(err)
	}
	rulings := map[string]*rules.Ruling{}
	count := map[rules.Verdict]int{}
	for id, x := range l.by {
		rulings[id] = judge(x)
		count[rulings[id].Verdict]++
	}
	t.Logf("%s: %d probes in %v: %v", name, len(l.by), time.Since(began).Round(time.Millisecond), count)
	return rulings, report
}

// TestSoundBackendsPass checks that a correct backend accepts no invalid upgrade, and that its
// rejections count as passes.
func TestSoundBackendsPass(t *testing.T) {
	for _, name := range []string{"gorilla", "coder", "gobwas"} {
		rulings, report := judged(t, name)
		if report.Degraded || report.Gone || len(report.NotSent) > 0 || !report.Controls[0].Accepted {
			t.Errorf("%s: %+v", name, report)
		}
		for id, ruling := range rulings {
			x, p := ruling.X, rules.FindProbe(id)
			if p.Control == "" && x.Controls != wire.ControlsAccepted {
				t.Errorf("%s: %s: controls %d", name, id, x.Controls)
			}
			switch {
			case x.Outcome == wire.Switched && p.Class.Refuses() && !p.Soft:
				t.Errorf("%s: %s: it switched", name, id)
			case x.Outcome != wire.Switched && p.Class == rules.Accept:
				t.Errorf("%s: %s: it did not switch: %s", name, id, x.Outcome)
			case x.Outcome == wire.Switched && p.Class == rules.Accept && !readFrames(x.After.Server).pong:
				t.Errorf("%s: %s: the switch is not proved by %q", name, id, x.After.Server)
			}
		}
	}
}

// TestUnsoundBackendsFail checks that the faults of a faulty backend are found, with evidence.
func TestUnsoundBackendsFail(t *testing.T) {
	rulings, _ := judged(t, "switches-on-anything")
	for _, id := range []string{"UPGRADE-POST", "UPGRADE-MISSING-CONN", "UPGRADE-HTTP10", "UPGRADE-WS-VER-MISSING", "UPGRADE-HOST-MISSING"} {
		r := rulings[id]
		if r == nil || r.X.Outcome != wire.Switched || r.Verdict != rules.Fail || r.X.Flaky {
			t.Errorf("%s: %+v", id, r)
		} else if f := readFrames(r.X.After.Server); !f.pong || !f.echo {
			t.Errorf("%s: the switch is not proved by %q", id, r.X.After.Server)
		}
	}
}

// TestRejectingEverythingIsNoPass checks that rejections do not count if the backend rejects every
// handshake after 30 requests.
func TestRejectingEverythingIsNoPass(t *testing.T) {
	b := serve(t, func(c *guest) {
		if c.n > 30 {
			c.send(busy)
		} else {
			refuses(c)
		}
	})
	l, report, err := probed(context.Background(), t, b.target(), Settings{}, rules.Probes())
	if err != nil {
		t.Fatal(err)
	}
	for id, x := range l.by {
		p := rules.FindProbe(id)
		if f := rules.Classify(rules.Case{X: x}).Find(p.Rule().ID); p.Class.Refuses() && f != nil && f.Verdict == rules.Pass {
			t.Errorf("%s passes with a %d, controls %d", id, x.Response.Status, x.Controls)
		}
	}
	if !report.Degraded {
		t.Error("it is not said to be worse than at the beginning")
	}
}

// TestOrderAndPriorKnowledge sends a handshake after a GET, and the HTTP/2 preface, to backends
// that handle them correctly and incorrectly.
func TestOrderAndPriorKnowledge(t *testing.T) {
	const after, prior = "UPGRADE-SEQ-BEHIND-GET", "UPGRADE-H2C-PRIOR"
	for name, want := range map[string]map[string]string{
		"gorilla":   {after: "pass GET /chat 101", prior: "not-applicable PRI * 400"},
		"gobwas":    {after: "pass GET /chat 101", prior: "not-applicable PRI * 400"},
		"overtakes": {after: "fail GET /interlock-canary 101", prior: "not-applicable PRI * 505"},
		"h2c":       {after: "not-applicable GET / 200", prior: "warn PRI * 0"},
	} {
		s, err := lab.Start(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		target := Target{Address: s.Addr, Base: rules.NewHandshake("http", s.Addr, s.Backend.Paths[0], "")}
		l, _, err := probed(context.Background(), t, target, Settings{UserAgent: "test"}, []*rules.Probe{rules.FindProbe(after), rules.FindProbe(prior)})
		if err != nil {
			t.Fatal(err)
		}
		for id, x := range l.by {
			status := 0
			if x.Response != nil {
				status = x.Response.Status
			}
			r := rules.Classify(rules.Case{X: x})
			if got := fmt.Sprint(r.Verdict, " ", x.Request.Method, " ", x.Request.Target, " ", status); got != want[id] {
				t.Errorf("%s: %s: got %s, want %s", name, id, got, want[id])
			}
		}
	}
}
