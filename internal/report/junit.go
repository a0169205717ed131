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
	junitSuites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Suites   []*junitSuite
	}
	junitSuite struct {
		XMLName    xml.Name `xml:"testsuite"`
		Name       string   `xml:"name,attr"`
		Tests      int      `xml:"tests,attr"`
		Failures   int      `xml:"failures,attr"`
		Errors     int      `xml:"errors,attr"`
		Skipped    int      `xml:"skipped,attr"`
		Properties *junitProperties
		Cases      []junitCase
		Out        *junitText `xml:"system-out"`
	}
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

// Close is part of Writer.
func (j *junitWriter) Close(s *Summary) error {
	suites := map[string]*junitSuite{}
	add := func(section string, c junitCase) {
		if suites[section] == nil {
			suites[section] = &junitSuite{Name: section}
		}
		c.Class = section
		suites[section].add(c)
	}
	whys := j.whys.places()
	for _, group := range byPlaceAndRule(j.merge.sorted()) {
		c := junitOf(group)
		c.explain(whys[endpoint{group[0].key.Route, group[0].key.Endpoint}], group[0].rule.ID)
		add(group[0].place(), c)
	}
	for is, n := range j.others {
		section, c := is.junit(n)
		c.explain(whys[endpoint{is.route, is.endpoint}], "")
		add(section, c)
	}
	all := junitSuites{Name: "interlock"}
	for _, suite := range suites {
		slices.SortStableFunc(suite.Cases, func(a, b junitCase) int { return strings.Compare(a.Name, b.Name) })
		all.Suites = append(all.Suites, suite)
	}
	slices.SortFunc(all.Suites, func(a, b *junitSuite) int { return cmp.Compare(a.Name, b.Name) })
	all.Suites = append(all.Suites, j.result(s))
	for _, suite := range all.Suites {
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Errors += suite.Errors
		all.Skipped += suite.Skipped
	}
	b, err := xml.MarshalIndent(all, "", " ")
	if err == nil {
		_, err = fmt.Fprintf(j.w, "%s%s\n", xml.Header, b)
	}
	return err
}

// result is a suite without cases: the counts of exchanges, and the parts that were not audited.
func (j *junitWriter) result(s *Summary) *junitSuite {
	suite := &junitSuite{Name: "result", Properties: &junitProperties{}}
	for _, c := range counts(s) {
		suite.Properties.All = append(suite.Properties.All, junitProperty{c.Name, fmt.Sprint(c.Count)})
	}
	for _, f := range j.about.facts(&j.Options, s) {
		suite.Properties.All = append(suite.Properties.All, junitProperty(f))
	}
	lines := append([]string{answer(s, part(j.merge.sorted()).failures), s.Result()}, s.notes()...)
	if j.merge.more+j.merge.passed+j.more > 0 {
		lines = append(lines, fmt.Sprintf("... and %s more, %s that passed, and %s without a rule", printed.Count(j.merge.more, "finding"),
			printed.Count(j.merge.passed, "finding"), printed.Count(j.more, "exchange")))
	}
	suite.Out = &junitText{strings.Join(lines, "\n")}
	return suite
}

func (suite *junitSuite) add(c junitCase) {
	suite.Cases = append(suite.Cases, c)
	suite.Tests++
	switch {
	case c.Failure != nil:
		suite.Failures++
	case c.Error != nil:
		suite.Errors++
	case c.Skipped != nil:
		suite.Skipped++
	}
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
	c := junitCase{Name: is.rule.ID + ": " + is.rule.Title, Time: "0.000"}
	if len(is.examples) > 0 {
		c.Time = fmt.Sprintf("%.3f", is.examples[0].X.Took.Seconds())
	}
	detail, text := printed.ASCII(f.Detail), is.explanation()
	if probes := (&cause{findings: slices.DeleteFunc(slices.Clone(group), func(each *merged) bool { return each.Verdict >= rules.Pass })}).probes(); probes != "" {
		text += "\nprobes: " + probes
	}
	switch must := f.Rule.Level == rules.Must || f.Severity == rules.Critical; {
	case is.Verdict >= rules.Pass:
		c.Out = &junitText{is.facts()}
	case is.accepted():
		c.Skipped = &junitProblem{Message: "accepted: " + detail}
		c.Out = &junitText{text}
	case f.Verdict == rules.Unclear:
		c.Skipped = &junitProblem{Message: "unclear: " + detail}
		c.Out = &junitText{is.facts()}
	case f.Verdict == rules.Fail && must:
		c.Failure = &junitProblem{Message: detail, Type: f.Severity.String(), Text: text}
	default:
		c.Out = &junitText{text}
	}
	return c
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

// junit is a case that no rule belongs to, and the suite that it is in.
func (o other) junit(n int64) (section string, c junitCase) {
	c = junitCase{Name: placeOf(o.route, o.endpoint), Time: "0.000"}
	if o.cause == "" {
		c.Skipped = &junitProblem{Message: "not applicable: no rule was in play in " + printed.Count(n, "exchange")}
		return "not applicable", c
	}
	c.Name = string(o.cause) + " " + c.Name
	c.Error = &junitProblem{Message: "Interlock itself answered: " + string(o.cause), Type: string(o.cause), Text: printed.Count(n, "exchange")}
	return "input and output", c
}
