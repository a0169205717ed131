package hop_test

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/rules"
)

// TestPairsAreJudged checks that what a hop does to live traffic is judged by the rules about
// proxies, and that the key that both sides have is no finding.
func TestPairsAreJudged(t *testing.T) {
	bare := strings.Replace(handshake, "Connection: Upgrade\r\n", "", 1)
	pairs := []hop.Pair{
		{Near: side(t, bare, switched, 0), Far: side(t, handshake, switched, 0), By: hop.ByKey},
		{Near: side(t, bare, refused, 0), Far: side(t, handshake, refused, 0), By: hop.ByKey},
		{Near: side(t, handshake, refused, 0), Far: side(t, handshake, refused, 0), By: hop.ByKey},
	}
	for i, want := range []string{"fail UPGRADE-HOP-CONN-FABRICATED critical", "fail UPGRADE-HOP-CONN-FABRICATED high", ""} {
		got := ""
		for _, f := range hop.Judge(pairs[i]) {
			if f.Verdict == rules.Fail {
				got = f.Verdict.String() + " " + f.Rule.ID + " " + f.Severity.String()
			}
			if strings.Contains(f.Rule.ID, "KEY") {
				t.Errorf("pair %d: %s", i, f.Rule.ID)
			}
		}
		if got != want {
			t.Errorf("pair %d: got %q, want %q", i, got, want)
		}
	}
	if pairs[0].Near.X.Hop != nil {
		t.Error("the exchange was changed")
	}
	r := hop.Summarize("edge", "inner", hop.Matched{Pairs: pairs})
	var text strings.Builder
	if err := r.Text(&text); err != nil {
		t.Fatal(err)
	}
	i := 0
	for i < len(r.Rules) && r.Rules[i].Rule != "UPGRADE-HOP-CONN-FABRICATED" {
		i++
	}
	if i == len(r.Rules) || r.Rules[i].Count != 2 || r.Rules[i].Severity != rules.Critical ||
		!strings.Contains(text.String(), "\n rules\n    fail critical  Proxy added Connection: upgrade to a request without it") {
		t.Errorf("got %+v\n%s", r.Rules, text.String())
	}
}
