package run

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A headline gathers the facts for the first line of the report on a site.
type headline struct {
	malformed int                 // probes that must be rejected and have a conclusive result
	rejected  int                 // how many of them were rejected
	accepted  int                 // how many of them failed with a 101
	unsafe    bool                // one of those is an unsafe switch
	failed    int                 // probes that failed
	kinds     map[string]*problem // failures by ID of the rule
	spared    spared              // why failures do not make the run fail
}

// A problem is the failure of one rule.
type problem struct {
	rule     *rules.Rule
	severity rules.Severity
	probes   int
	detail   string
	accepted bool // a probe that shows it failed with a 101
}

// enter adds the ruling on a probe. An accepted finding is not a failure.
func (h *headline) enter(g *rules.Gate, r *rules.Ruling) {
	q := rules.FindProbe(r.X.Probe)
	if q == nil {
		return
	}
	if q.Class.Refuses() && !q.Soft {
		switch own := r.Own(); {
		case own == rules.Pass && r.X.Outcome != wire.Switched:
			h.malformed, h.rejected = h.malformed+1, h.rejected+1
		case own != rules.NotApplicable:
			h.malformed++
		}
	}
	switched := r.X.Outcome == wire.Switched && q.Class.Refuses()
	fails, accepted := h.problemsOf(g, r, q, switched)
	if !fails {
		return
	}
	h.failed++
	if accepted {
		h.accepted++
		h.unsafe = h.unsafe || r.Unsafe
	}
}

// problemsOf adds the failures of a ruling on a probe. It reports whether there were any, and whether one says
// that the probe was accepted.
func (h *headline) problemsOf(g *rules.Gate, r *rules.Ruling, q *rules.Probe, switched bool) (fails, accepted bool) {
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict != rules.Fail || f.State == rules.StateAccepted {
			continue
		}
		fails = true
		h.spared.add(g, f)
		if h.kinds == nil {
			h.kinds = map[string]*problem{}
		}
		is := h.kinds[f.Rule.ID]
		if is == nil {
			is = &problem{rule: f.Rule, severity: f.Severity, detail: f.Detail}
			h.kinds[f.Rule.ID] = is
		} else if f.Severity > is.severity {
			is.severity, is.detail = f.Severity, f.Detail
		}
		is.probes++
		if switched && q.Accepting(f.Rule) {
			is.accepted, accepted = true, true
		}
	}
	return fails, accepted
}

// problems returns the failures, the worst first, then those of most probes.
func (h *headline) problems() []*problem {
	var all []*problem
	for _, is := range h.kinds {
		all = append(all, is)
	}
	slices.SortFunc(all, func(a, b *problem) int {
		return cmp.Or(cmp.Compare(b.severity, a.severity), cmp.Compare(b.probes, a.probes), strings.Compare(a.rule.ID, b.rule.ID))
	})
	return all
}

// says returns the answer to whether the site is safe: its verdict, a sentence, and the worst
// problem, if any.
func (s *site) says() (v rules.Verdict, answer, worst string) {
	h, where := &s.tally.headline, s.where()
	all := h.problems()
	kinds := 0
	for _, is := range all {
		if is.accepted {
			kinds++
		}
	}
	if len(all) > 0 {
		worst = fmt.Sprintf("Worst: %s (%s, %v).", strings.TrimSuffix(all[0].detail, "."), all[0].rule.ID, all[0].severity)
	}
	least := s.run.Gate.Least
	switch why := s.inconclusive(); {
	case kinds > 0 && (h.unsafe || s.tally.gated > 0):
		return rules.Fail, fmt.Sprintf("Not safe: %s accepts %s.", where, kindsOf(kinds)), worst
	case s.tally.gated > 0:
		return rules.Fail, fmt.Sprintf("Not safe: %s at or above --fail-on %v at %s.", printed.Count(s.tally.gated, "finding"), least, where), worst
	case why != nil:
		return rules.Unclear, fmt.Sprintf("Could not tell whether %s is safe: %s.", where, s.reason()), worst
	case h.malformed == 0 && h.failed == 0:
		return rules.Pass, fmt.Sprintf("Nothing failed at %s, but no malformed handshake was judged.", where), ""
	case kinds > 0:
		return rules.Warn, fmt.Sprintf("%s accepts %s, all %s.", where, kindsOf(kinds), h.spared.say(&s.run.Gate)), worst
	case h.failed > 0:
		return rules.Warn, fmt.Sprintf("%s; %s %s.", s.rejections(), printed.Count(h.failed, "failure"), h.spared.say(&s.run.Gate)), worst
	}
	return rules.Pass, s.rejections() + ".", ""
}

// kindsOf counts kinds of malformed handshakes in words.
func kindsOf(n int) string {
	if n == 1 {
		return "1 kind of malformed handshake"
	}
	return fmt.Sprintf("%d kinds of malformed handshakes", n)
}

// rejections describes how many of the malformed handshakes were rejected.
func (s *site) rejections() string {
	h := &s.tally.headline
	noun := "malformed handshakes"
	if h.malformed == 1 {
		noun = "malformed handshake"
	}
	return fmt.Sprintf("Safe as far as tested: %d of %d %s rejected at %s", h.rejected, h.malformed, noun, s.where())
}

// reason returns in a few words why the result is inconclusive.
func (s *site) reason() string {
	switch k := cmp.Or(s.failedControl(), s.lostControl()); {
	case s.unmet():
		return "it cannot be probed"
	case s.failed != nil:
		return "the run was stopped"
	case crashed(&s.was) != "":
		return "the backend ended"
	case s.tally.conclusive == 0 && k != nil:
		return k.came()
	case s.tally.conclusive == 0:
		return "no answer is conclusive"
	}
	return "not all that matters was sent"
}

// where returns the name of the endpoint in a headline: its path, or its URL if there are several
// endpoints.
func (s *site) where() string {
	if len(s.run.sites) > 1 {
		return printed.Line(s.place.String())
	}
	return printed.Line(rules.Redaction{}.Target(s.place.target))
}
