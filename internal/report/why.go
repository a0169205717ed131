package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// whys group the diagnoses of exchanges, in bounded memory.
type whys struct {
	byPlace bool // a group for each place

	found     map[whyKey]*why
	causes    map[ruleAt][]*why // of findings, by their rule and place
	exchanges int64             // that have a diagnosis
	more      int64             // diagnoses that do not fit
}

// A whyKey tells groups of diagnoses apart: one kind can have several causes.
type whyKey struct{ id, cause, route, endpoint string }

// A ruleAt is a rule at an endpoint.
type ruleAt struct{ rule, route, endpoint string }

// A why is one kind of diagnosis with one cause.
type why struct {
	rules.Diagnosis // as it was seen first
	key             whyKey
	count           int64    // exchanges
	places          []string // where, each once
	elsewhere       bool     // there are more places
	explains        []string // rules whose findings have this cause
	exchange        string   // the first one that has it
	varied          bool     // the observations differ in their values
}

// The bounds of groups of diagnoses.
const (
	maxWhys      = 500
	maxWhyPlaces = 5
	maxExplained = 50
)

// add takes the diagnoses of a ruling.
func (w *whys) add(r *rules.Ruling) {
	if len(r.Diagnoses) == 0 {
		return
	}
	if w.found == nil {
		w.found = map[whyKey]*why{}
	}
	w.exchanges++
	for i := range r.Diagnoses {
		d := &r.Diagnoses[i]
		k := whyKey{id: d.ID, cause: d.Cause}
		if w.byPlace {
			k.route, k.endpoint = r.X.Route, r.Endpoint
		}
		is := w.found[k]
		if is == nil {
			if len(w.found) == maxWhys {
				w.more++
				continue
			}
			is = &why{Diagnosis: *d, key: k, exchange: r.X.ID}
			w.found[k] = is
		}
		is.count++
		is.varied = is.varied || d.Text != is.Text
		is.at(placeOf(r.X.Route, r.Endpoint))
		for _, rule := range d.Explains {
			w.explain(ruleAt{rule, r.X.Route, r.Endpoint}, is)
			if len(is.explains) < maxExplained && !slices.Contains(is.explains, rule) {
				is.explains = append(is.explains, rule)
			}
		}
	}
}

// explain notes what explains a rule at an endpoint.
func (w *whys) explain(at ruleAt, is *why) {
	if w.causes == nil {
		w.causes = map[ruleAt][]*why{}
	}
	if all := w.causes[at]; len(all) < maxExplained && !slices.Contains(all, is) && (all != nil || len(w.causes) < maxMerged) {
		w.causes[at] = append(all, is)
	}
}

// cause returns the cause of the findings of a rule at an endpoint, and the diagnosis that has it;
// of several, the one seen most. It is empty if there is none.
func (w *whys) cause(of *merged) string {
	all := w.causes[ruleAt{of.rule.ID, of.key.Route, of.key.Endpoint}]
	if len(all) == 0 {
		return ""
	}
	most := slices.MaxFunc(all, func(a, b *why) int { return cmp.Compare(a.count, b.count) })
	text := printed.Text(most.key.cause) + " (" + most.name() + ")"
	if n := len(all) - 1; n > 0 {
		text += "; " + printed.Count(n, "other cause") + " below"
	}
	return text
}

// at adds a place.
func (w *why) at(place string) {
	switch {
	case slices.Contains(w.places, place):
	case len(w.places) == maxWhyPlaces:
		w.elsewhere = true
	default:
		w.places = append(w.places, place)
	}
}

// sorted are the groups, the one seen most first.
func (w *whys) sorted() []*why {
	all := make([]*why, 0, len(w.found))
	for _, is := range w.found {
		slices.Sort(is.explains)
		all = append(all, is)
	}
	slices.SortFunc(all, func(a, b *why) int {
		return cmp.Or(cmp.Compare(b.count, a.count), strings.Compare(a.ID, b.ID), strings.Compare(a.key.cause, b.key.cause),
			strings.Compare(a.key.route, b.key.route), strings.Compare(a.key.endpoint, b.key.endpoint))
	})
	return all
}

// name is the ID of the kind.
func (w *why) name() string { return printed.Text(w.ID) }

// observed is what was observed: in one exchange or, where the values differ, in general.
func (w *why) observed() string {
	if k := diagnose.Find(w.ID); w.varied && k != nil {
		return k.Title
	}
	return printed.Text(w.Text)
}

// where names the places.
func (w *why) where() string {
	text := strings.Join(w.places, ", ")
	if w.elsewhere {
		text += " and more"
	}
	return text
}

// related names the rules whose findings have this cause; it is empty if there are none.
func (w *why) related() string { return printed.Text(strings.Join(w.explains, ", ")) }

// fixes are the lines of what to change.
func (w *why) fixes() []string {
	var all []string
	for line := range strings.SplitSeq(w.Fix, "\n") {
		if line = printed.Text(line); strings.TrimSpace(line) != "" {
			all = append(all, line)
		}
	}
	return all
}
