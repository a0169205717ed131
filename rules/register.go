package rules

import (
	"cmp"
	"slices"
	"strings"
)

// book holds the rules that every exchange is judged by, by ID. Only register writes to it, during package initialization.
var book []*Rule

// register adds a rule. Two rules with one ID are a programming error. Why is one paragraph,
// however its lines are broken in the source; so is each line of Fix, whose continuation lines
// start with a tab.
func register(r Rule) *Rule {
	r.Why, r.Fix = strings.ReplaceAll(r.Why, "\n", " "), strings.ReplaceAll(r.Fix, "\n\t", " ")
	r.general = slices.DeleteFunc(slices.Clone(r.Refs), func(ref Ref) bool { return ref.RFC == "6455" })
	into := &book
	if r.Hop {
		into = &hopBook
	}
	r.number = uint16(len(book) + len(hopBook))
	i, taken := bookIndex(*into, r.ID)
	if taken || Find(r.ID) != nil {
		panic("rules: " + r.ID + " is registered twice")
	}
	for i := range r.Probes {
		r.Probes[i].rule = &r
	}
	*into = slices.Insert(*into, i, &r)
	if r.mayBeUnsafe() && !r.Hop {
		unsafeRules = append(unsafeRules, &r)
	}
	return &r
}

func bookIndex(book []*Rule, id string) (int, bool) {
	return slices.BinarySearchFunc(book, id, func(r *Rule, id string) int { return strings.Compare(r.ID, id) })
}

// All returns the rules, sorted by ID. The caller owns the slice and must not change the rules.
func All() []*Rule {
	all := slices.Concat(book, hopBook)
	slices.SortFunc(all, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Find returns the rule of that ID, or nil. It also accepts the alias COMP-<ID>, and letters of
// either case.
func Find(id string) *Rule {
	for _, rules := range [...][]*Rule{book, hopBook} {
		if i, ok := bookIndex(rules, canonical(id)); ok {
			return rules[i]
		}
	}
	return nil
}

// Suggest returns up to three IDs of rules that are close to a mistyped ID, the nearest first, and
// of those the shortest.
func Suggest(id string) []string {
	ids := make([]string, 0, len(book))
	for _, r := range All() {
		ids = append(ids, r.ID)
	}
	return Nearest(canonical(id), ids)
}

// SuggestProbe is Suggest for IDs of probes.
func SuggestProbe(id string) []string {
	var ids []string
	for _, p := range Probes() {
		ids = append(ids, p.ID)
	}
	return Nearest(canonical(id), ids)
}

// Nearest returns up to three of the names that are close to a mistyped one, the nearest first, and
// of those the shortest.
func Nearest(id string, all []string) []string {
	if id == "" {
		return nil
	}
	type near struct {
		id       string
		distance int
	}
	var found []near
	for _, known := range all {
		d := distance(id, known)
		if strings.Contains(known, id) {
			d = 1
		}
		if d <= max(2, len(id)/4) {
			found = append(found, near{known, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Or(a.distance-b.distance, len(a.id)-len(b.id)) })
	var ids []string
	for _, n := range found[:min(3, len(found))] {
		ids = append(ids, n.id)
	}
	return ids
}

// distance returns how many letters must be inserted, removed or changed to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
