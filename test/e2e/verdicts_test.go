//go:build e2e

package e2e

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// runs is how many times the same probes are sent to the same server. Each run must give the same
// results.
const runs = 10

// TestARightRefusalIsNoFailureOfItsProbe probes a server that accepts valid handshakes and rejects
// everything else with a 426 without Upgrade and Sec-WebSocket-Version. The 426 is at fault; no
// rule of a probe fails.
func TestARightRefusalIsNoFailureOfItsProbe(t *testing.T) {
	t.Parallel()
	// The server answers other versions with a 400, so the version probe does not see the 426.
	known := func(head string) bool { return valid(head) || strings.Contains(head, "Sec-WebSocket-Version: 99\r\n") }
	url := stub(t, bare426, known, labServer(t, "gorilla"))
	var first map[string]string
	for range runs {
		p := agreed(t, url)
		if accepted, step := p.accepted("websocket"); p.status != 0 || !accepted || step != "" || p.Endpoints[0].Degraded {
			t.Fatalf("got status %d, accepted %t by %q, degraded %t\n%s", p.status, accepted, step, p.Endpoints[0].Degraded, p.stderr)
		}
		var told []string
		for _, r := range p.results() {
			for _, f := range r.Ruling.Findings {
				if f.Rule == "UPGRADE-426-NO-UPGRADE" && f.Verdict == "fail" {
					told = append(told, r.Probe)
				}
			}
			if r.Verdict == "fail" && !slices.Contains([]string{"UPGRADE-426-NO-UPGRADE", "UPGRADE-WS-VER-NOT-ADVERTISED"}, r.Rule) {
				t.Errorf("%s: %s failed: %s", r.Probe, r.Rule, r.Detail)
			}
		}
		if len(told) != 1 {
			t.Errorf("UPGRADE-426-NO-UPGRADE is told of %q, want one probe", told)
		}
		if got := p.of("UPGRADE-POST"); got.Status != 426 || strings.Contains(p.text, "✖ fail UPGRADE-POST") || !strings.Contains(p.text, "✓ pass UPGRADE-POST ") {
			t.Errorf("UPGRADE-POST: got %+v\n%s", got, p.text)
		}
		first = steady(t, first, p)
	}
}

// TestNothingIsKnownWhereEverythingIsRefused probes servers that also reject valid handshakes, with
// responses that break rules themselves. The run does not succeed, and its last line says what to
// try.
func TestNothingIsKnownWhereEverythingIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		runs      int
		url, says string
	}{
		"426 without Upgrade":   {runs, stub(t, bare426, nothing, ""), "the valid handshake got 426; next: it asks for an upgrade and does not say to what"},
		"400 with a version":    {1, stub(t, version13, nothing, ""), "the valid handshake got 400; next: interlock probe http://"},
		"no subprotocol":        {1, "http://" + labServer(t, "subprotocol") + "/chat", "--subprotocol NAME"},
		"a 101 to another":      {1, stub(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2\r\n\r\n", nothing, ""), ""},
		"a subprotocol, by 426": {1, stub(t, bare426, withSubprotocol, labServer(t, "subprotocol")), "the valid handshake got 426; next: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first map[string]string
			for range c.runs {
				p := agreed(t, c.url)
				p.differ(t, "pass", nil)
				want := 3
				if c.says == "" { // every 101 of this server is unsafe
					want = 1
				}
				if accepted, _ := p.accepted("websocket"); accepted || p.status != want || !strings.Contains(p.stderr, c.says) {
					t.Fatalf("got status %d, want %d; accepted %t\n%s", p.status, want, accepted, p.stderr)
				}
				first = steady(t, first, p)
			}
		})
	}
	if p := probe(t, stub(t, bare426, nothing, ""), "--fail-on", "low"); p.status != 1 {
		t.Errorf("got status %d, want 1, as a rule of low severity failed\n%s", p.status, p.stderr)
	}
}

// withSubprotocol accepts valid handshakes that offer a subprotocol.
func withSubprotocol(head string) bool {
	return valid(head) && strings.Contains(head, "\r\nSec-WebSocket-Protocol: ")
}

// steady checks that the results of a run equal those of the first one.
func steady(t *testing.T, first map[string]string, p *probed) map[string]string {
	t.Helper()
	return steadyUnless(t, false, first, p)
}

// steadyUnless is steady, but results of a run on a slow machine may also be unclear.
func steadyUnless(t *testing.T, slow bool, first map[string]string, p *probed) map[string]string {
	t.Helper()
	now := map[string]string{}
	for _, r := range p.results() {
		now[r.Probe] = r.Verdict + " " + r.Rule
		if r.Verdict != "pass" { // the severity of a failure depends on the response, and so on how the kernel cuts segments
			now[r.Probe] += " " + r.Severity
		}
	}
	if first == nil {
		if slow {
			return nil
		}
		return now
	}
	for id, was := range first {
		if now[id] != was && !(slow && strings.HasPrefix(now[id], "unclear ")) {
			t.Errorf("%s: got %s, and before %s", id, now[id], was)
		}
	}
	return first
}

