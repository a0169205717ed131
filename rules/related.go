package rules

import "slices"

// deviations lists sets of rules that look at the same deviation. The first rule of a line
// describes it best; the others repeat it.
func deviations() [][]string {
	const noOption = "UPGRADE-MISSING-CONN"
	return [][]string{
		{"UPGRADE-HOP-CONN-FABRICATED", noOption, "UPGRADE-HOP-101-UNCHECKED"}, // the server has got a valid offer
		{"UPGRADE-CTL", "UPGRADE-CONN-SYNTAX", noOption, "UPGRADE-SYNTAX", "UPGRADE-101-NOT-OFFERED"},
		{"UPGRADE-101-NOT-OFFERED", "UPGRADE-SYNTAX", "UPGRADE-UNKNOWN"},
		{"UPGRADE-101-LATE", "UPGRADE-101-UNSOLICITED"},
		{"UPGRADE-EMPTY", "UPGRADE-101-UNSOLICITED", "UPGRADE-WS-KEY-STRAY"},
		{"UPGRADE-101-UNSOLICITED", "UPGRADE-WS-KEY-STRAY"},
		{"UPGRADE-BARE-CR", noOption},
		{"UPGRADE-LEAD-WS", noOption},
		{"UPGRADE-CONN-SYNTAX", noOption},
		{"UPGRADE-UNDERSCORE", "UPGRADE-WS-KEY-MISSING", "UPGRADE-WS-VER-MISSING"},
	}
}

// relateFindings merges critical findings about the same deviation, so that it counts once. A probe
// is one deviation, and its own rule describes it.
func relateFindings(c *Case, ruling *Ruling) {
	if !c.switched || !severalFindings(ruling.Findings, isCriticalFailure) {
		return
	}
	own := ""
	if p := c.probe; p != nil {
		own = p.rule.ID
		ruling.relate(own, p.Also, "")
	}
	for _, rules := range deviations() {
		ruling.relate(rules[0], rules[1:], own)
	}
}

// relate removes the critical findings of some rules and names them in that of the first one. The
// finding of one rule always stays.
func (r *Ruling) relate(first string, others []string, stays string) {
	lead := r.Find(first)
	if lead == nil || !isCriticalFailure(lead) {
		return
	}
	var related []string
	for i := range r.Findings {
		if f := &r.Findings[i]; isCriticalFailure(f) && f.Rule.ID != stays && slices.Contains(others, f.Rule.ID) {
			related = append(append(related, f.Rule.ID), f.Related...)
		}
	}
	if len(related) == 0 {
		return
	}
	lead.Related = append(lead.Related, related...)
	slices.Sort(lead.Related)
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return slices.Contains(related, f.Rule.ID) })
}

// isCriticalFailure reports whether a finding is a critical failure.
func isCriticalFailure(f *Finding) bool { return f.Verdict == Fail && f.Severity == Critical }

// severalFindings reports whether more than one finding matches.
func severalFindings(findings []Finding, such func(*Finding) bool) bool {
	n := 0
	for i := range findings {
		if such(&findings[i]) {
			n++
		}
	}
	return n > 1
}
