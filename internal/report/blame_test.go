package report

import (
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestReportsSayWhichProxyIsToBlame checks the first line of a report about proxies.
func TestReportsSayWhichProxyIsToBlame(t *testing.T) {
	t.Parallel()
	rule := rules.Find("UPGRADE-HOP-TUNNEL-NON101")
	result := func(hop string, v rules.Verdict, severity rules.Severity, state string) *rules.Ruling {
		return &rules.Ruling{
			X: &wire.Exchange{Origin: wire.OriginChain, Route: hop, Request: wire.ReadRequest(nil)}, Verdict: v,
			Findings: []rules.Finding{{Rule: rule, Verdict: v, Severity: severity, State: state}},
		}
	}
	live := result("a", rules.Fail, rules.High, "")
	live.X.Origin = wire.OriginLive
	for want, rulings := range map[string][]*rules.Ruling{
		"Not safe: to blame is b (1 rule violated, the worst critical). Not to blame: a. Worst.":                        {result("a", rules.Pass, rules.High, ""), result("b", rules.Fail, rules.Critical, "")},
		"Not safe: to blame are b (1 rule violated, the worst critical), a (1 rule violated, the worst medium). Worst.": {result("a", rules.Fail, rules.Medium, ""), result("b", rules.Fail, rules.Critical, "")},
		"To blame: a (1 rule violated, the worst low). Worst.":                                                          {result("a", rules.Fail, rules.Low, "")},
		"Safe as far as tested: no proxy is to blame (a); nothing failed, there are warnings.":                          {result("a", rules.Warn, rules.Low, "")},
		"Safe as far as tested: no proxy is to blame (a, b); nothing failed.":                                           {result("a", rules.Pass, rules.Low, ""), result("b", rules.Fail, rules.Low, rules.StateAccepted)},
		"": {result("b", rules.Fail, rules.Critical, ""), live},
	} {
		var h hops
		for _, r := range rulings {
			h.enter(r)
		}
		if got := h.answer(" Worst."); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
