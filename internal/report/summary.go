package report

import (
	"fmt"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Summary is what stands under a report. What is accepted is in no count of Verdicts: these and Accepted together are all
// exchanges.
type Summary struct {
	Verdicts [rules.NotApplicable + 1]int64 // exchanges by the worst of their findings that are not accepted
	Accepted int64                          // exchanges that nothing but accepted findings keeps from passing
	Unsafe   int64                          // exchanges in which the server switched and must not have, accepted or not
	New      int64                          // findings that failed and that the baseline does not have, by fingerprint
	Fixed    int64                          // findings of the baseline that the same probe does not see any more
	NotSeen  int64                          // findings of the baseline about which nothing is known; set by who compares
	NotSent  int64                          // probes that were not sent; set by who sends them
	Probed   bool                           // probes were sent
	Gone     bool                           // the backend did not outlive them; set by who sends them
	Coverage Coverage
	Notes    []string // what was not audited, and why
	Remarks  []string // what is to be said of what is accepted and of what is expected
}

// Coverage counts the endpoints of all routes by what is known of them.
type Coverage struct {
	Switched int64 // switched at least once
	Kept     int64 // were offered an upgrade and never switched
	Unasked  int64 // were never offered one
	More     bool  // there are more than are told apart
}

// notes are the lines under a report that say what was not audited, and what is to be said of what is accepted and expected.
func (s *Summary) notes() []string {
	var lines []string
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

// Result is the one line that scripts look for. What only probes and baselines bring about is in it where there were any.
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
