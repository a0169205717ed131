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

// A merge holds findings by fingerprint, with their counts and the first few exchanges of each, in
// bounded memory. Formats that cannot be written ruling by ruling are written from it.
type merge struct {
	passes bool // findings that passed are held too

	found     map[mergeKey]*merged
	listeners map[string]bool // that there are
	broken    int             // of found: how many did not pass
	evidence  int64           // bytes of exchanges that are held
	more      int64           // findings that did not pass and do not fit
	passed    int64           // findings that passed and do not fit
}

// merged sums up one fingerprint.
type merged struct {
	mergeKey
	rule        *rules.Rule
	fingerprint string // set by sorted
	where       string // the listener, where there are several; set by sorted
	rules.Tally
	finding  rules.Finding   // the worst one, which the tally has its text from
	id       string          // of its exchange
	examples []*rules.Ruling // its exchange, and the next ones with that verdict, as far as there is room
}

// A mergeKey tells findings apart: by fingerprint and, in recorded traffic, by the address that
// listened. A recording can have several servers with the same paths.
type mergeKey struct {
	key      rules.Key
	listener string
}

// listenerOf is the address that listened, in recorded traffic; empty otherwise, as the route tells
// backends apart there.
func listenerOf(r *rules.Ruling) string {
	if r.X.Origin != wire.OriginFile {
		return ""
	}
	return r.X.Backend
}

// The bounds of a merge.
const (
	maxMerged   = 10_000   // fingerprints that did not pass, and as many that did
	maxExamples = 3        // exchanges of a failure; of other verdicts one, of passes none
	maxEvidence = 64 << 20 // bytes of exchanges in all
)

// add takes the findings of a ruling.
func (m *merge) add(r *rules.Ruling) {
	if m.found == nil {
		m.found, m.listeners = map[mergeKey]*merged{}, map[string]bool{}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict == rules.NotApplicable || f.Verdict == rules.Pass && !m.passes && f.State == "" {
			continue
		}
		k := mergeKey{r.Key(f), listenerOf(r)}
		if k.listener != "" && len(m.listeners) < maxMerged {
			m.listeners[k.listener] = true
		}
		is := m.found[k]
		if is == nil {
			if is = m.room(k, f); is == nil {
				continue
			}
		}
		m.count(is, r, f)
	}
}

// room makes room for a fingerprint. It is nil if there is none.
func (m *merge) room(k mergeKey, f *rules.Finding) *merged {
	bad := f.Verdict < rules.Pass
	switch {
	case bad && m.broken >= maxMerged:
		m.more++
		return nil
	case !bad && len(m.found)-m.broken >= maxMerged:
		m.passed++
		return nil
	case bad:
		m.broken++
	}
	is := &merged{mergeKey: k, rule: f.Rule}
	m.found[k] = is
	return is
}

func (m *merge) count(is *merged, r *rules.Ruling, f *rules.Finding) {
	passed := is.Verdict >= rules.Pass
	if is.Add(r, f) {
		if passed && f.Verdict < rules.Pass {
			m.broken++
		}
		for _, e := range is.examples {
			m.evidence -= e.Bytes()
		}
		is.finding, is.id, is.examples = *f, r.X.ID, nil
	}
	if f.Verdict != is.Verdict {
		return
	}
	room := [...]int{rules.Fail: maxExamples, rules.Warn: 1, rules.Unclear: 1, rules.Pass: 0}[f.Verdict]
	if n := r.Bytes(); len(is.examples) < room && m.evidence+n <= maxEvidence {
		is.examples = append(is.examples, r)
		m.evidence += n
	}
}

// worst is the number of exchanges with the worst verdict.
func (is *merged) worst() int64 { return is.By[is.Verdict] }

// exchanges says how many there were and, where these differ, with which verdicts.
func (is *merged) exchanges() string {
	var all int64
	var parts []string
	for v, n := range is.By {
		if all += n; n > 0 {
			parts = append(parts, printed.Thousands(n)+" "+rules.Verdict(v).String())
		}
	}
	text := printed.Count(all, "exchange")
	if len(parts) > 1 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

// sorted are the findings, the worst first: by verdict, severity, rule and place. Of findings with the
// same fingerprint at several listeners, all but the first get one of their own.
func (m *merge) sorted() []*merged {
	all := make([]*merged, 0, len(m.found))
	for _, is := range m.found {
		if is.fingerprint = is.key.Fingerprint(); len(m.listeners) > 1 {
			is.where = is.listener
		}
		all = append(all, is)
	}
	slices.SortFunc(all, func(a, b *merged) int { return cmp.Or(a.key.Compare(b.key), strings.Compare(a.listener, b.listener)) })
	nth := 1
	for i := 1; i < len(all); i++ {
		if nth++; all[i].key != all[i-1].key {
			nth = 1
		}
		if nth > 1 {
			all[i].fingerprint += fmt.Sprintf("-%d", nth)
		}
	}
	slices.SortStableFunc(all, func(a, b *merged) int { return a.Compare(&b.Tally) })
	return all
}

// accepted reports whether the finding is accepted and so makes nothing fail.
func (is *merged) accepted() bool { return is.finding.State == rules.StateAccepted }

// maxCommand is the largest command for each finding, in bytes: a report can have thousands.
const maxCommand = 4 << 10

// recipe returns the commands that reproduce the finding. If the request makes them too long,
// Interlock sends it.
func (is *merged) recipe() Recipe {
	if len(is.examples) == 0 {
		return Recipe{Shell: []string{replayCommand(is.id)}}
	}
	a, size := NewRecipe(is.examples[0]), 0
	for _, word := range a.Shell {
		size += len(word) + 1
	}
	switch {
	case size > 0 && size <= maxCommand:
	case a.Probe != "":
		a = Recipe{Shell: []string{a.Probe}, Notes: a.Notes}
	default:
		a = Recipe{Shell: []string{replayCommand(is.id)}, Notes: a.Notes}
	}
	return a
}

// sides returns both sides of the hop that the exchange of the finding passed; nil if it passed none.
func (is *merged) sides() []Passage {
	if len(is.examples) == 0 {
		return nil
	}
	all, err := Sides(is.examples[0])
	if err != nil {
		return nil // the exchange is not shown otherwise either
	}
	return all
}

// again returns the exact command of the recipe in one line, after comments about its placeholders.
func (is *merged) again() string {
	a, text := is.recipe(), ""
	for _, note := range a.Notes {
		text += "# " + note + "\n"
	}
	return text + strings.Join(a.Shell, " ")
}

// place is where the finding is.
func (is *merged) place() string {
	if is.where != "" {
		return printed.ASCII(is.where) + " " + placeOf(is.key.Route, is.key.Endpoint)
	}
	return placeOf(is.key.Route, is.key.Endpoint)
}

// placeOf is the route, where it has a name other than the usual one, and the endpoint.
func placeOf(route, endpoint string) string {
	text := printed.ASCII(endpoint)
	if text == "" {
		text = "(no target)"
	}
	if route != "" && route != "default" {
		text = printed.ASCII(route) + " " + text
	}
	return text
}

// name is the rule and the place, and the probe where it has a name of its own.
func (is *merged) name() string {
	text := is.key.Rule + " " + is.place()
	if is.key.Probe != "" && is.key.Probe != is.key.Rule {
		text += " (" + printed.ASCII(is.key.Probe) + ")"
	}
	return text
}
