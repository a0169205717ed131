package hop

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// A Report is what a hop did to many exchanges.
type Report struct {
	Schema   int      `json:"schema"`
	Near     string   `json:"near"`
	Far      string   `json:"far"`
	Pairs    int      `json:"pairs"`
	ByKey    int      `json:"byKey"`
	OnlyNear int      `json:"onlyNear"`
	OnlyFar  int      `json:"onlyFar"`
	Answer   string   `json:"answer"`
	Matters  bool     `json:"matters"`
	Changes  []Sum    `json:"changes"`
	More     int      `json:"more,omitempty"`  // changes that are not listed
	Rules    []Broken `json:"rules,omitempty"` // that the hop breaks
	Why      []Reason `json:"why,omitempty"`
	Unpaired []Lone   `json:"unpaired,omitempty"` // of the near side, the first ones
}

// A Sum is a change of one kind and header, in all pairs.
type Sum struct {
	Change        // the first one; others may have other values
	Text   string `json:"text"`
	Count  int    `json:"count"` // pairs
	Near   string `json:"nearExchange"`
	Far    string `json:"farExchange"`
}

// A Reason is a diagnosis of an exchange that the hop changed.
type Reason struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Cause string `json:"cause"`
	Fix   string `json:"fix"`
}

// A Lone is an exchange without its other side.
type Lone struct {
	ID     string `json:"id"`
	Target string `json:"target"`
	Status string `json:"status"`
}

// The bounds of a report: changes that do not matter, and exchanges of one side only.
const (
	maxChanges  = 500
	maxUnpaired = 5
)

// Summarize says what the hop between two Interlocks of those names did.
func Summarize(near, far string, m Matched) *Report {
	r := &Report{Schema: 1, Near: near, Far: far, Pairs: len(m.Pairs), OnlyNear: len(m.OnlyNear), OnlyFar: len(m.OnlyFar), Changes: []Sum{}}
	at := map[Change]int{}
	told := map[string]bool{}
	for _, p := range m.Pairs {
		if p.By == ByKey {
			r.ByKey++
		}
		r.judge(p)
		matters, ended := false, false
		for _, c := range Compare(p) {
			matters, ended = matters || c.Matters, ended || c.Kind == Ended
			group := Change{Part: c.Part, Kind: c.Kind, Header: strings.ToLower(c.Header), Matters: c.Matters}
			i, known := at[group]
			if !known && !c.Matters && len(r.Changes) >= maxChanges {
				r.More++
				continue
			}
			if !known {
				i = len(r.Changes)
				at[group] = i
				r.Changes = append(r.Changes, Sum{Change: c, Text: c.String(), Near: shown(p.Near.X.ID), Far: shown(p.Far.X.ID)})
			}
			r.Changes[i].Count++
		}
		r.Matters = r.Matters || matters
		if ended {
			r.explainEnd(told, p.Near.Diagnoses)
		}
		if matters {
			r.explain(told, p.Far.Diagnoses)
			r.explain(told, p.Near.Diagnoses)
		}
	}
	for _, n := range m.OnlyNear[:min(len(m.OnlyNear), maxUnpaired)] {
		r.Unpaired = append(r.Unpaired, Lone{shown(n.X.ID), shown(n.Target()), status(n.X)})
	}
	slices.SortStableFunc(r.Rules, func(a, b Broken) int {
		return cmp.Or(cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(b.Severity, a.Severity))
	})
	r.Matters = r.Matters || len(r.Rules) > 0 && r.Rules[0].Verdict == rules.Fail
	r.Answer = r.answer()
	return r
}

func (r *Report) explain(told map[string]bool, all []rules.Diagnosis) {
	for i := range all {
		if d := &all[i]; !told[d.ID] && len(told) < maxUnpaired {
			told[d.ID] = true
			r.Why = append(r.Why, Reason{d.ID, d.Text, d.Cause, d.Fix})
		}
	}
}

