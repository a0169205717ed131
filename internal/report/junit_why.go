package report

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// places are the groups by endpoint.
func (w *whys) places() map[endpoint][]*why {
	all := map[endpoint][]*why{}
	for _, is := range w.sorted() {
		at := endpoint{is.key.route, is.key.endpoint}
		all[at] = append(all[at], is)
	}
	return all
}

// explain adds to the output of a case what explains it: of the diagnoses at its place those that
// explain its rule or, if no rule was in play, all of them. It is never a failure.
func (c *junitCase) explain(at []*why, rule string) {
	var lines []string
	for _, w := range at {
		if rule != "" && !slices.Contains(w.explains, rule) {
			continue
		}
		d := w.Diagnosis
		d.Explains = nil // the case is about that rule
		lines = append(lines, "diagnosis: "+printed.Why(&d)+" ("+printed.Count(w.count, "exchange")+")")
		for _, line := range w.fixes() {
			lines = append(lines, "change: "+line)
		}
		lines = append(lines, "more: "+printed.MoreOf(&d))
	}
	if len(lines) == 0 {
		return
	}
	if c.Out == nil {
		c.Out = &junitText{}
	} else {
		lines = append([]string{c.Out.Text}, lines...)
	}
	c.Out.Text = strings.Join(lines, "\n")
}
