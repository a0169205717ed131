package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestTheWorstFindingDecides checks that a ruling is shown by the most severe finding of its
// verdict, and that the rule that the probe tests has a verdict of its own.
func TestTheWorstFindingDecides(t *testing.T) {
	post, status, accept := Find("UPGRADE-POST"), Find("UPGRADE-426-NO-UPGRADE"), Find("UPGRADE-WS-ACCEPT-WRONG")
	for name, test := range map[string]struct {
		probe    string
		verdict  Verdict
		findings []Finding
		rule     *Rule
		severity Severity
		own      Verdict
	}{
		"another rule failed":        {"UPGRADE-POST", Fail, []Finding{{Rule: status, Verdict: Fail, Severity: Medium}, {Rule: post, Verdict: Pass, Severity: Critical}}, status, Medium, Pass},
		"another rule is graver":     {"UPGRADE-POST", Fail, []Finding{{Rule: post, Verdict: Fail, Severity: Medium}, {Rule: accept, Verdict: Fail, Severity: High}}, accept, High, Fail},
		"its own rule comes first":   {"UPGRADE-POST", Fail, []Finding{{Rule: accept, Verdict: Fail, Severity: High}, {Rule: post, Verdict: Fail, Severity: High}}, post, High, Fail},
		"a warning is not the worst": {"UPGRADE-POST", Fail, []Finding{{Rule: status, Verdict: Fail, Severity: Low}, {Rule: post, Verdict: Warn, Severity: High}}, status, Low, Warn},
		"a pass of its own":          {"UPGRADE-POST", Pass, []Finding{{Rule: accept, Verdict: Pass, Severity: High}, {Rule: post, Verdict: Pass}}, post, Info, Pass},
		"no control":                 {"UPGRADE-POST", NotApplicable, []Finding{{Rule: post, Verdict: Pass}}, nil, Info, NotApplicable},
		"live":                       {"", Warn, []Finding{{Rule: accept, Verdict: Warn, Severity: Low}, {Rule: post, Verdict: Warn, Severity: Medium}}, post, Medium, NotApplicable},
	} {
		controls := wire.ControlsAccepted
		if test.verdict == NotApplicable {
			controls = wire.ControlsRefused
		}
		r := &Ruling{X: &wire.Exchange{Probe: test.probe, Controls: controls}, Verdict: test.verdict, Findings: test.findings}
		f := r.Worst()
		if f == nil {
			f = &Finding{}
		}
		if f.Rule != test.rule || f.Severity != test.severity || r.Own() != test.own {
			t.Errorf("%s: got %v, %s, own %s", name, f.Rule, f.Severity, r.Own())
		}
	}
}

// TestNothingIsCriticalWithoutA101 checks that a rule about a 101 gives no critical warning if its
// probe got another answer, or none.
func TestNothingIsCriticalWithoutA101(t *testing.T) {
	base := NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ==")
	for _, p := range Probes() {
		for _, head := range []string{
			"426 Upgrade Required", "500 Internal Server Error", "200 OK", "403 Forbidden", "302 Found", "",
		} {
			x := &wire.Exchange{
				Origin: wire.OriginProbe, Probe: p.ID, Outcome: wire.Refused, Complete: true, Final: true, BodyDone: true,
				Request: wire.ReadRequest([]byte(p.On(base).Head())), Response: wire.ReadResponse([]byte("HTTP/1.1 " + head + "\r\n\r\n")),
			}
			if head == "" {
				x.Response, x.Outcome, x.Cause = nil, wire.Closed, wire.CauseServer
			}
			for _, controls := range []wire.Controls{wire.ControlsAccepted, wire.ControlsRefused} {
				x.Controls = controls
				for _, f := range Classify(Case{X: x}).Findings {
					if f.Verdict == Warn && f.Severity == Critical {
						t.Errorf("%s, %q: %s is a critical warning: %s", p.ID, head, f.Rule.ID, f.Detail)
					}
				}
			}
		}
	}
}
