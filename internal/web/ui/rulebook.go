package ui

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// rulesView is the rulebook.
type rulesView struct {
	Filter string     `json:"filter"`
	Rules  []ruleLine `json:"rules"`
	All    int        `json:"all"`
}

// ruleLine is a rule, and how often it was not kept.
type ruleLine struct {
	*rules.Rule
	Hits int64
	Last time.Time
	Mark *mark // the worst verdict; nil: it was always kept
}

func (u *site) rulebook(r *http.Request) (sheet, error) {
	v := rulesView{Filter: strings.TrimSpace(r.FormValue("q")), Rules: []ruleLine{}}
	hits, err := u.hits(r.Context())
	if err != nil {
		return sheet{}, err
	}
	words := strings.Fields(strings.ToLower(v.Filter))
	for _, rule := range rules.All() {
		v.All++
		if !mentions(rule, words) {
			continue
		}
		l := ruleLine{Rule: rule}
		if b, ok := hits[rule.ID]; ok {
			l.Hits, l.Last, l.Mark = b.Count, b.LastSeen, &mark{b.Verdict}
		}
		v.Rules = append(v.Rules, l)
	}
	return sheet{Title: "Rules", View: v}, nil
}

// mentions reports whether the texts of a rule contain all words.
func mentions(rule *rules.Rule, words []string) bool {
	all := []string{rule.ID, rule.Title, rule.Label, rule.Level.String(), rule.Party.String(), rule.Severity.Switched.String(), rule.Severity.Refused.String()}
	for _, ref := range rule.Refs {
		all = append(all, ref.String())
	}
	text := strings.ToLower(strings.Join(all, " "))
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// hits are the rules that were not kept, by their ID.
func (u *site) hits(ctx context.Context) (map[string]store.Broken, error) {
	all := map[string]store.Broken{}
	if u.Store == nil {
		return all, nil
	}
	found, err := u.Store.Findings(ctx, store.Query{Verdicts: store.AtLeast(rules.Unclear)})
	if err != nil {
		return nil, err
	}
	for _, b := range store.ByRule(found) {
		all[b.Rule] = b
	}
	return all, nil
}

// ruleView is one rule with all that the rulebook has on it.
type ruleView struct {
	*rules.Rule
	Fixes   []string `json:"-"`
	Example string   `json:"example,omitempty"`
	Found   []group  `json:"findings"`
}

// AtRefusal returns the severity of a finding after a refusal.
func (v ruleView) AtRefusal() string {
	if s, ok := v.Rule.AtRefusal(); ok {
		return s.String() + " if rejected"
	}
	return "no finding if rejected"
}

func (u *site) rule(r *http.Request) (sheet, error) {
	rule := rules.Find(r.PathValue("id"))
	if rule == nil {
		return sheet{}, errMissing
	}
	v := ruleView{Rule: rule, Fixes: strings.Split(rule.Fix, "\n"), Found: []group{}}
	v.Example, _ = rule.Example()
	if u.Store != nil {
		found, err := u.groups(r.Context(), store.Query{Rule: rule.ID, Verdicts: store.AtLeast(rules.Unclear)})
		if err != nil {
			return sheet{}, err
		}
		v.Found = append(v.Found, found...)
	}
	return sheet{Title: rule.ID, View: v}, nil
}
