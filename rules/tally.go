package rules

import (
	"cmp"
	"time"
)

// A Tally sums up the findings of one [Key] over all exchanges that showed it. The zero value has
// counted none. Its JSON, beside that of its key, is part of every row in which programs read a
// finding: exports, the API, events and comparisons.
type Tally struct {
	Verdict   Verdict                  `json:"verdict"`  // the worst one
	Severity  Severity                 `json:"severity"` // the highest one with that verdict
	Party     Party                    `json:"party"`    // of the first finding with that verdict and severity, as is Detail
	Unsafe    bool                     `json:"unsafe"`   // a server switched and must not have
	Count     int64                    `json:"count"`    // exchanges
	FirstSeen time.Time                `json:"first"`    // to the millisecond, as all times of rulings are written
	LastSeen  time.Time                `json:"last"`
	Detail    string                   `json:"detail"`
	By        [NotApplicable + 1]int64 `json:"-"` // exchanges by the verdict that they were first reported with
}

// Add counts a finding of a ruling, once for each exchange, however often it is reported. It
// reports whether the finding is the first one or worse than all before it: whether Verdict,
// Severity, Party and Detail are now its own.
func (t *Tally) Add(r *Ruling, f *Finding) (worst bool) {
	is := Tally{Verdict: f.Verdict, Severity: f.Severity, Party: f.Party, Detail: f.Detail, Unsafe: r.Unsafe && f.Verdict == Fail}
	is.FirstSeen = r.X.Time.UTC().Truncate(time.Millisecond)
	is.LastSeen = is.FirstSeen
	if !r.Before.Has(f.Rule) {
		is.Count, is.By[f.Verdict] = 1, 1
	}
	return t.Merge(&is)
}

// Merge adds another tally. It reports whether that one is the first or worse than all before it.
func (t *Tally) Merge(other *Tally) (worst bool) {
	if *t == (Tally{}) {
		*t = *other
		return true
	}
	if worst = other.Compare(t) < 0; worst {
		t.Verdict, t.Severity, t.Party, t.Detail = other.Verdict, other.Severity, other.Party, other.Detail
	}
	t.Unsafe = t.Unsafe || other.Unsafe
	t.Count += other.Count
	for v, n := range other.By {
		t.By[v] += n
	}
	if other.FirstSeen.Before(t.FirstSeen) {
		t.FirstSeen = other.FirstSeen
	}
	if other.LastSeen.After(t.LastSeen) {
		t.LastSeen = other.LastSeen
	}
	return worst
}

// WorseThan reports whether the finding is worse than those of a tally: by its verdict or, where
// that is the same, its severity.
func (f *Finding) WorseThan(t *Tally) bool {
	return (&Tally{Verdict: f.Verdict, Severity: f.Severity}).Compare(t) < 0
}

// Compare orders tallies by verdict and severity, the worst first.
func (t *Tally) Compare(other *Tally) int {
	return cmp.Or(cmp.Compare(t.Verdict, other.Verdict), cmp.Compare(other.Severity, t.Severity))
}