// agreed probes a URL and checks that all reports and the store agree.
func agreed(t *testing.T, url string) *probed {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	p := probe(t, url, "-o", "junit="+at("junit"), "-o", "sarif="+at("sarif"), "--store", at("store.db"))
	failed := map[string]bool{} // by rule and probe
	for _, r := range p.results() {
		worst := finding{}
		for _, f := range r.Ruling.Findings {
			if f.Verdict == "fail" {
				failed[f.Rule+" "+r.Probe] = true
			}
			if f.Verdict == r.Verdict && (worst.Rule == "" || severity(t, f.Severity) > severity(t, worst.Severity)) {
				worst = f
			}
		}
		if r.Verdict == "fail" && (r.Severity != worst.Severity || !slices.ContainsFunc(r.Ruling.Findings, func(f finding) bool {
			return f.Rule == r.Rule && f.Verdict == "fail" && f.Severity == r.Severity && f.Detail == r.Detail
		})) {
			t.Errorf("%s: got %s, %s, %q, want the worst of %+v", r.Probe, r.Rule, r.Severity, r.Detail, r.Ruling.Findings)
		}
		p.own(t, r)
	}
	result := fmt.Sprintf("RESULT fail=%d warn=%d unclear=%d pass=%d na=%d ", p.Summary["fail"], p.Summary["warn"], p.Summary["unclear"],
		p.Summary["pass"], p.Summary["not-applicable"])
	for name, text := range map[string]string{"text": p.text, "JUnit": content(t, dir, "junit"), "SARIF": content(t, dir, "sarif")} {
		if !strings.Contains(text, result) {
			t.Errorf("%s does not say %s", name, result)
		}
	}
	if got := p.count("fail"); got != p.Summary["fail"] {
		t.Errorf("%d results failed, and the summary says %d", got, p.Summary["fail"])
	}
	sameFailures(t, "SARIF", inSARIF(t, content(t, dir, "sarif")), failed)
	failedRules := map[string]bool{}
	for key := range failed {
		rule, _, _ := strings.Cut(key, " ")
		failedRules[rule] = true
	}
	for rule := range inJUnit(t, content(t, dir, "junit")) {
		if !failedRules[rule] {
			t.Errorf("JUnit says that %s failed", rule)
		}
	}
	p.stored(t, at("store.db"))
	return p
}

// own checks that the line of a probe begins with the verdict of the rule that the probe tests.
func (p *probed) own(t *testing.T, r answered) {
	q := rules.FindProbe(r.Probe)
	i := slices.IndexFunc(r.Ruling.Findings, func(f finding) bool { return f.Rule == q.Rule().ID })
	line := regexp.MustCompile(`(?m)^   \S+ (\S+) +` + regexp.QuoteMeta(r.Probe) + ` .*`).FindStringSubmatch(p.text)
	switch {
	case r.Verdict == "not-sent" || r.Probe == "CTRL-PLAIN":
	case line == nil:
		t.Errorf("%s has no line", r.Probe)
	case i < 0 && line[1] != "n/a", i >= 0 && line[1] != "info" && line[1] != r.Ruling.Findings[i].Verdict && (line[1] != "n/a" || r.Ruling.Controls != "refused"):
		t.Errorf("%s: the line says %q, the findings are %+v", r.Probe, line[0], r.Ruling.Findings)
	case r.Verdict == "fail" && !strings.Contains(line[0], "✖ fail"):
		t.Errorf("%s: the line does not say that something failed: %q", r.Probe, line[0])
	}
}

func (p *probed) count(verdict string) (n int) {
	for _, r := range p.results() {
		if r.Verdict == verdict {
			n++
		}
	}
	return n
}

// stored checks that the results in the store equal those in the document.
func (p *probed) stored(t *testing.T, name string) {
	t.Helper()
	s, err := store.Open(t.Context(), name, store.Options{Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	run, err := s.FindRun(t.Context(), "last")
	if err != nil {
		t.Fatal(err)
	}
	results, err := s.Results(t.Context(), run.ID)
	if err != nil || len(results) != len(p.results()) {
		t.Errorf("got %d stored results, %v, want %d", len(results), err, len(p.results()))
	}
	for _, r := range results {
		if is := p.of(r.Probe); is.Verdict != r.Verdict || is.Rule != r.Rule || is.Severity != r.Severity || is.Detail != r.Detail || is.Status != r.Status {
			t.Errorf("%s: stored is %+v, in the document %+v", r.Probe, r, is)
		}
	}
	for name, n := range map[string]int64{"fail": run.Summary["fail"], "warn": run.Summary["warn"], "pass": run.Summary["pass"]} {
		if n != int64(p.Summary[name]) {
			t.Errorf("stored is %s=%d, in the document %d", name, n, p.Summary[name])
		}
	}
}

func sameFailures(t *testing.T, name string, got, want map[string]bool) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", name, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// inSARIF returns the rules and probes that failed.
func inSARIF(t *testing.T, report string) map[string]bool {
	t.Helper()
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID     string
				Properties struct{ Verdict, Probe string }
			}
		}
	}
	if err := json.Unmarshal([]byte(report), &log); err != nil {
		t.Fatal(err)
	}
	failed := map[string]bool{}
	for _, r := range log.Runs[0].Results {
		if r.Properties.Verdict == "fail" {
			failed[r.RuleID+" "+r.Properties.Probe] = true
		}
	}
	return failed
}

// inJUnit returns the rules that failed.
func inJUnit(t *testing.T, report string) map[string]bool {
	t.Helper()
	var all struct {
		Suites []struct {
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(report), &all); err != nil {
		t.Fatal(err)
	}
	failed := map[string]bool{}
	for _, suite := range all.Suites {
		for _, c := range suite.Cases {
			if c.Failure == nil {
				continue
			}
			rule, _, _ := strings.Cut(c.Name, ":")
			failed[strings.Fields(rule)[0]] = true
		}
	}
	return failed
}

func severity(t *testing.T, name string) rules.Severity {
	t.Helper()
	s, err := rules.ParseSeverity(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
