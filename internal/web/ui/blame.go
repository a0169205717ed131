package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// blamed is what the results of chain come to at one proxy.
type blamed struct {
	name                    string
	failed                  []store.Result
	warned, unclear, passed int
}

// blames says which proxies of a run of chain are to blame: a line in all, and one for each that has failed probes.
func blames(results []store.Result, run *store.Run) []answer {
	var all []*blamed
	for i := range results {
		r := &results[i]
		j := slices.IndexFunc(all, func(is *blamed) bool { return is.name == r.Route })
		if j < 0 {
			j = len(all)
			all = append(all, &blamed{name: r.Route})
		}
		switch v := cellOf(r).Mark.Verdict; {
		case !cellOf(r).Sent:
		case v == rules.Fail:
			all[j].failed = append(all[j].failed, *r)
		case v == rules.Warn:
			all[j].warned++
		case v == rules.Unclear:
			all[j].unclear++
		case v == rules.Pass:
			all[j].passed++
		}
	}
	slices.SortStableFunc(all, func(a, b *blamed) int { return cmp.Compare(b.worst(), a.worst()) })
	return sum(all, run != nil && run.Stopped)
}

// worst is the rank of the worst failure; 0 without one.
func (b *blamed) worst() int {
	if len(b.failed) == 0 {
		return 0
	}
	return int(reasons(b.failed)[0].rank) + 1
}

// sum is the answer about all proxies, and about each to blame.
func sum(all []*blamed, stopped bool) []answer {
	said := []answer{}
	var bad, good []string
	probes, unclear := 0, 0
	for _, is := range all {
		unclear += is.unclear
		if probes += is.passed + is.warned; len(is.failed) == 0 {
			good = append(good, text(is.name))
			continue
		}
		bad = append(bad, text(is.name))
		worst := reasons(is.failed)[0]
		said = append(said, answer{
			Mark: mark{rules.Fail}, Text: fmt.Sprintf("%s failed at %s.", printed.Count(len(is.failed), "probe"), text(is.name)),
			Worst: fmt.Sprintf("Worst: %s (%s, %s).", strings.TrimSuffix(worst.Problem, "."), text(worst.Rule), text(worst.Severity)),
		})
	}
	rest := ""
	if stopped {
		rest = " The run was stopped early."
	}
	first := answer{Mark: mark{rules.Pass}, Text: "No proxy is to blame: nothing failed at " + strings.Join(good, ", ") + "." + rest}
	switch {
	case len(bad) > 0 && len(good) > 0:
		first = answer{Mark: mark{rules.Fail}, Text: "To blame: " + strings.Join(bad, ", ") + ". Not to blame: " + strings.Join(good, ", ") + "." + rest}
	case len(bad) > 0:
		first = answer{Mark: mark{rules.Fail}, Text: "To blame: " + strings.Join(bad, ", ") + "." + rest}
	case probes == 0:
		first = answer{Mark: mark{rules.Unclear}, Text: "Could not tell whether a proxy is to blame: no probe was conclusive." + rest}
	case unclear > 0 || stopped:
		first.Mark = mark{rules.Warn}
	}
	return append([]answer{first}, said...)
}
