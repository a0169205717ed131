package run

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

// end closes the reports and returns the result as an error.
func (c *Chaining) end() error {
	s := &c.reports.Stream.Summary
	s.Probed = true
	gated, why := 0, []string{}
	for _, h := range c.hops {
		gated += h.gated
		s.NotSent += int64(len(h.report.NotSent))
		for _, n := range h.report.NotSent {
			c.kept.result(c.result(h, n.Probe, "not-sent", n.Reason))
		}
		if h.failed != nil {
			c.kept.stopped()
			why = append(why, fmt.Sprintf("%s: %v", h.place, h.failed))
		}
	}
	s.Cut = strings.Join(why, "; ")
	c.Accepting.sum(s)
	unwritten := errors.Join(c.kept.end(s), c.reports.Close())
	c.answer()
	if gated > 0 && !c.Flags.Quiet {
		c.Accepting.hint(c.Flags.Outputs)
	}
	switch {
	case gated > 0:
		why = append([]string{FindingsAt(c.Gate, gated).Error()}, why...)
		if unwritten != nil {
			why = append(why, unwritten.Error())
		}
		return exit.Error{Status: exit.StatusFound, Err: errors.New(strings.Join(why, "; "))}
	case len(why) > 0:
		return exit.Unknown("%s", strings.Join(why, "; "))
	case unwritten != nil:
		return exit.Error{Status: exit.StatusUnknown, Err: unwritten}
	}
	return c.Accepting.uncovered()
}

// answer writes the headlines to standard error if no report for people is shown.
func (c *Chaining) answer() {
	if c.Flags.Quiet || len(c.Flags.Outputs) == 0 || slices.ContainsFunc(c.Flags.Outputs, isShownText) {
		return
	}
	t := &probeText{w: c.Screen.Stderr, columns: unlimited, marks: terminal.NewConsole(c.Screen.Stderr, c.Flags.ASCII)}
	c.headlines(t)
}
