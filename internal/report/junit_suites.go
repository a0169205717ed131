package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// junitOutcome is how a case ends.
type junitOutcome int

const (
	junitPassed junitOutcome = iota
	junitFailed
	junitErred
	junitSkipped
)

// A junitEntry is a case before it is written: a group of findings, or exchanges without a rule.
type junitEntry struct {
	suite, name string
	outcome     junitOutcome
	group       []*merged
	other       other
}

// entries are all cases in the order in which they are written.
func (j *junitWriter) entries() []junitEntry {
	var all []junitEntry
	for _, group := range byPlaceAndRule(j.merge.sorted()) {
		is := group[0]
		all = append(all, junitEntry{suite: is.place(), name: is.caseName(), outcome: is.outcome(), group: group})
	}
	for o := range j.others {
		all = append(all, junitEntry{suite: o.suite(), name: o.caseName(), outcome: o.outcome(), other: o})
	}
	slices.SortStableFunc(all, func(a, b junitEntry) int {
		return cmp.Or(strings.Compare(a.suite, b.suite), strings.Compare(a.name, b.name))
	})
	return all
}

// junitCounts are the counts of cases by how they end.
type junitCounts struct{ tests, failures, errors, skipped int }

func countOf(entries []junitEntry) (c junitCounts) {
	c.tests = len(entries)
	for i := range entries {
		switch entries[i].outcome {
		case junitFailed:
			c.failures++
		case junitErred:
			c.errors++
		case junitSkipped:
			c.skipped++
		case junitPassed:
		}
	}
	return c
}

// element begins an element that has counts.
func (c junitCounts) element(tag, name string) xml.StartElement {
	e := xml.StartElement{Name: xml.Name{Local: tag}, Attr: []xml.Attr{{Name: xml.Name{Local: "name"}, Value: name}}}
	for _, count := range []struct {
		name string
		n    int
	}{{"tests", c.tests}, {"failures", c.failures}, {"errors", c.errors}, {"skipped", c.skipped}} {
		e.Attr = append(e.Attr, xml.Attr{Name: xml.Name{Local: count.name}, Value: strconv.Itoa(count.n)})
	}
	return e
}

// Close is part of Writer. It encodes one case at a time: the counts before them need only how each
// ends.
func (j *junitWriter) Close(s *Summary) error {
	if _, err := io.WriteString(j.w, xml.Header); err != nil {
		return err
	}
	w := xmlWriter{Encoder: xml.NewEncoder(j.w)}
	w.Indent("", " ")
	entries, whys := j.entries(), j.whys.places()
	suites := countOf(entries).element("testsuites", "interlock")
	w.begin(suites)
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && entries[n].suite == entries[0].suite {
			n++
		}
		suite := countOf(entries[:n]).element("testsuite", entries[0].suite)
		w.begin(suite)
		for i := range entries[:n] {
			w.element(j.testCase(&entries[i], whys))
		}
		w.end(suite)
		entries = entries[n:]
	}
	j.result(&w, s)
	w.end(suites)
	if w.err == nil {
		w.err = w.Flush()
	}
	if w.err != nil {
		return w.err
	}
	_, err := io.WriteString(j.w, "\n")
	return err
}

// testCase returns the case of an entry.
func (j *junitWriter) testCase(e *junitEntry, whys map[endpoint][]*why) junitCase {
	var c junitCase
	if len(e.group) > 0 {
		is := e.group[0]
		c = junitOf(e.group)
		c.explain(whys[endpoint{is.key.Route, is.key.Endpoint}], is.rule.ID)
	} else {
		c = e.other.junit(j.others[e.other])
		c.explain(whys[endpoint{e.other.route, e.other.endpoint}], "")
	}
	c.Class = e.suite
	return c
}

// result writes a suite without cases: the counts of exchanges, and the parts that were not audited.
func (j *junitWriter) result(w *xmlWriter, s *Summary) {
	var properties junitProperties
	for _, c := range counts(s) {
		properties.All = append(properties.All, junitProperty{c.Name, fmt.Sprint(c.Count)})
	}
	for _, f := range j.about.facts(&j.Options, s) {
		properties.All = append(properties.All, junitProperty(f))
	}
	lines := append([]string{answer(s, part(j.merge.sorted()).failures), s.Result()}, s.notes()...)
	if j.merge.more+j.merge.passed+j.more > 0 {
		lines = append(lines, fmt.Sprintf("... and %s more, %s that passed, and %s without a rule", printed.Count(j.merge.more, "finding"),
			printed.Count(j.merge.passed, "finding"), printed.Count(j.more, "exchange")))
	}
	suite := junitCounts{}.element("testsuite", "result")
	w.begin(suite)
	w.element(properties)
	w.element(junitOut{Text: strings.Join(lines, "\n")})
	w.end(suite)
}

// xmlWriter writes elements and keeps the first error.
type xmlWriter struct {
	*xml.Encoder
	err error
}

func (w *xmlWriter) begin(e xml.StartElement) {
	if w.err == nil {
		w.err = w.EncodeToken(e)
	}
}

func (w *xmlWriter) end(e xml.StartElement) {
	if w.err == nil {
		w.err = w.EncodeToken(e.End())
	}
}

func (w *xmlWriter) element(v any) {
	if w.err == nil {
		w.err = w.Encode(v)
	}
}
