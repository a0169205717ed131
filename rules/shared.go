package rules

import (
	"slices"
	"sync"
)

// A Memory is what classifications share, so that those of ordinary exchanges allocate little. The
// zero value is ready. Several goroutines may use it at the same time.
//
// Most exchanges pass the same rules as others before them, without a remark. Their rulings have the
// same list of findings, which no one may change. See [Ruling].
type Memory struct {
	cases sync.Pool // of *Case

	mu    sync.RWMutex
	lists map[string][]Finding // by passes.key
}

// maxLists is how many lists of findings are remembered.
const maxLists = 1024

// borrow returns memory for a case, filled with what the caller has given. A nil m lends new memory.
func (m *Memory) borrow(given *Case) *Case {
	var c *Case
	if m != nil {
		c, _ = m.cases.Get().(*Case)
	}
	if c == nil {
		c = new(Case)
	}
	kept := c.passes
	*c = *given
	c.passes = passes{of: kept.of[:0], key: kept.key[:0]}
	return c
}

// giveBack ends the use of a borrowed case.
func (m *Memory) giveBack(c *Case) {
	if m == nil {
		return
	}
	clear(c.passes.of)
	*c = Case{passes: c.passes}
	m.cases.Put(c)
}

// passes are findings that passed without a remark, in short.
type passes struct {
	open bool    // all findings so far are such
	of   []*Rule // their rules
	key  []byte  // three bytes for each finding; see add
}

// sharesPasses reports whether a ruling that passes may share its findings with others, and begins
// to keep them in short. Findings of probes and about proxies are changed once all rules are asked.
func (c *Case) sharesPasses() bool {
	c.passes.open = c.Memory != nil && !c.HopOnly && c.X.Hop == nil && c.X.Probe == "" && len(c.Options.Severities) == 0
	return c.passes.open
}

// add adds a pass of the case's current rule. It returns false if more is to be said about it.
func (p *passes) add(c *Case, res *Result) bool {
	r := c.rule
	mark := byte(res.Severity) << 1
	switch {
	case res.Note != "" || res.Attribution != "" || res.Party != r.Party:
		return false
	case sameRefs(res.Refs, r.Refs):
	case sameRefs(res.Refs, r.general):
		mark |= 1
	default:
		return false
	}
	p.of = append(p.of, r)
	p.key = append(p.key, byte(r.number), byte(r.number>>8), mark)
	return true
}

// sameRefs reports whether two lists of references are the same one.
func sameRefs(a, b []Ref) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// write appends the findings.
func (p *passes) write(to []Finding) []Finding {
	for i, r := range p.of {
		mark := p.key[3*i+2]
		f := Finding{Rule: r, Verdict: Pass, Severity: Severity(mark >> 1), Party: r.Party, Refs: r.Refs}
		if mark&1 != 0 {
			f.Refs = r.general
		}
		to = append(to, f)
	}
	return to
}

// writePasses gives a ruling the findings that were kept in short so far, and the next ones in full.
func (c *Case) writePasses(ruling *Ruling) {
	if p := &c.passes; p.open {
		p.open = false
		ruling.Findings = p.write(make([]Finding, 0, max(c.room(), len(p.of)+1)))
	}
}

// endPasses gives a ruling its findings, if all of them were kept in short: the list that other
// rulings have, too.
func (c *Case) endPasses(ruling *Ruling) {
	if p := &c.passes; p.open {
		p.open = false
		ruling.Findings = c.Memory.list(p)
	}
}

// list returns the list of findings, which the caller must not change.
func (m *Memory) list(p *passes) []Finding {
	m.mu.RLock()
	all, known := m.lists[string(p.key)]
	m.mu.RUnlock()
	if known {
		return all
	}
	all = slices.Clip(p.write(make([]Finding, 0, len(p.of))))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lists == nil {
		m.lists = map[string][]Finding{}
	}
	if len(m.lists) < maxLists {
		m.lists[string(p.key)] = all
	}
	return all
}
