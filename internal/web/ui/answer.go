package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// answer says of an endpoint whether it is safe, as far as probes can tell.
type answer struct {
	Mark  mark   `json:"verdict"`
	Text  string `json:"text"`
	Worst string `json:"worst,omitempty"`
}

// judged is what results come to at one endpoint of a backend.
type judged struct {
	column
	malformed, rejected int
	accepted            []string // rules by which malformed handshakes were accepted
	fails               []store.Result
	control             *cell // of the valid handshake; nil: it was not sent
}

// answers are those of the endpoints of results, in their order.
func answers(results []store.Result) []answer {
	var all []*judged
	for i := range results {
		r := &results[i]
		at := column{Route: r.Route, Endpoint: r.Endpoint, Backend: r.Backend}
		j := slices.IndexFunc(all, func(is *judged) bool { return is.column == at })
		if j < 0 {
			j = len(all)
			all = append(all, &judged{column: at})
		}
		all[j].enter(r)
	}
	said := []answer{}
	for _, is := range all {
		said = append(said, is.answer())
	}
	return said
}

// enter takes a result.
func (j *judged) enter(r *store.Result) {
	p := rules.FindProbe(r.Probe)
	is := cellOf(r)
	if p == nil || !is.Sent {
		return
	}
	if slices.Contains([]string{"CTRL-WS", "CTRL-H2C", "CTRL-H2-WS"}, p.ID) && (j.control == nil || !j.control.Accepted()) {
		j.control = is
	}
	switched := r.Outcome == string(wire.Switched) && p.Class.Refuses()
	if v := is.Mark.Verdict; p.Class.Refuses() && !p.Soft && v != rules.Unclear && v != rules.NotApplicable {
		j.malformed++
		if !switched {
			j.rejected++
		}
	}
	if is.Mark.Verdict != rules.Fail {
		return
	}
	j.fails = append(j.fails, *r)
	if rule := rules.Find(r.Rule); switched && rule != nil && p.Accepting(rule) && !slices.Contains(j.accepted, r.Rule) {
		j.accepted = append(j.accepted, r.Rule)
	}
}

func (j *judged) answer() (a answer) {
	where := text(j.Endpoint)
	if len(j.fails) > 0 {
		worst := reasons(j.fails)[0]
		a.Worst = fmt.Sprintf("Worst: %s (%s, %s).", strings.TrimSuffix(worst.Problem, "."), text(worst.Rule), text(worst.Severity))
	}
	switch n := len(j.accepted); {
	case n == 1:
		a.Mark, a.Text = mark{rules.Fail}, "Not safe: "+where+" accepts 1 kind of malformed handshake."
	case n > 1:
		a.Mark, a.Text = mark{rules.Fail}, fmt.Sprintf("Not safe: %s accepts %d kinds of malformed handshakes.", where, n)
	case len(j.fails) > 0:
		a.Mark, a.Text = mark{rules.Fail}, fmt.Sprintf("%s failed at %s, and no malformed handshake was accepted.", printed.Count(len(j.fails), "probe"), where)
	case j.control != nil && !j.control.Accepted():
		a.Mark, a.Text = mark{rules.Unclear}, fmt.Sprintf("Could not tell whether %s is safe: the valid handshake was not accepted (%s).", where, j.control.Answer())
	case j.malformed == 0:
		a.Mark, a.Text = mark{rules.Unclear}, "Nothing failed at "+where+", but no malformed handshake was judged."
	default:
		a.Mark, a.Text = mark{rules.Pass}, fmt.Sprintf("Safe as far as tested: %d of %d malformed handshakes rejected at %s.", j.rejected, j.malformed, where)
	}
	return a
}
