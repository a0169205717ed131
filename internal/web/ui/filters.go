package ui

import (
	"slices"
	"strings"
)

// usualFilter is the default filter of the list: live traffic.
const usualFilter = "is:live"

// quick is a filter that is one click away.
type quick struct {
	Name, Term string
	On         bool
	To         string // the filter with the term, or without it where it is on
}

// words are the terms of a filter.
func (u *site) words(filter string) []string {
	if u.Terms == nil {
		return nil
	}
	return u.Terms(filter)
}

// terms are those of a filter, each with the filter that is left without it.
func (u *site) terms(filter string) (all []quick) {
	words := u.words(filter)
	for i, w := range words {
		left := strings.Join(slices.Delete(slices.Clone(words), i, i+1), " ")
		all = append(all, quick{Name: w, Term: w, On: true, To: left})
	}
	return all
}

// quicks are the filters that are one click away, added to the terms of the present one. Those of one group exclude each other.
func (u *site) quicks(filter string) (all []quick) {
	words := u.words(filter)
	groups := [][]quick{
		{{Name: "live traffic", Term: "is:live"}, {Name: "probes", Term: "origin:probe"}},
		{{Name: "✖ fail", Term: "verdict:fail"}, {Name: "! warn", Term: "verdict:warn"}},
		{{Name: "▲ unsafe", Term: "is:unsafe"}},
		{{Name: "switched", Term: "outcome:switched"}, {Name: "refused", Term: "outcome:refused"}},
		{{Name: "websocket", Term: "proto:websocket"}, {Name: "h2c", Term: "proto:h2c"}},
	}
	for _, group := range groups {
		left := slices.DeleteFunc(slices.Clone(words), func(w string) bool {
			return slices.ContainsFunc(group, func(q quick) bool { return q.Term == w })
		})
		for _, q := range group {
			q.On = slices.Contains(words, q.Term)
			to := slices.Clone(left)
			if !q.On {
				to = append(to, q.Term)
			}
			q.To = strings.Join(to, " ")
			all = append(all, q)
		}
	}
	return all
}
