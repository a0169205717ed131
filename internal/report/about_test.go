package report

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestReportsSayWhatTheyAreAbout: target, command, version, backend, host, time and scope, and an answer in a sentence.
func TestReportsSayWhatTheyAreAbout(t *testing.T) {
	o := Options{Version: "1.2.3", Command: "interlock audit a.pcap", Target: "a.pcap"}
	all := rulings(t)
	for _, r := range all {
		x := *r.X
		x.Time = time.Date(2026, 11, 20, 9, 14, 5, 0, time.UTC)
		r.X = &x
	}
	for _, format := range []string{"html", "markdown", "junit", "sarif"} {
		text := render(t, format, o, all)
		for _, want := range []string{"1.2.3", "interlock audit a.pcap", "192.0.2.9:8080", "staging.test", "2026-11-20", "Not safe: ", "HTTP/2 and HTTP/3, endpoints that no request went to"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %.3000s", format, want, text)
			}
		}
	}
}

// recorded are rulings on the same request at two listeners of a recording.
func recorded(t *testing.T) (all []*rules.Ruling) {
	t.Helper()
	for _, r := range rulings(t) {
		for _, listener := range []string{"192.0.2.1:80", "192.0.2.2:80"} {
			x := *r.X
			x.Origin, x.Backend = wire.OriginFile, listener
			again := *r
			again.X = &x
			all = append(all, &again)
		}
	}
	return all
}

// TestListenersAreRowsOfTheirOwn: what one server does is not counted with what another one does, and no two rows have the same
// fingerprint.
func TestListenersAreRowsOfTheirOwn(t *testing.T) {
	var once, twice merge
	for _, r := range rulings(t) {
		once.add(r)
	}
	for _, r := range recorded(t) {
		twice.add(r)
	}
	seen := map[string]bool{}
	for _, is := range twice.sorted() {
		if !strings.HasPrefix(is.place(), "192.0.2.") || seen[is.fingerprint] {
			t.Errorf("got %q with %s", is.place(), is.fingerprint)
		}
		seen[is.fingerprint] = true
	}
	if got, want := len(seen), 2*len(once.sorted()); got != want || want == 0 {
		t.Errorf("got %d rows, want %d", got, want)
	}
	for _, is := range once.sorted() {
		if !seen[is.fingerprint] || strings.Contains(is.place(), "192.0.2.") {
			t.Errorf("with one listener, got %q with %s", is.place(), is.fingerprint)
		}
	}
}

// TestJUnitHasACaseForEachRuleAtAnEndpoint that was in play, and a suite for each endpoint.
func TestJUnitHasACaseForEachRuleAtAnEndpoint(t *testing.T) {
	all := probed(t)
	want := map[string]bool{}
	for _, r := range all {
		for i := range r.Findings {
			if f := &r.Findings[i]; f.Verdict != rules.NotApplicable {
				want[placeOf(r.X.Route, r.Endpoint)+" "+f.Rule.ID] = f.Verdict == rules.Fail && f.State != rules.StateAccepted || want[placeOf(r.X.Route, r.Endpoint)+" "+f.Rule.ID]
			}
		}
	}
	var read struct {
		Suites []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(render(t, "junit", Options{}, all)), &read); err != nil {
		t.Fatal(err)
	}
	for _, suite := range read.Suites {
		for _, c := range suite.Cases {
			id, _, ok := strings.Cut(c.Name, ": ")
			key := suite.Name + " " + id
			fails, known := want[key]
			if !ok {
				continue // no rule belongs to it
			}
			if !known || c.Failure != nil && !fails {
				t.Errorf("%s: %s is a case, failure %v", suite.Name, c.Name, c.Failure != nil)
			}
			delete(want, key)
		}
	}
	for key := range want {
		t.Errorf("no case for %s", key)
	}
}

// TestARunThatDidNotFinishIsNoPass checks that reports do not call safe what was not tried.
func TestARunThatDidNotFinishIsNoPass(t *testing.T) {
	s := &Summary{Cut: "http://a/: stopped by a signal"}
	s.Verdicts[rules.Pass] = 3
	if got := overall(s); got != rules.Unclear {
		t.Errorf("got %v, want unclear", got)
	}
	if got, want := answer(s, nil), "Could not tell, as the run did not finish: http://a/: stopped by a signal."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.Verdicts[rules.Fail] = 1
	if got := overall(s); got != rules.Fail {
		t.Errorf("got %v, want fail", got)
	}
	if got := new(about).untested(s); !strings.Contains(got, "not finished: "+s.Cut) {
		t.Errorf("got %q", got)
	}
}
