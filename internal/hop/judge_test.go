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
	if want := `The hop changes what an upgrade needs: it adds Connection: "Upgrade". It breaks a rule about proxies: Proxy added Connection: upgrade to a request without it`; !strings.HasPrefix(r.Answer, want) {
		t.Errorf("got %s", r.Answer)
	}
	if i == len(r.Rules) || r.Rules[i].Count != 2 || r.Rules[i].Severity != rules.Critical ||
		!strings.Contains(text.String(), "\n rules\n    fail critical  Proxy added Connection: upgrade to a request without it") {
		t.Errorf("got %+v\n%s", r.Rules, text.String())
	}
}

// TestTheAnswerAgreesWithTheRules checks that the answer names a rule that the hop breaks, even if it
// changes no header, and that information does not change it.
func TestTheAnswerAgreesWithTheRules(t *testing.T) {
	list := strings.Replace(handshake, "Upgrade: websocket", "Upgrade: websocket, h2c", 1)
	lost := strings.Replace(switched, "Upgrade: websocket", "Upgrade: foo", 1)
	for _, test := range []struct {
		name, request, response, want string
		matters                       bool
	}{
		{"a warning", list, refused, `The hop changes no header that can be seen. A rule about proxies warns: Proxy forwarded an offer of another protocol than WebSocket: `, false},
		{"a failure", handshake, lost, `The hop changes no header that can be seen. It breaks a rule about proxies: Proxy forwarded a 101 that the client did not ask for `, true},
		{"nothing", handshake, switched, "The hop changes nothing", false},
	} {
		r := hop.Summarize("edge", "inner", hop.Matched{Pairs: []hop.Pair{{Near: side(t, test.request, test.response, 0), Far: side(t, test.request, test.response, 0), By: hop.ByKey}}})
		if !strings.HasPrefix(r.Answer, test.want) || test.want == "The hop changes nothing" && r.Answer != test.want || r.Matters != test.matters {
			t.Errorf("%s: got %q, matters %t", test.name, r.Answer, r.Matters)
		}
	}
}
