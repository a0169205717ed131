//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// few is how many times a slow server is probed. Each run must give the same results.
const few = 3

// endings returns the probes that crash a program on Node's ws without an error listener, and the
// probes without Upgrade that make node/dying-server.mjs exit.
func endings() []string {
	return []string{
		"UPGRADE-BODY-CHUNKED", "UPGRADE-MISSING-UPGRADE", "UPGRADE-SEQ-EXTRA-CRLF", "UPGRADE-SEQ-GARBAGE",
		"UPGRADE-SEQ-HTTP-IN-TUNNEL", "UPGRADE-SEQ-PIPELINE", "UPGRADE-SEQ-UNMASKED", "UPGRADE-UNDERSCORE-UPGRADE",
	}
}

// crashes returns the probes that fail UPGRADE-CRASH.
func (p *probed) crashes() (all []string) {
	for _, r := range p.results() {
		if slices.ContainsFunc(p.found(r.Probe, "fail"), func(f finding) bool { return f.Rule == "UPGRADE-CRASH" && f.Severity == "high" }) {
			all = append(all, r.Probe)
		}
	}
	return all
}

// TestEachCrashIsBlamedOnItsProbe probes a program that some probes crash and that a supervisor
// restarts. In each run exactly those probes fail. Probes that a busy machine delays see no crash
// where the program is back before they look, or see it gone where it comes back late; so after a
// wrong result on such a machine there is another run.
func TestEachCrashIsBlamedOnItsProbe(t *testing.T) {
	t.Parallel()
	d := dyingServer(t, true, 0)
	m := newMetronome(t)
	var before map[string]string
	deadline := time.Now().Add(patience)
	for right := 0; right < few; {
		m.slow()
		p := probe(t, "http://"+d.addr+"/", "--only", "UPGRADE-METHOD-*,UPGRADE-HOST-*,"+strings.Join(endings(), ","))
		wrong, slow := p.blamesOthers(), m.slow()
		late := time.Duration(d.slowest.Swap(0)) > 3*time.Second // the probes wait 5 s
		switch {
		case wrong == "":
			right++
			before = steadyUnless(t, slow, before, p)
		case (slow || late) && time.Now().Before(deadline):
			t.Logf("on a slow machine: %s", wrong)
		default:
			t.Fatal(wrong)
		}
	}
}

// blamesOthers says what is wrong with a run in which exactly the endings crash the program.
func (p *probed) blamesOthers() (wrong string) {
	e := &p.Endpoints[0]
	var culprits []string
	back := true
	for _, c := range e.Crashes {
		culprits = append(culprits, c.Culprit)
		back = back && c.Back
	}
	slices.Sort(culprits)
	if got := p.crashes(); !slices.Equal(got, endings()) || !slices.Equal(culprits, endings()) || !back || e.Gone != "" || e.Degraded || len(p.with("not-sent")) > 0 || p.status != 1 {
		return fmt.Sprintf("got UPGRADE-CRASH at %q, want %q; status %d, %+v, gone %q, degraded %t\n%s", got, endings(), p.status, e.Crashes, e.Gone, e.Degraded, p.stderr)
	}
	return ""
}

// TestACrashForGood probes the same program without a supervisor: the run stops at the crash and
// reports it.
func TestACrashForGood(t *testing.T) {
	t.Parallel()
	p := probe(t, "http://"+dyingServer(t, false, 0).addr+"/", "--skip", "UPGRADE-MISSING-UPGRADE,UPGRADE-UNDERSCORE-UPGRADE")
	e := p.Endpoints[0]
	if last := "UPGRADE-BODY-CHUNKED"; e.Gone != last || len(e.Crashes) != 1 || e.Crashes[0].Culprit != last || e.Crashes[0].Back || p.status != 1 {
		t.Errorf("got status %d, gone %q, %+v", p.status, e.Gone, e.Crashes)
	}
	if got := p.crashes(); !slices.Equal(got, []string{"UPGRADE-BODY-CHUNKED"}) {
		t.Errorf("got UPGRADE-CRASH at %q", got)
	}
	result := p.text[strings.LastIndex(p.text, "RESULT "):]
	if !strings.Contains(result, " backend=gone\n") || !strings.Contains(p.stderr, "backend=gone: the backend is gone since UPGRADE-BODY-CHUNKED") {
		t.Errorf("the output does not say that the backend is gone: %s%s", result, p.stderr)
	}
}

// TestACrashAmongSeveral has the program crash for good while three other probes wait for an answer.
// The report lists the four as suspects, the exit status is 3, and the output has a command that
// tries them one at a time. That command finds the culprit.
func TestACrashAmongSeveral(t *testing.T) {
	t.Parallel()
	suspects := "UPGRADE-METHOD-DELETE,UPGRADE-METHOD-PATCH,UPGRADE-METHOD-PUT,UPGRADE-MISSING-UPGRADE"
	p := probe(t, "http://"+dyingServer(t, false, 3).addr+"/", "--only", suspects, "--concurrency", "4")
	e := p.Endpoints[0]
	if len(e.Crashes) != 1 || e.Crashes[0].Back || e.Crashes[0].Culprit != "" || len(p.crashes()) > 0 {
		t.Fatalf("got %+v, UPGRADE-CRASH at %q", e.Crashes, p.crashes())
	}
	candidates := e.Crashes[0].Candidates
	apart := " --only " + strings.Join(candidates, ",") + " --concurrency 1"
	if p.status != 3 || !strings.Contains(p.stderr, "backend=gone: ") || !strings.Contains(p.stderr, apart) || !strings.Contains(p.text, apart) {
		t.Errorf("got status %d, want 3 and %q\n%s", p.status, apart, p.stderr)
	}
	if slices.Sort(candidates); strings.Join(candidates, ",") != suspects {
		t.Errorf("got the suspects %q, want %s", candidates, suspects)
	}
	p = probe(t, "http://"+dyingServer(t, false, 0).addr+"/", "--only", suspects, "--concurrency", "1")
	if e := p.Endpoints[0]; p.status != 1 || len(e.Crashes) != 1 || e.Crashes[0].Culprit != "UPGRADE-MISSING-UPGRADE" {
		t.Errorf("one at a time: got status %d, %+v\n%s", p.status, e.Crashes, p.stderr)
	}
}
