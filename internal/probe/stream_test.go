package probe

import (
	"context"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// probed2 runs the probes in HTTP/2 against a backend of the lab.
func probed2(t testing.TB, name string, only ...string) (map[string]*rules.Ruling, Report) {
	t.Helper()
	s, err := lab.Start(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	probes := rules.Probes()
	if len(only) > 0 {
		if probes, err = Select(probes, only, nil); err != nil {
			t.Fatal(err)
		}
	}
	target := Target{Address: s.Addr, Base: rules.NewHandshake("http", s.Addr, s.Backend.Paths[0], "")}
	judge := func(x *wire.Exchange) *rules.Ruling { return rules.Classify(rules.Case{X: x}) }
	l, report, err := probed(context.Background(), t, target, Settings{
		HTTP: HTTP2, UserAgent: "test", Fails: func(x *wire.Exchange) bool { return judge(x).Verdict == rules.Fail },
	}, probes)
	if err != nil {
		t.Fatal(err)
	}
	rulings := map[string]*rules.Ruling{}
	for id, x := range l.by {
		rulings[id] = judge(x)
	}
	return rulings, report
}

func TestSoundHTTP2(t *testing.T) {
	rulings, report := probed2(t, "h2")
	t.Logf("%+v", report)
	for id, r := range rulings {
		status := 0
		if r.X.Response != nil {
			status = r.X.Response.Status
		}
		t.Logf("%-28s %-10s %3d %v %+v %s", id, r.X.Outcome, status, r.Verdict, r.X.Follow, r.X.After.Server)
		for _, f := range r.Findings {
			if f.Verdict < rules.Pass {
				t.Log("   ", f.Rule.ID, f.Verdict, f.Severity, f.Detail)
			}
		}
	}
	_ = strings.ToLower
}
