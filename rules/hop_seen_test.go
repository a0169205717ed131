package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// sightsOfWire reads the constants of type Sight from the source of package wire.
func sightsOfWire(t *testing.T) (all []wire.Sight) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../wire/sight.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, wire.Sight(text))
		return true
	})
	return all
}

// TestEverySightHasAMeaning checks that each sighting is a finding of a rule about proxies, in a
// sentence that names the proxy and the detail, or one that changes the judgment on the bytes.
func TestEverySightHasAMeaning(t *testing.T) {
	meant := map[wire.Sight]int{wire.SightNothing: 1, wire.SightTwin: 1, wire.SightNoTunnel: 1, wire.SightOneWay: 1, wire.SightFirstLost: 1}
	for _, row := range sights() {
		meant[row.what]++
		if r := Find(row.rule); r == nil || !r.Hop {
			t.Errorf("%s: %s is no rule about proxies", row.what, row.rule)
			continue
		}
		x := &wire.Exchange{Origin: wire.OriginChain, Request: wire.ReadRequest([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), Outcome: wire.Unseen}
		x.Hop = &wire.Hop{Name: "edge", Seen: []wire.Sighting{{What: row.what, Detail: "a\nb"}}}
		f := Classify(Case{X: x}).Find(row.rule)
		if f == nil || f.Verdict != row.verdict || f.Severity != row.severity || !strings.HasPrefix(f.Detail, "Proxy edge ") {
			t.Errorf("%s: got %+v", row.what, f)
		}
		if strings.Contains(row.text, "%s") != strings.Contains(f.Detail, `a\nb`) {
			t.Errorf("%s: %q", row.what, f.Detail)
		}
		x.Flaky = true
		if f := Classify(Case{X: x}).Find(row.rule); row.verdict == Fail && f.Verdict != Unclear {
			t.Errorf("%s: a failure that did not happen again is %s", row.what, f.Verdict)
		}
		x.Hop = &wire.Hop{Seen: append([]wire.Sighting{{What: wire.SightNothing}}, x.Hop.Seen...)}
		if r := Classify(Case{X: x}); r.Verdict != NotApplicable || len(r.Findings) > 0 {
			t.Errorf("%s: a probe that says nothing has the verdict %s", row.what, r.Verdict)
		}
	}
	for _, what := range sightsOfWire(t) {
		if meant[what] != 1 || !(wire.Sighting{What: what}).Valid() {
			t.Errorf("%s has %d meanings", what, meant[what])
		}
		delete(meant, what)
	}
	if len(meant) > 0 {
		t.Errorf("package wire does not have %v", meant)
	}
}

// TestTheWorseOfBytesAndSightingsStays checks that there is one finding of a rule that both break.
func TestTheWorseOfBytesAndSightingsStays(t *testing.T) {
	const request = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	for _, c := range []struct {
		seen     []wire.Sight
		severity Severity
		verdict  Verdict
	}{
		{nil, Low, Pass},
		{[]wire.Sight{wire.SightBothClosed}, Low, Warn},
		{[]wire.Sight{wire.SightNoTunnel, wire.SightBothClosed}, High, Fail},
		{[]wire.Sight{wire.SightNoTunnel, wire.SightCrossed}, Critical, Fail},
		{[]wire.Sight{wire.SightLeaks, wire.SightCrossed, wire.SightBodyLost}, Critical, Fail},
	} {
		x := sides(t, request, request, wire.OriginChain)
		for _, what := range c.seen {
			x.Hop.Seen = append(x.Hop.Seen, wire.Sighting{What: what})
		}
		n := 0
		for _, f := range Classify(Case{X: x}).Findings {
			if f.Rule.ID == "UPGRADE-HOP-TUNNEL" {
				n++
				if f.Verdict != c.verdict || f.Verdict < Pass && f.Severity != c.severity {
					t.Errorf("%v: got %s %s, want %s %s", c.seen, f.Verdict, f.Severity, c.verdict, c.severity)
				}
			}
		}
		if n != 1 {
			t.Errorf("%v: %d findings", c.seen, n)
		}
	}
}

// TestProbesOfChainsBringRulesIntoPlay checks that other rules are not asked about what a probe causes,
// that it passes its own rule, and what is said of a fault that a twin shows too.
func TestProbesOfChainsBringRulesIntoPlay(t *testing.T) {
	const request = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: X-A\r\nX-A: 1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	x := sides(t, request, strings.Replace(request, "X-A\r", "Upgrade\r", 1), wire.OriginChain)
	x.Hop.Seen, x.Controls = []wire.Sighting{{What: wire.SightTwin}}, wire.ControlsAccepted
	for probe, want := range map[string]string{
		"CHAIN-CONN-KEEPALIVE": "fail UPGRADE-HOP-CONN-FABRICATED twin",
		"CHAIN-NOMINATE":       "fail UPGRADE-HOP-NOMINATED-KEPT twin",
		"CHAIN-TWIN-FIELDS":    "pass UPGRADE-HOP-TWIN",
	} {
		x.Probe = probe
		r := Classify(Case{X: x})
		got := ""
		for _, f := range r.Findings {
			got += f.Verdict.String() + " " + f.Rule.ID
			if strings.Contains(f.Detail, "a request without an offer shows it too") {
				got += " twin"
			}
		}
		if got != want || r.Own() != r.Verdict {
			t.Errorf("%s: got %q, own %s", probe, got, r.Own())
		}
	}
	for _, line := range chained() {
		for _, id := range strings.Fields(line[1]) {
			if r := Find(chainedID(id)); r == nil || !r.Hop {
				t.Errorf("%s names %s, which is no rule about proxies", line[0], id)
			}
		}
	}
}
