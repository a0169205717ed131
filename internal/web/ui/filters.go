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

// A key is a key of filters.
type key struct {
	Name    string
	Example string // a term with it
	Text    string // what it is about
}

// keys are those of filters, in the order in which they are shown.
func keys() []key {
	return []key{
		{"verdict", "verdict:fail", "fail, warn, unclear, pass or not-applicable"},
		{"rule", "rule:UPGRADE-H2-*", "a rule that did not pass"},
		{"why", "why:any", "a diagnosis that explains the exchange"},
		{"outcome", "outcome:switched", "what the server did: switched, refused, reset ..."},
		{"status", "status:4xx", "of the response; none if there is none"},
		{"proto", "proto:websocket", "the protocol: websocket, h2c, tls, masque, other"},
		{"version", "version:2", "of HTTP: 1.0, 1.1 or 2"},
		{"connection", "connection:*", "the connection of HTTP/2, by the number on the page of a stream"},
		{"path", "path:/ws*", "the endpoint"},
		{"method", "method:CONNECT", "of the request"},
		{"client", "client:10.*", "address of the client"},
		{"backend", "backend:*:8080", "address of the backend"},
		{"route", "route:default", "route of the configuration"},
		{"is", "is:unsafe", "live, probe, unsafe, benign, blocked, new, known, accepted or reproduced"},
		{"origin", "origin:probe", "live, probe, replay or file"},
		{"probe", "probe:UPGRADE-*", "the probe that was sent"},
		{"run", "run:*", "the run of probes"},
		{"instance", "instance:*", "the Interlock that saw it"},
		{"id", "id:*", "the exchange"},
		{"since", "since:90m", "a date, a time, or how long ago"},
		{"until", "until:24h", "likewise"},
	}
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
		{{Name: "HTTP/1.1", Term: "version:1.1"}, {Name: "HTTP/2", Term: "version:2"}},
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
