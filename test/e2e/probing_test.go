//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// probed is the outcome of an interlock probe command.
type probed struct {
	result
	text string // the text report
	took time.Duration

	Summary   map[string]int
	Endpoints []struct {
		Degraded bool
		Suspects []string
		Gone     string
		Crashes  []struct {
			Culprit    string
			Candidates []string
			Back       bool
		}
		Controls []struct {
			Probe, Protocol, Step string
			Status                int
			Accepted, Single      bool
		}
		Results []answered
	}
}

// answered is the result of one probe.
type answered struct {
	Probe, Rule, Expected, Outcome, Verdict, Severity, Detail, Reason, Fault string
	Status                                                                   int
	Ruling                                                                   struct {
		Controls string
		Findings []finding
	}
}

type finding struct{ Rule, Verdict, Severity, Detail string }

// probe runs interlock probe against a URL and waits for it to end.
func probe(t testing.TB, url string, flags ...string) *probed {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"probe", url, "--verbose", "-o", "json=" + filepath.Join(dir, "json"), "-o", "text=" + filepath.Join(dir, "text")}, flags...)
	began := time.Now()
	p := &probed{result: run(t, "interlock", args...)}
	p.took = time.Since(began)
	for name, take := range map[string]func([]byte) error{
		"json": func(b []byte) error { return json.Unmarshal(b, p) },
		"text": func(b []byte) error { p.text = string(b); return nil },
	} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = take(b)
		}
		if err != nil {
			t.Fatalf("%s report: %v\n%s", name, err, p.stderr)
		}
	}
	if len(p.Endpoints) != 1 {
		t.Fatalf("got %d endpoints, want 1\n%s", len(p.Endpoints), p.stderr)
	}
	t.Logf("%d probes in %v, status %d: %v", len(p.results()), p.took.Round(time.Millisecond), p.status, p.Summary)
	return p
}

func (p *probed) results() []answered { return p.Endpoints[0].Results }

// accepted reports whether the control of a protocol was accepted, and which step of the control it
// was.
func (p *probed) accepted(protocol string) (accepted bool, step string) {
	for _, k := range p.Endpoints[0].Controls {
		if k.Protocol == protocol {
			return k.Accepted, k.Step
		}
	}
	return false, ""
}

// with returns the sorted IDs of the probes with a verdict. Warnings of severity info are left out.
func (p *probed) with(verdict string) []string {
	var ids []string
	for _, r := range p.results() {
		if r.Verdict == verdict && (verdict != "warn" || r.Severity != "info") {
			ids = append(ids, r.Probe)
		}
	}
	return slices.Sorted(slices.Values(ids))
}

// found returns the findings of one probe with a verdict.
func (p *probed) found(id, verdict string) (all []finding) {
	for _, r := range p.results() {
		for _, f := range r.Ruling.Findings {
			if r.Probe == id && f.Verdict == verdict {
				all = append(all, f)
			}
		}
	}
	return all
}

// differ checks that exactly the probes in want have the verdict.
func (p *probed) differ(t testing.TB, verdict string, want []string) {
	t.Helper()
	got := p.with(verdict)
	for _, id := range got {
		if !slices.Contains(want, id) {
			r := p.of(id)
			t.Errorf("%s: got %s: %s %d, %s %s", id, verdict, r.Outcome, r.Status, r.Severity, r.Detail)
		}
	}
	for _, id := range want {
		if !slices.Contains(got, id) {
			r := p.of(id)
			t.Errorf("%s: want %s, got %s: %s %d, %s", id, verdict, r.Verdict, r.Outcome, r.Status, r.Detail)
		}
	}
}

// of returns the result of a probe.
func (p *probed) of(id string) answered {
	i := slices.IndexFunc(p.results(), func(r answered) bool { return r.Probe == id })
	if i < 0 {
		return answered{Verdict: "not there"}
	}
	return p.results()[i]
}
