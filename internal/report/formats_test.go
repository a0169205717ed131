package report

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// corpora are the streams of rulings that every format is to stand.
func corpora(t *testing.T) map[string][]*rules.Ruling {
	return map[string][]*rules.Ruling{"none": nil, "live": rulings(t), "probes": probed(t), "hostile": hostile(t)}
}

// TestSARIFHasPlaces holds what the schema of SARIF does not say; that is for test/e2e/formats.
func TestSARIFHasPlaces(t *testing.T) {
	for name, all := range corpora(t) {
		for _, o := range []Options{{}, {Version: "1.2.3", Location: Location{"/etc/inter lock#.yaml", 7}, Routes: map[string]Location{"default": {"conf/a b.yaml", 12}}}} {
			text := render(t, "sarif", o, all)
			var log sarifLog
			decode(t, text, &log)
			for _, r := range log.Runs[0].Results {
				at := r.Locations[0].Physical
				if o.Location.File == "" {
					if at != nil || r.Locations[0].Logical[0].Name == "" {
						t.Errorf("%s: without a file, got %+v", name, r.Locations)
					}
					continue
				}
				if strings.Contains(at.Artifact.URI, ":") || strings.HasPrefix(at.Artifact.URI, "/") || at.Artifact.URI == "" || at.Region.Line < 1 || r.Fingerprints[fingerprintName] == "" {
					t.Errorf("%s: got %+v", name, r)
				}
				if is := log.Runs[0].Tool.Driver.Rules[r.RuleIndex]; is.ID != r.RuleID {
					t.Errorf("%s: rule %s at the place of %s", name, is.ID, r.RuleID)
				}
				if r.Kind != "fail" && r.Level != "none" {
					t.Errorf("%s: kind %s with level %s", name, r.Kind, r.Level)
				}
			}
		}
	}
}

func TestLocations(t *testing.T) {
	for l, want := range map[Location]Location{
		{}:                                      {"", 1},
		{"conf/x.yaml", 3}:                      {"conf/x.yaml", 3},
		{"./x.yaml", -1}:                        {"x.yaml", 1},
		{"../../conf/./x.yaml", 2}:              {"conf/x.yaml", 2},
		{"/etc/interlock/x.yaml", 3}:            {"x.yaml", 3},
		{`C:\conf\x.yaml`, 3}:                   {"x.yaml", 3},
		{"https://example.test/conf/x.yaml", 3}: {"x.yaml", 3},
		{"/", 0}:                                {"", 1},
	} {
		if got := l.relative(); got != want {
			t.Errorf("%+v: got %+v, want %+v", l, got, want)
		}
	}
	o := Options{Location: Location{"a.yaml", 2}, Routes: map[string]Location{"chat": {"b.yaml", 9}}}
	if got := []Location{o.at("chat"), o.at("")}; !slices.Equal(got, []Location{{"b.yaml", 9}, {"a.yaml", 2}}) {
		t.Errorf("got %v", got)
	}
}

// TestJUnitTellsErrorsFromFailures holds which exchanges are what to a test report.
func TestJUnitTellsErrorsFromFailures(t *testing.T) {
	local := func(c wire.Cause) *rules.Ruling {
		x := *rulings(t)[0].X
		x.Response, x.Outcome, x.Cause = nil, wire.Local, c
		return &rules.Ruling{X: &x, Verdict: rules.NotApplicable, Endpoint: "/chat"}
	}
	none := local(wire.CauseDial)
	x := *none.X
	x.Outcome, x.Cause = wire.Ignored, ""
	none.X = &x
	soft := *rulings(t)[1]
	soft.Findings = []rules.Finding{*soft.Find("UPGRADE-POST")}
	should := *soft.Findings[0].Rule
	should.Level, soft.Findings[0].Rule, soft.Findings[0].Severity = rules.Should, &should, rules.High
	for want, r := range map[string]*rules.Ruling{
		`<error message="Interlock itself answered: dial"`:           local(wire.CauseDial),
		`<skipped message="not applicable: `:                         none,
		`<system-out><![CDATA[Server accepted a WebSocket handshake`: &soft,
	} {
		text := render(t, "junit", Options{}, []*rules.Ruling{r})
		if !strings.Contains(text, want) || strings.Contains(text, "<failure") {
			t.Errorf("want %s, got\n%s", want, text)
		}
	}
	if text := render(t, "junit", Options{}, []*rules.Ruling{local(wire.CauseBlocked)}); strings.Contains(text, "<error") {
		t.Errorf("a blocked switch is no error: got\n%s", text)
	}
}

