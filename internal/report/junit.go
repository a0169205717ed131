package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Format{
	Name: "junit", Title: "JUnit XML: a suite an endpoint, a case a rule",
	Open: func(w io.Writer, o Options) Writer {
		return &junitWriter{w: w, Options: o, merge: merge{passes: true}, whys: whys{byPlace: true}, others: map[other]int64{}}
	},
})

// junitWriter writes a case for each fingerprint. A case fails if the rule is a MUST or the failure
// is critical, so an unsafe switch never shows as passed. Other failures and warnings pass, with
// the finding as output. Unclear and accepted findings are skipped. An error is an exchange that
// failed by our own input or output.
type junitWriter struct {
	w io.Writer
	Options
	merge  merge
	about  about
	whys   whys
	others map[other]int64 // exchanges about which no rule says anything
	more   int64           // such exchanges beside those
}

// other is a case that no rule belongs to.
type other struct {
	route, endpoint string
	cause           wire.Cause // why Interlock answered itself; empty: no rule was in play
}

type (
	junitProperties struct {
		XMLName xml.Name        `xml:"properties"`
		All     []junitProperty `xml:"property"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		XMLName xml.Name      `xml:"testcase"`
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitProblem `xml:"failure"`
		Error   *junitProblem `xml:"error"`
		Skipped *junitProblem `xml:"skipped"`
		Out     *junitText    `xml:"system-out"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",cdata"`
	}
	junitText struct {
		Text string `xml:",cdata"`
	}
	junitOut struct { // of a suite
		XMLName xml.Name `xml:"system-out"`
		Text    string   `xml:",cdata"`
	}
)

// Write is part of Writer.
func (j *junitWriter) Write(r *rules.Ruling) error {
	j.merge.add(r)
	j.about.add(r)
	j.whys.add(r)
	is := other{r.X.Route, r.Endpoint, ""}
	switch c := r.X.Cause; {
	case r.X.Outcome == wire.Local && c != wire.CauseScope && c != wire.CauseBlocked && c != wire.CauseLoop:
		is.cause = c
	case len(r.Findings) > 0:
		return nil
	}
	if _, known := j.others[is]; !known && len(j.others) == maxMerged {
		j.more++
		return nil
	}
	j.others[is]++
	return nil
}

// byPlaceAndRule groups sorted findings: a rule at an endpoint is one case, whichever probes and
// clients brought it into play. The one that decides a case comes first: what did not pass and is not
// accepted, before what is.
func byPlaceAndRule(sorted []*merged) (groups [][]*merged) {
	known := map[mergeKey]int{}
	for _, is := range sorted {
		k := mergeKey{is.key.Place(), is.listener}
		i, seen := known[k]
		if !seen {
			i = len(groups)
			known[k], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], is)
	}
	rank := func(is *merged) int {
		switch {
		case is.Verdict >= rules.Pass:
			return 2
		case is.accepted():
			return 1
		}
		return 0
	}
	for _, group := range groups {
		slices.SortStableFunc(group, func(a, b *merged) int { return cmp.Compare(rank(a), rank(b)) })
	}
	return groups
}

// junitOf is a rule at an endpoint as a case.
func junitOf(group []*merged) junitCase {
	is := group[0]
	f := &is.finding
	c := junitCase{Name: is.caseName(), Time: "0.000"}
	if len(is.examples) > 0 {
		c.Time = fmt.Sprintf("%.3f", is.examples[0].X.Took.Seconds())
	}
	detail, text := printed.ASCII(f.Detail), is.explanation()
	if probes := (&cause{findings: slices.DeleteFunc(slices.Clone(group), func(each *merged) bool { return each.Verdict >= rules.Pass })}).probes(); probes != "" {
		text += "\nprobes: " + probes
	}
	switch {
	case is.Verdict >= rules.Pass:
		c.Out = &junitText{is.facts()}
	case is.accepted():
		c.Skipped = &junitProblem{Message: "accepted: " + detail}
		c.Out = &junitText{text}
	case f.Verdict == rules.Unclear:
		c.Skipped = &junitProblem{Message: "unclear: " + detail}
		c.Out = &junitText{is.facts()}
	case is.outcome() == junitFailed:
		c.Failure = &junitProblem{Message: detail, Type: f.Severity.String(), Text: text}
	default:
		c.Out = &junitText{text}
	}
	return c
}

// caseName is the name of the case of a finding.
func (is *merged) caseName() string { return is.rule.ID + ": " + is.rule.Title }

// outcome is how the case of a finding ends.
func (is *merged) outcome() junitOutcome {
	switch f := &is.finding; {
	case is.Verdict >= rules.Pass:
		return junitPassed
	case is.accepted(), f.Verdict == rules.Unclear:
		return junitSkipped
	case f.Verdict == rules.Fail && (f.Rule.Level == rules.Must || f.Severity == rules.Critical):
		return junitFailed
	}
	return junitPassed
}

// facts are a finding in one line.
func (is *merged) facts() string {
	f := &is.finding
	facts := []string{f.Verdict.String(), f.Severity.String(), f.Rule.Level.String(), fault(f), is.exchanges()}
	if f.State != "" {
		facts = append(facts, printed.ASCII(f.State))
	}
	return strings.Join(facts, ", ")
}

// explanation is everything that is to be said about a finding, in plain text.
func (is *merged) explanation() string {
	f, sides := &is.finding, ""
	if all := is.sides(); all != nil {
		sides = "\n" + strings.TrimSuffix(sidesText(all), "\n")
	}
	return fmt.Sprintf("%s\n%s\nmust hold: %s (%s)\nagain: %s\nwhy: %s\nfix: %s\nmore: %s%s",
		printed.ASCII(f.Detail), is.facts(), f.Rule.Title, cited(f.Refs), is.again(), f.Rule.Why, f.Rule.Fix, more(f.Rule), sides)
}

// suite is the suite of the case.
func (o other) suite() string {
	if o.cause == "" {
		return "not applicable"
	}
	return "input and output"
}

func (o other) caseName() string {
	name := placeOf(o.route, o.endpoint)
	if o.cause != "" {
		name = string(o.cause) + " " + name
	}
	return name
}

func (o other) outcome() junitOutcome {
	if o.cause == "" {
		return junitSkipped
	}
	return junitErred
}

// junit is a case that no rule belongs to.
func (o other) junit(n int64) junitCase {
	c := junitCase{Name: o.caseName(), Time: "0.000"}
	if o.cause == "" {
		c.Skipped = &junitProblem{Message: "not applicable: no rule was in play in " + printed.Count(n, "exchange")}
		return c
	}
	c.Error = &junitProblem{Message: "Interlock itself answered: " + string(o.cause), Type: string(o.cause), Text: printed.Count(n, "exchange")}
	return c
}
