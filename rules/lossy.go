package rules

import (
	"slices"
	"strings"
)

// The parts of an exchange that rules must not miss where a file did not keep them; see [wire.Exchange].
const (
	lostRequest  = "request fields"
	lostResponse = "response fields"
)

// keeps reports whether the exchange has that part: always, unless it was read from a file that does not keep it.
func (c *Case) keeps(part string) bool { return !slices.Contains(c.X.Lossy, part) }

// allow takes a verdict back that rests on what a file did not keep, and says with every other one what that was.
func (c *Case) allow(f *Finding, res Result) {
	if f.Verdict < Pass && c.cutAnswer() && f.Rule.ID != "UPGRADE-RESP-CUT-OFF" && f.Party == Server && !res.answered {
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