// TestPageStandsAlone lets a parser of HTML look for anything that a page would fetch or run.
func TestPageStandsAlone(t *testing.T) {
	for name, all := range corpora(t) {
		root, err := html.Parse(strings.NewReader(render(t, "html", Options{}, all)))
		if err != nil {
			t.Fatal(err)
		}
		ids, links := map[string]bool{}, []string{}
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			switch n.Data {
			case "script", "link", "img", "iframe", "object", "embed", "base", "form", "audio", "video", "source", "input":
				t.Errorf("%s: there is a %s", name, n.Data)
			case "style":
				if css := n.FirstChild.Data; strings.Contains(css, "url(") || strings.Contains(css, "@import") {
					t.Errorf("%s: the style has a reference", name)
				}
			}
			for _, a := range n.Attr {
				switch {
				case a.Key == "id":
					if ids[a.Val] {
						t.Errorf("%s: two elements are %q", name, a.Val)
					}
					ids[a.Val] = true
				case a.Key == "href":
					links = append(links, a.Val)
				case strings.HasPrefix(a.Key, "on"), a.Key == "src", a.Key == "srcset", a.Key == "style", strings.Contains(a.Val, "javascript:"):
					t.Errorf("%s: %s has %s=%q", name, n.Data, a.Key, a.Val)
				}
			}
		}
		for _, l := range links {
			if !ids[strings.TrimPrefix(l, "#")] {
				t.Errorf("%s: a link leads to %q", name, l)
			}
		}
	}
}

// TestEvidenceIsMarked wants exactly the bytes of the spans between marks.
func TestEvidenceIsMarked(t *testing.T) {
	page := render(t, "html", Options{}, rulings(t)[1:2])
	if got := regexp.MustCompile(`<mark>(.*?)</mark>`).FindAllStringSubmatch(page, -1); len(got) != 1 || got[0][1] != "POST" {
		t.Errorf("got %q", got)
	}
	lines, left := highlight([]byte("ab\r\ncd\x00"), rules.InRequest, []rules.Span{{Part: rules.InRequest, From: 1, To: 5}, {Part: rules.InResponse, From: 0, To: 9}, {Part: rules.InRequest, From: -3, To: 0}})
	want := []line{{{"a", false}, {`b\r\n`, true}}, {{"c", true}, {`d\x00`, false}}}
	if left != 0 || !slices.EqualFunc(lines, want, slices.Equal[line]) {
		t.Errorf("got %v, %d left", lines, left)
	}
	if _, left := highlight(make([]byte, maxHighlighted+5), rules.InRequest, nil); left != 5 {
		t.Errorf("got %d left", left)
	}
}

// TestMatrixHasTheProbes wants a row for each probe, and none without probes.
func TestMatrixHasTheProbes(t *testing.T) {
	var m matrix
	for _, r := range append(probed(t), rulings(t)...) {
		m.add(r)
	}
	columns, rows := m.rows(nil)
	if len(columns) != 3 || len(rows) != 8 || rows[0].worst() != rules.Fail || rows[len(rows)-1].worst() != rules.NotApplicable && rows[len(rows)-1].worst() != rules.Pass {
		t.Errorf("got %v, %+v", columns, rows)
	}
	if strings.Contains(render(t, "html", Options{}, rulings(t)), "Probes ×") {
		t.Error("a matrix without probes")
	}
}

// TestGitLabIsAsPublished holds the report to what GitLab's documentation says of the format.
func TestGitLabIsAsPublished(t *testing.T) {
	for name, all := range corpora(t) {
		var issues []map[string]any
		decode(t, render(t, "gitlab", Options{}, all), &issues)
		seen := map[string]bool{}
		for _, i := range issues {
			location, _ := i["location"].(map[string]any)
			lines, _ := location["lines"].(map[string]any)
			path, _ := location["path"].(string)
			if line, ok := lines["begin"].(float64); !ok || line < 1 || path == "" || strings.HasPrefix(path, "./") || strings.HasPrefix(path, "/") {
				t.Errorf("%s: location %v", name, location)
			}
			if !slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, i["severity"].(string)) {
				t.Errorf("%s: severity %v", name, i["severity"])
			}
			fingerprint := i["fingerprint"].(string)
			if i["description"] == "" || i["check_name"] == "" || fingerprint == "" || seen[fingerprint] {
				t.Errorf("%s: got %v", name, i)
			}
			seen[fingerprint] = true
		}
	}
}