// explainEnd says why a hop ends tunnels: as a diagnosis of the near side does that knows the proxy or
// many tunnels, else in general.
func (r *Report) explainEnd(told map[string]bool, near []rules.Diagnosis) {
	i := slices.IndexFunc(near, func(d rules.Diagnosis) bool { return d.ID == "tunnel-idle-timeout" || d.ID == "tunnel-lifetime" })
	if i >= 0 {
		r.explain(told, near[i:i+1])
		return
	}
	var fix []string
	for _, remedy := range diagnose.LongerTimeouts() {
		fix = append(fix, remedy.String())
	}
	r.explain(told, []rules.Diagnosis{{
		ID: "tunnel-idle-timeout", Text: "The proxy closed both connections of the tunnel", Cause: "An idle timeout of the proxy, another limit of it, or a restart",
		Fix: strings.Join(fix, "\n"),
	}})
}

// answer is the result in a sentence.
func (r *Report) answer() string {
	if r.Pairs == 0 {
		return "No exchange was seen on both sides"
	}
	var what []string
	changed, ended := false, ""
	for _, c := range r.Changes {
		if c.Kind == Ended {
			ended = ". It " + c.Text
			continue
		}
		changed = changed || c.Kind != Hidden
		if c.Matters {
			what = append(what, c.Text)
		}
	}
	return r.passed(what, changed) + r.broken() + ended
}

// broken says which rule is the worst that the hop breaks. Information is not worth a sentence.
func (r *Report) broken() string {
	told := 0
	for _, f := range r.Rules {
		if f.Verdict == rules.Fail || f.Verdict == rules.Warn && f.Severity > rules.Info {
			told++
		}
	}
	if told == 0 {
		return ""
	}
	text := ". A rule about proxies warns: "
	if r.Rules[0].Verdict == rules.Fail {
		text = ". It breaks a rule about proxies: "
	}
	if told > 1 {
		return text + fmt.Sprintf("%s (the worst of %d)", r.Rules[0].Text, told)
	}
	return text + r.Rules[0].Text
}

// passed says what the hop did to the messages that passed it.
func (r *Report) passed(what []string, changed bool) string {
	switch {
	case len(what) > 0:
		return "The hop changes what an upgrade needs: it " + strings.Join(what, ", ")
	case changed && r.broken() != "":
		return "The hop changes no header that an upgrade needs"
	case r.broken() != "":
		return "The hop changes no header that can be seen"
	case changed:
		return "The hop changes nothing that an upgrade needs"
	case slices.ContainsFunc(r.Changes, func(c Sum) bool { return c.Kind == Hidden }):
		return "The hop changes nothing that can be seen"
	}
	return "The hop changes nothing"
}

// JSON writes the report for programs.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Text writes the report for people.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, " %s\n\n", r.Answer)
	fmt.Fprintf(&b, " near side %s, far side %s: %s on both sides (%d by key), %d only near, %d only far\n", r.Near, r.Far, printed.Count(r.Pairs, "exchange"), r.ByKey, r.OnlyNear, r.OnlyFar)
	for _, part := range []Part{Request, Response, Tunnel} {
		title := " " + string(part)
		for _, c := range r.Changes {
			if c.Part != part {
				continue
			}
			if title != "" {
				fmt.Fprintf(&b, "\n%s\n", title)
				title = ""
			}
			mark := " "
			if c.Matters {
				mark = "!"
			}
			fmt.Fprintf(&b, "  %s %s   in %d of %d, such as %s and %s\n", mark, c.Text, c.Count, r.Pairs, c.Near, c.Far)
		}
	}
	if len(r.Rules) > 0 {
		b.WriteString("\n rules\n")
	}
	for _, f := range r.Rules {
		fmt.Fprintf(&b, "    %s %s  %s (%s)   in %d of %d, such as %s and %s\n", f.Verdict, f.Severity, printed.Text(f.Text), f.Rule, f.Count, r.Pairs, f.Near, f.Far)
	}
	for _, why := range r.Why {
		fmt.Fprintf(&b, "\n why  %s. %s (%s)\n", printed.Text(why.Text), printed.Text(why.Cause), printed.Text(why.ID))
		for line := range strings.Lines(why.Fix) {
			fmt.Fprintf(&b, "      %s\n", printed.Text(strings.TrimRight(line, "\n")))
		}
	}
	if len(r.Unpaired) > 0 {
		b.WriteString("\n only on the near side: the hop answered itself, or sent the request elsewhere\n")
	}
	for _, u := range r.Unpaired {
		fmt.Fprintf(&b, "    %s   %s   %s\n", u.ID, u.Target, u.Status)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
