package report

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Summary is the end of a report. Accepted exchanges are not in Verdicts; both together are all
// exchanges.
type Summary struct {
	Verdicts [rules.NotApplicable + 1]int64 // exchanges by the worst of their findings that are not accepted
	Accepted int64                          // exchanges that only accepted findings keep from passing
	Unsafe   int64                          // exchanges in which the server switched and must not have, accepted or not
	New      int64                          // findings that failed and that the baseline does not have, by fingerprint
	Fixed    int64                          // findings of the baseline that the same probe does not see any more
	NotSeen  int64                          // findings of the baseline that the run neither shows nor disproves; set by the caller that compares
	NotSent  int64                          // probes that were not sent; set by the caller that sends them
	Probed   bool                           // probes were sent
	Gone     bool                           // the backend did not survive the probes; set by the caller that sends them
	Cut      string                         // why the run did not do all that it was to do; "" if it did; set by the caller that runs it
	Found    Found                          // findings that failed and are not accepted
	Coverage Coverage
	Notes    []string // what was not audited, and why
	Remarks  []string // sentences about accepted and expected things

	hops hops
}

// Found counts failed findings, each as often as it was seen, by their effect on the exit status.
type Found struct {
	All   int64
	Gated int64 // make the run fail
	Below int64 // are milder than Least
	Least rules.Severity
	Known bool // it was asked which findings make the run fail
}

// enter counts a finding.
func (n *Found) enter(f *rules.Finding, gate *rules.Gate) {
	if f.Verdict != rules.Fail || f.State == rules.StateAccepted {
		return
	}
	n.All++
	if gate == nil {
		return
	}
	n.Known, n.Least = true, gate.Least
	switch gate.Spares(f) {
	case rules.SparedNot:
		n.Gated++
	case rules.SparedBelow:
		n.Below++
	}
}

// String says how many findings there are, and how many of them make the run fail.
func (n *Found) String() string {
	text := printed.Count(n.All, "finding")
	if !n.Known {
		return text
	}
	parts := []string{fmt.Sprintf("%s at or above --fail-on %v", printed.Thousands(n.Gated), n.Least)}
	if n.Below > 0 {
		parts = append(parts, fmt.Sprintf("%s below --fail-on %v", printed.Thousands(n.Below), n.Least))
	}
	if rest := n.All - n.Gated - n.Below; rest > 0 {
		parts = append(parts, printed.Thousands(rest)+" known, or outside the profile or release")
	}
	return text + ": " + strings.Join(parts, ", ")
}

// labelled returns the numbers of the result with their units in words.
func (s *Summary) labelled() (lines []string) {
	v := &s.Verdicts
	noun := "exchange"
	if s.Probed {
		noun = "probe"
	}
	var all int64
	var parts []string
	for _, each := range []struct {
		n    int64
		word string
	}{
		{v[rules.Fail], "failed"}, {v[rules.Warn], "with warnings"}, {v[rules.Unclear], "unclear"}, {v[rules.Pass], "passed"},
		{v[rules.NotApplicable], "not applicable"}, {s.Accepted, "accepted"},
	} {
		if all += each.n; each.n > 0 {
			parts = append(parts, printed.Thousands(each.n)+" "+each.word)
		}
	}
	if s.NotSent > 0 {
		parts = append(parts, printed.Thousands(s.NotSent)+" not sent")
	}
	if len(parts) > 0 {
		lines = append(lines, printed.Count(all, noun)+": "+strings.Join(parts, ", "))
	}
	if s.Found.All > 0 {
		lines = append(lines, s.Found.String())
	}
	return lines
}

// Coverage counts the endpoints of all routes by what is known of them.
type Coverage struct {
	Switched int64 // switched at least once
	Kept     int64 // were offered an upgrade and never switched
	Unasked  int64 // were never offered one
	More     bool  // there are more endpoints than are distinguished
}

// notes returns the lines at the end of a report: what was not audited, and remarks on accepted and
// expected things.
func (s *Summary) notes() []string {
	var lines []string
	if s.Cut != "" {
		lines = append(lines, "not finished: "+wire.Escape([]byte(s.Cut)))
	}
	for _, note := range s.Notes {
		lines = append(lines, "not audited: "+wire.Escape([]byte(note)))
	}
	for _, remark := range s.Remarks {
		lines = append(lines, "accepted and expected: "+wire.Escape([]byte(remark)))
	}
	return lines
}

// Conclusive is the number of exchanges about which something is known.
func (s *Summary) Conclusive() int64 {
	return s.Verdicts[rules.Fail] + s.Verdicts[rules.Warn] + s.Verdicts[rules.Pass] + s.Accepted
}

// Result is the one line that scripts look for. What only probes and baselines bring about is in it
// where there were any.
func (s *Summary) Result() string {
	v := &s.Verdicts
	line := fmt.Sprintf("RESULT fail=%d warn=%d unclear=%d pass=%d na=%d",
		v[rules.Fail], v[rules.Warn], v[rules.Unclear], v[rules.Pass], v[rules.NotApplicable])
	if s.compared() {
		line += fmt.Sprintf(" not-sent=%d accepted=%d new=%d fixed=%d", s.NotSent, s.Accepted, s.New, s.Fixed)
	}
	if s.Gone {
		line += " backend=gone"
	}
	return line
}

// String says how much of the service was looked into.
func (c Coverage) String() string {
	text := fmt.Sprintf("%s switched, %s offered an upgrade and did not, %s never offered one",
		printed.Count(c.Switched, "endpoint"), wasWere(c.Kept), wasWere(c.Unasked))
	if c.More {
		text += "; there are more, which are not told apart"
	}
	return text
}

func wasWere(n int64) string {
	if n == 1 {
		return "1 was"
	}
	return printed.Thousands(n) + " were"
}
