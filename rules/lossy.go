package rules

import (
	"strings"
)

// The parts of an exchange that rules must not miss where a file did not keep them; see [wire.Exchange].
const (
	lostRequest  = "request fields"
	lostResponse = "response fields"
)

// allowForLoss takes a verdict back that rests on what a file did not keep, and says with every other one what that was.
func allowForLoss(c *Case, f *Finding, res Result) {
	if f.Verdict < Pass && responseCutOff(c) && f.Rule.ID != "UPGRADE-RESP-CUT-OFF" && f.Party == Server && !res.answered {
		f.Verdict = max(f.Verdict, Unclear)
		f.Detail += "; the head of the response was cut off"
	}
	if len(c.X.Lossy) == 0 || f.Verdict >= Pass {
		return
	}
	if !c.keeps(lostResponse) && !res.answered { // RefuseSwitch judges the request and the status, which are there
		f.Verdict = max(f.Verdict, Unclear)
	}
	f.Detail += "; the file does not keep: " + strings.Join(c.X.Lossy, ", ")
}
