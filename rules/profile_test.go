package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

func TestGate(t *testing.T) {
	post, tls, late := Find("UPGRADE-POST"), Find("UPGRADE-TLS-OFFER"), *Find("UPGRADE-POST")
	late.Since = "0.10"
	for name, test := range map[string]struct {
		gate Gate
		f    Finding
		want bool
	}{
		"critical":            {Gate{Least: High}, Finding{Rule: post, Verdict: Fail, Severity: Critical}, true},
		"below the threshold": {Gate{Least: High}, Finding{Rule: post, Verdict: Fail, Severity: Medium}, false},
		"a warning":           {Gate{}, Finding{Rule: post, Verdict: Warn, Severity: Critical}, false},
		"advice":              {Gate{}, Finding{Rule: tls, Verdict: Fail, Severity: Critical}, tls.Level == Must},
		"lost content":        {Gate{Least: High}, Finding{Rule: Find("UPGRADE-IGNORED-BODY"), Verdict: Fail, Severity: High}, true},
		"advice at high":      {Gate{Profile: ProfileAll, Least: High}, Finding{Rule: Find("UPGRADE-PIPELINED"), Verdict: Fail, Severity: High}, false},
		"all":                 {Gate{Profile: ProfileAll}, Finding{Rule: tls, Verdict: Fail, Severity: Info}, true},
		"seed":                {Gate{Profile: ProfileSeed}, Finding{Rule: post, Verdict: Fail, Severity: Critical}, true},
		"not a seed":          {Gate{Profile: ProfileSeed}, Finding{Rule: Find("UPGRADE-101-UNSOLICITED"), Verdict: Fail, Severity: Critical}, false},
		"a newer rule":        {Gate{AsOf: "0.9"}, Finding{Rule: &late, Verdict: Fail, Severity: Critical}, false},
		"accepted":            {Gate{}, Finding{Rule: post, Verdict: Fail, Severity: Critical, State: StateAccepted}, false},
		"known":               {Gate{}, Finding{Rule: post, Verdict: Fail, Severity: Critical, State: StateKnown}, false},
		"reproduced":          {Gate{}, Finding{Rule: post, Verdict: Fail, Severity: Critical, State: StateReproduced}, true},
		"as new":              {Gate{AsOf: "0.10.0"}, Finding{Rule: &late, Verdict: Fail, Severity: Critical}, true},
	} {
		if got := test.gate.Holds(&test.f); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	for text, ok := range map[string]bool{"seed": true, "recommended": true, "all": true, "": false, "SEED": false} {
		if _, err := ParseProfile(text); (err == nil) != ok {
			t.Errorf("profile %q: %v", text, err)
		}
	}
	if s, err := ParseSeverity("high"); s != High || err != nil {
		t.Errorf("got %v, %v", s, err)
	}
	if _, err := ParseSeverity("dire"); err == nil {
		t.Error("dire is taken for a severity")
	}
}

// TestWhatTellsSomething checks that without an accepted control only a finding that makes the run
// fail is conclusive, even a known one.
func TestWhatTellsSomething(t *testing.T) {
	post, status := Find("UPGRADE-POST"), Find("UPGRADE-426-NO-UPGRADE")
	gate := Gate{Least: High}
	for name, test := range map[string]struct {
		controls wire.Controls
		f        Finding
		want     bool
	}{
		"a pass":                       {wire.ControlsAccepted, Finding{Rule: post, Verdict: Pass}, true},
		"a mild failure":               {wire.ControlsAccepted, Finding{Rule: status, Verdict: Fail, Severity: Medium}, true},
		"unclear":                      {wire.ControlsAccepted, Finding{Rule: post, Verdict: Unclear, Severity: High}, false},
		"a mild failure, uncontrolled": {wire.ControlsRefused, Finding{Rule: status, Verdict: Fail, Severity: Medium}, false},
		"a warning, uncontrolled":      {wire.ControlsRefused, Finding{Rule: post, Verdict: Warn, Severity: High}, false},
		"unsafe, uncontrolled":         {wire.ControlsRefused, Finding{Rule: post, Verdict: Fail, Severity: Critical}, true},
		"known, uncontrolled":          {wire.ControlsRefused, Finding{Rule: post, Verdict: Fail, Severity: Critical, State: StateKnown}, true},
		"scored by status":             {wire.ControlsUnasked, Finding{Rule: post, Verdict: Pass}, true},
	} {
		r := &Ruling{X: &wire.Exchange{Controls: test.controls}, Findings: []Finding{test.f}, Verdict: test.f.Verdict}
		if got := gate.Tells(r); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestEveryRuleHasAnExample(t *testing.T) {
	for _, r := range All() {
		if text, ok := r.Example(); !ok || text == "" {
			t.Errorf("%s has no transcript in which it is broken", r.ID)
		}
	}
}

// TestAdviceAboutServersIsNotHigh checks that a server rule without a requirement in an RFC has at
// most medium severity, unless it is critical by its nature.
func TestAdviceAboutServersIsNotHigh(t *testing.T) {
	for _, r := range All() {
		if r.Level == Advice && r.Party == Server && (r.Severity.Refused == High || r.Severity.Switched == High) {
			t.Errorf("%s is advice, and high", r.ID)
		}
	}
}
