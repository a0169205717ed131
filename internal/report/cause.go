package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// A cause groups findings: one rule broken at one endpoint, by any probes and clients.
type cause struct {
	findings []*merged // at least one; the worst first
	count    int64     // exchanges of all of them
}

// causes groups findings, and puts the causes into order: the most severe first, of equals the one
// seen most.
func causes(findings []*merged) []*cause {
	var all []*cause
	known := map[mergeKey]*cause{}
	for _, is := range findings {
		k := mergeKey{is.key.Place(), is.listener}
		c := known[k]
		if c == nil {
			c = &cause{}
			known[k], all = c, append(all, c)
		}
		c.findings = append(c.findings, is)
		c.count += is.worst()
	}
	slices.SortStableFunc(all, func(a, b *cause) int {
		return cmp.Or(cmp.Compare(b.first().finding.Severity, a.first().finding.Severity), cmp.Compare(b.count, a.count))
	})
	return all
}

// byRule puts causes of one rule together, in the order in which the rules come first.
func byRule(all []*cause) [][]*cause {
	var groups [][]*cause
	known := map[*rules.Rule]int{}
	for _, c := range all {
		i, seen := known[c.first().rule]
		if !seen {
			i = len(groups)
			known[c.first().rule], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}

// first is the finding that a cause is shown by.
func (c *cause) first() *merged { return c.findings[0] }

// times returns how often the cause was seen, and by which sources.
func (c *cause) times() string {
	for _, is := range c.findings {
		if is.key.Probe == "" {
			return printed.Count(c.count, "exchange")
		}
	}
	return printed.Count(c.count, "probe")
}

// maxProbes is how many probes of a cause are named.
const maxProbes = 12

// probes names the probes that showed the cause; it is empty for live traffic.
func (c *cause) probes() string {
	var names []string
	for _, is := range c.findings {
		if is.key.Probe != "" {
			names = append(names, printed.ASCII(is.key.Probe))
		}
	}
	if n := len(names) - maxProbes; n > 0 {
		names = append(names[:maxProbes], printed.Thousands(int64(n))+" more")
	}
	return strings.Join(names, ", ")
}

// states names the states of the findings, each once.
func (c *cause) states() string {
	var names []string
	seen := map[string]bool{}
	for _, is := range c.findings {
		if s := is.finding.State; s != "" && !seen[s] {
			seen[s] = true
			names = append(names, printed.ASCII(s))
		}
	}
	return strings.Join(names, ", ")
}

// text is the cause in a few words: the problem and its rule.
func (c *cause) text() string {
	is := c.first()
	return is.finding.Label() + " (" + is.rule.ID + ")"
}

// headline says how many probes, or else how many exchanges, failed for how many causes.
func headline(all []*cause, exchanges int64) string {
	probes, live := map[string]bool{}, false
	for _, c := range all {
		for _, is := range c.findings {
			if is.key.Probe == "" {
				live = true
			} else {
				probes[is.key.Probe] = true
			}
		}
	}
	what := printed.Count(exchanges, "exchange")
	if !live {
		what = printed.Count(len(probes), "probe")
	}
	if len(all) == 1 {
		return fmt.Sprintf("%s, 1 cause: %s", what, all[0].text())
	}
	return fmt.Sprintf("%s, %s", what, printed.Count(len(all), "cause"))
}

// parted are findings by their effect on the result.
type parted struct {
	failures, warnings, unclear []*cause
	accepted, fixed             []*merged
}

// atLeast removes milder causes, and returns how many there were.
func (p *parted) atLeast(least rules.Severity) (hidden int) {
	for _, all := range []*[]*cause{&p.failures, &p.warnings, &p.unclear} {
		n := len(*all)
		*all = slices.DeleteFunc(*all, func(c *cause) bool { return c.first().finding.Severity < least })
		hidden += n - len(*all)
	}
	return hidden
}

// part divides sorted findings. What passed is left out unless it is fixed.
func part(sorted []*merged) parted {
	var by [rules.Pass][]*merged
	var p parted
	for _, is := range sorted {
		switch {
		case is.finding.State == rules.StateFixed:
			p.fixed = append(p.fixed, is)
		case is.Verdict >= rules.Pass:
		case is.accepted():
			p.accepted = append(p.accepted, is)
		default:
			by[is.Verdict] = append(by[is.Verdict], is)
		}
	}
	p.failures, p.warnings, p.unclear = causes(by[rules.Fail]), causes(by[rules.Warn]), causes(by[rules.Unclear])
	return p
}
