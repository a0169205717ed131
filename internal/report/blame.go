package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// hops are the proxies of a report that is about nothing else: exchanges of chain.
type hops struct {
	all    []hop
	more   bool // there are more than are told apart
	others bool // there are exchanges of another kind
}

// A hop is a proxy, and what it is to blame for.
type hop struct {
	name     string
	broken   []*rules.Rule // rules that it failed, and that are not accepted
	worst    rules.Severity
	warnings bool
}

// enter takes an exchange.
func (h *hops) enter(r *rules.Ruling) {
	if r.X.Origin != wire.OriginChain {
		h.others = true
		return
	}
	i := slices.IndexFunc(h.all, func(is hop) bool { return is.name == r.X.Route })
	switch {
	case i >= 0:
	case len(h.all) == maxAbout:
		h.more = true
		return
	default:
		i = len(h.all)
		h.all = append(h.all, hop{name: r.X.Route})
	}
	is := &h.all[i]
	for n := range r.Findings {
		f := &r.Findings[n]
		if f.State == rules.StateAccepted {
			continue
		}
		is.warnings = is.warnings || f.Verdict == rules.Warn
		if f.Verdict != rules.Fail {
			continue
		}
		if is.worst = max(is.worst, f.Severity); !slices.Contains(is.broken, f.Rule) {
			is.broken = append(is.broken, f.Rule)
		}
	}
}

// answer says which proxies are to blame; empty if the report is about something else.
func (h *hops) answer(worst string) string {
	if len(h.all) == 0 || h.others || h.more {
		return ""
	}
	blamed, clean, severity := []string{}, []string{}, rules.Info
	sorted := slices.SortedStableFunc(slices.Values(h.all), func(a, b hop) int { return cmp.Compare(b.worst, a.worst) })
	for _, is := range sorted {
		name := printed.Escaped(is.name, 80)
		if len(is.broken) == 0 {
			clean = append(clean, name)
			continue
		}
		blamed = append(blamed, fmt.Sprintf("%s (%s violated, the worst %v)", name, printed.Count(len(is.broken), "rule"), is.worst))
		severity = max(severity, is.worst)
	}
	if len(blamed) == 0 {
		text := "Safe as far as tested: no proxy is to blame (" + strings.Join(clean, ", ") + ")"
		if slices.ContainsFunc(h.all, func(is hop) bool { return is.warnings }) {
			return text + "; nothing failed, there are warnings."
		}
		return text + "; nothing failed."
	}
	text := "To blame: "
	if severity >= rules.High {
		text = "Not safe: to blame is "
		if len(blamed) > 1 {
			text = "Not safe: to blame are "
		}
	}
	text += strings.Join(blamed, ", ") + "."
	if len(clean) > 0 {
		text += " Not to blame: " + strings.Join(clean, ", ") + "."
	}
	return text + worst
}
