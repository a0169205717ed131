package rules

import (
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestATallyHasTheTextOfItsWorst checks that the verdict, the severity, the party and the text come
// from the same finding, in whatever order findings arrive, and that an exchange counts once.
func TestATallyHasTheTextOfItsWorst(t *testing.T) {
	rule := Find("UPGRADE-POST")
	at := time.Date(2026, 11, 21, 9, 14, 5, 0, time.UTC)
	warn := Finding{Rule: rule, Verdict: Warn, Severity: High, Party: Client, Detail: "z"}
	low := Finding{Rule: rule, Verdict: Fail, Severity: Low, Party: Client, Detail: "m"}
	worst := Finding{Rule: rule, Verdict: Fail, Severity: Critical, Party: Server, Detail: "a"}
	for _, order := range [][]Finding{{warn, low, worst}, {worst, warn, low}, {low, worst, warn}} {
		var tally Tally
		for i := range order {
			r := &Ruling{X: &wire.Exchange{Request: wire.ReadRequest([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), Time: at.Add(-time.Duration(i) * time.Second)}, Findings: order[i : i+1], Unsafe: order[i].Verdict == Fail}
			tally.Add(r, &order[i])
			r.Before = (*Before)(nil).Then(r)
			tally.Add(r, &order[i])
		}
		if tally.Verdict != Fail || tally.Severity != Critical || tally.Party != Server || tally.Detail != "a" || !tally.Unsafe || tally.Count != 3 ||
			!tally.FirstSeen.Equal(at.Add(-2*time.Second)) || !tally.LastSeen.Equal(at) || tally.By != [...]int64{Fail: 2, Warn: 1, NotApplicable: 0} {
			t.Errorf("got %+v", tally)
		}
	}
}
