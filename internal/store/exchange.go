package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/interlock-proxy/interlock/rules"
)

// maxStored is the maximum size of a ruling's JSON in the store. The rulings of this program are
// smaller.
const maxStored = 4 << 20

// rowSize is the approximate size of a row of exchanges besides the ruling, including its indexes.
const rowSize = 750

// upsertExchanges keeps the report with the highest revision of each exchange.
func upsertExchanges() upsert {
	columns := []string{
		"id", "revision", "time", "bytes", "status", "verdict", "severity", "unsafe", "instance", "run", "origin", "probe", "route", "endpoint",
		"protocol", "outcome", "rules", "passed", "ruling", "diagnoses",
	}
	var set []string
	for _, column := range columns[1:] {
		set = append(set, column+" = excluded."+column)
	}
	return upsert{"exchanges", columns, "(id) DO UPDATE SET " + strings.Join(set, ", ") + " WHERE excluded.revision > exchanges.revision"}
}

// exchangeRow returns the row of a ruling. Passed rules, which are most, are named in a separate
// column; the rulebook has the rest.
func exchangeRow(r *rules.Ruling, written *passedTexts) ([]any, error) {
	x, bare := r.X, *r
	passed, broken, rest := written.of(r)
	bare.Findings = rest
	text, err := bare.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if len(text) > maxStored {
		return nil, fmt.Errorf("the ruling of exchange %q has %d bytes", storable(x.ID, maxKey), len(text))
	}
	names, err := json.Marshal(broken)
	if err != nil {
		return nil, err
	}
	diagnoses, err := diagnosesOf(r)
	if err != nil {
		return nil, err
	}
	status := 0
	if x.Response != nil {
		status = x.Response.Status
	}
	return []any{
		storable(x.ID, maxKey), x.Revision, x.Time.UnixMilli(), len(text) + len(passed) + rowSize, status, int(r.Verdict), int(r.Severity()), boolean(r.Unsafe),
		storable(r.Instance, maxKey), storable(r.Run, maxKey), storable(string(x.Origin), maxKey), storable(x.Probe, maxKey), storable(x.Route, maxKey),
		storable(r.Endpoint, maxKey), x.Protocol(), storable(string(x.Outcome), maxKey), string(names), passed, string(text), diagnoses,
	}, nil
}

// passedTexts are the columns of findings that several rulings share.
type passedTexts struct {
	mu  sync.Mutex
	all map[findingList]string
}

// A findingList is a list of findings that no one changes.
type findingList struct {
	first *rules.Finding
	count int
}

// of returns the column of the findings of a ruling that passed, the rules that did not, and the
// findings that need more than their column. A nil p remembers nothing.
func (p *passedTexts) of(r *rules.Ruling) (passed string, broken []string, rest []rules.Finding) {
	broken, rest = []string{}, []rules.Finding{}
	var list findingList
	if p != nil && r.Verdict == rules.Pass && r.X.Probe == "" && len(r.Findings) > 0 {
		list = findingList{&r.Findings[0], len(r.Findings)}
		p.mu.Lock()
		defer p.mu.Unlock()
		if text, known := p.all[list]; known {
			return text, broken, rest
		}
	}
	var b strings.Builder
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict < rules.Pass {
			broken = append(broken, storable(f.Rule.ID, maxKey))
		}
		if !writePass(&b, f) {
			rest = append(rest, *f)
		}
	}
	if list.count > 0 && len(rest) == 0 && len(p.all) < maxPasses {
		put(&p.all, list, b.String())
	}
	return b.String(), broken, rest
}

// writePass writes a passed finding as its rule, the severity as a digit, and = for all references
// of the rule or ~ for the general ones. It returns false for a finding with further properties.
func writePass(b *strings.Builder, f *rules.Finding) bool {
	if f.Verdict != rules.Pass || f.Party != f.Rule.Party || f.Attribution != "" || f.Detail != "" || f.State != "" || len(f.Spans) > 0 ||
		rules.Find(f.Rule.ID) != f.Rule {
		return false
	}
	mark := byte('=')
	if !slices.Equal(f.Refs, f.Rule.Refs) {
		if mark = '~'; !slices.Equal(f.Refs, general(f.Rule)) {
			return false
		}
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	b.WriteString(f.Rule.ID)
	b.WriteByte(mark)
	b.WriteByte('0' + byte(f.Severity))
	return true
}

// general returns the references of a rule that bind parties that do not speak WebSocket (not RFC
// 6455).
func general(r *rules.Rule) []rules.Ref {
	return slices.DeleteFunc(slices.Clone(r.Refs), func(ref rules.Ref) bool { return ref.RFC == "6455" })
}

// readExchange returns the ruling of a row.
func readExchange(passed, ruling string, seen passes) (*rules.Ruling, error) {
	r, err := rules.ReadRuling([]byte(ruling))
	if err != nil || passed == "" {
		return r, err
	}
	own := len(r.Findings)
	if r.Findings = append(r.Findings, seen.read(passed)...); own > 0 {
		sortFindings(r.Findings)
	}
	return r, nil
}

// sortFindings sorts findings as rulings do.
func sortFindings(all []rules.Finding) {
	slices.SortStableFunc(all, func(f, g rules.Finding) int { return strings.Compare(f.Rule.ID, g.Rule.ID) })
}

// passes caches lists of passed rules: most exchanges have one of a few.
type passes map[string][]rules.Finding

// maxPasses is how many lists are remembered.
const maxPasses = 256

// read parses the output of writePass. Rules of other releases are left out. The caller must not
// change the result.
func (p passes) read(text string) []rules.Finding {
	if all, known := p[text]; known {
		return all
	}
	var all []rules.Finding
	for word := range strings.FieldsSeq(text) {
		i := strings.IndexAny(word, "=~")
		if i < 0 || i+2 != len(word) {
			continue
		}
		rule := rules.Find(word[:i])
		if rule == nil {
			continue
		}
		f := rules.Finding{Rule: rule, Verdict: rules.Pass, Party: rule.Party, Refs: rule.Refs, Severity: min(rules.Severity(word[i+1]-'0'), rules.Critical)}
		if word[i] == '~' {
			f.Refs = general(rule)
		}
		all = append(all, f)
	}
	if len(p) < maxPasses {
		p[text] = all
	}
	return all
}
