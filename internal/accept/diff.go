package accept

import (
	"cmp"
	"slices"

	"github.com/interlock-proxy/interlock/rules"
)

// A Kind is how a finding changed from one run to another.
type Kind string

// The kinds, in the order in which they are listed.
const (
	New       Kind = "new"       // the first run does not have it
	Changed   Kind = "changed"   // its worst verdict, or the severity of that, is another one
	Flapping  Kind = "flapping"  // in one of the runs it both failed and passed
	Fixed     Kind = "fixed"     // the same probe passes in the second run, with an accepted control
	NotSeen   Kind = "not-seen"  // the second run neither shows it nor passes it
	Unchanged Kind = "unchanged" // same verdict and severity
)

// Kinds returns all kinds, in the order in which they are listed.
func Kinds() []Kind { return []Kind{New, Changed, Flapping, Fixed, NotSeen, Unchanged} }

// A Difference is a finding in run A and in run B. The side of a run that has no ruling on it is
// nil.
type Difference struct {
	Kind Kind
	A, B *Found
}

// Is returns the finding of the second run or, if that run has none, of the first.
func (d *Difference) Is() *Found {
	if d.B != nil && (d.B.Verdict < rules.Pass || d.A == nil) {
		return d.B
	}
	return d.A
}

// Diff compares the findings of two runs that did not pass in both of them: by kind, then the worst
// first.
func Diff(a, b *Findings) []Difference {
	var all []Difference
	add := func(a, b *Found) {
		if broken(a) || broken(b) {
			all = append(all, Difference{kind(a, b), a, b})
		}
	}
	for name, was := range a.found {
		add(was, b.found[name])
	}
	for name, is := range b.found {
		if a.found[name] == nil {
			add(nil, is)
		}
	}
	order := Kinds()
	slices.SortFunc(all, func(x, y Difference) int {
		p, q := x.Is(), y.Is()
		return cmp.Or(
			cmp.Compare(slices.Index(order, x.Kind), slices.Index(order, y.Kind)), p.Compare(&q.Tally), p.Key.Compare(q.Key),
			cmp.Compare(p.Fingerprint, q.Fingerprint))
	})
	return all
}

func kind(a, b *Found) Kind {
	switch {
	case !broken(a):
		return New
	case flaps(a) || flaps(b):
		return Flapping
	case broken(b) && a.Verdict == b.Verdict && a.Severity == b.Severity:
		return Unchanged
	case broken(b):
		return Changed
	case b != nil && b.Proven:
		return Fixed
	}
	return NotSeen
}

func broken(f *Found) bool { return f != nil && f.Verdict < rules.Pass }

func flaps(f *Found) bool {
	return f != nil && f.By[rules.Fail] > 0 && f.By[rules.Pass] > 0
}
