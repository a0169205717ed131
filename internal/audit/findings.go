package audit

import (
	"cmp"
	"slices"

	"github.com/interlock-proxy/interlock/rules"
)

// A Finding is one rule that did not pass at one endpoint, over all exchanges that showed it.
type Finding struct {
	Key  rules.Key
	Rule *rules.Rule

	rules.Tally

	First []*rules.Ruling // the first exchanges that showed it
	Last  []*rules.Ruling // the last ones, oldest first
}

// Findings returns copies of all findings, worst first, then by rule and endpoint.
func (a *Audit) Findings() []Finding {
	a.mu.Lock()
	all := make([]Finding, 0, len(a.findings))
	for _, f := range a.findings {
		copied := *f
		copied.First, copied.Last = slices.Clone(f.First), slices.Clone(f.Last)
		all = append(all, copied)
	}
	a.mu.Unlock()
	slices.SortFunc(all, func(f, g Finding) int { return cmp.Or(f.Compare(&g.Tally), f.Key.Compare(g.Key)) })
	return all
}

// record counts each finding of a ruling that did not pass, once per exchange, and keeps the ruling
// as evidence. It reports whether there was no room for that. The lock is held.
func (a *Audit) record(ruling *rules.Ruling) (shed bool) {
	for i := range ruling.Findings {
		found := &ruling.Findings[i]
		if found.Verdict >= rules.Pass {
			continue
		}
		k := ruling.Key(found)
		f := a.findings[k]
		if f == nil {
			f = &Finding{Key: k, Rule: found.Rule}
			a.findings[k] = f
		}
		f.Add(ruling, found)
		shed = !a.keep(f, ruling) || shed
	}
	return shed
}

// keep adds a ruling to the evidence of a finding. It replaces an earlier report of the same
// exchange. It returns false if there is no room.
func (a *Audit) keep(f *Finding, ruling *rules.Ruling) bool {
	size := ruling.Bytes()
	for _, kept := range [][]*rules.Ruling{f.First, f.Last} {
		for i, old := range kept {
			if old.X.ID == ruling.X.ID {
				a.evidence += size - old.Bytes()
				kept[i] = ruling
				return true
			}
		}
	}
	if len(f.Last) == a.Bounds.Last {
		a.evidence -= f.Last[0].Bytes()
		f.Last = append(f.Last[:0], f.Last[1:]...)
	}
	if a.evidence+size > a.Bounds.Evidence {
		return false
	}
	a.evidence += size
	if len(f.First) < a.Bounds.First {
		f.First = append(f.First, ruling)
	} else {
		f.Last = append(f.Last, ruling)
	}
	return true
}
