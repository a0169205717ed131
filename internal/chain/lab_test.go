package chain

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
)

var update = flag.Bool("update", false, "write the golden file")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick are times for hops on this machine, multiplied. What must come has long to do so.
func quick(factor time.Duration) Times {
	return Times{
		Come: factor * 1200 * time.Millisecond, Not: factor * 250 * time.Millisecond, Hold: factor * 60 * time.Millisecond, Later: factor * 10 * time.Millisecond,
		Empty: factor * 3 * time.Millisecond, Idle: factor * 50 * time.Millisecond,
	}
}

// through sends all probes through a hop of the lab.
func through(t *testing.T, name string, s Settings) (results []Result, report Report, ran error) {
	t.Helper()
	sink, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	hop, err := lab.StartHop(name, sink.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer hop.Close()
	report, err = Run(t.Context(), &Hop{Address: hop.Addr, Host: hop.Addr}, sink, s, Probes(), func(r Result) {
		results = append(results, r)
		checkRuling(t, name, r)
	})
	return results, report, err
}

// TestProbesFindFaults sends all probes through the sound hop and through each with one fault. The
// golden file says which of them fail or warn: none at the sound hop. A hop that a busy machine
// delays looks like another one; so what differs is sent again with more time.
func TestProbesFindFaults(t *testing.T) {
	compareFaults(t, "testdata/hops.golden", lab.Hops(), func(name string, times Times) string { return faultsOf(t, name, times) })
}

// compareFaults compares what probes find at hops with a golden file, and sends with more time what differs.
func compareFaults(t *testing.T, golden string, names []string, faults func(name string, times Times) string) {
	t.Helper()
	want, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	found := make([]string, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			for factor := time.Duration(1); factor <= 16; factor *= 4 {
				found[i] = faults(name, quick(factor))
				if *update || found[i] == sectionOf(string(want), name) {
					break
				}
			}
		})
	}
	all.Wait()
	got := []byte(strings.Join(found, ""))
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		want = got
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the probes find something else than %s says:\n%s", golden, difference(string(want), string(got)))
	}
}

// checkRuling checks that the verdict is that of the ruling of the exchange, that a probe passes by its
// own rule, and that the exchange is judged alike once it was stored.
func checkRuling(t *testing.T, hop string, r Result) {
	t.Helper()
	switch own := r.Ruling.Find(r.Probe.Rule); {
	case r.Ruling.X != r.Near || r.Verdict != r.Ruling.Verdict:
		t.Errorf("%s at %s: %v, and the ruling of its exchange says %v", r.Probe.ID, hop, r.Verdict, r.Ruling.Verdict)
	case r.Verdict == rules.Pass && (own == nil || own.Verdict != rules.Pass):
		t.Errorf("%s at %s passes without a finding of %s", r.Probe.ID, hop, r.Probe.Rule)
	case r.Verdict == rules.NotApplicable && (r.Why == "" || len(r.Ruling.Findings) > 0):
		t.Errorf("%s at %s: not applicable because %q, with %d findings", r.Probe.ID, hop, r.Why, len(r.Ruling.Findings))
	}
	b, err := r.Ruling.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := rules.ReadRuling(b)
	if err != nil {
		t.Fatal(err)
	}
	if want, got := findingsOf(r.Ruling), findingsOf(rules.Classify(rules.Case{X: stored.X})); want != got {
		t.Errorf("%s at %s: found %s, and once it was stored %s\n%s", r.Probe.ID, hop, want, got, r.Near.Transcript())
	}
}

func findingsOf(r *rules.Ruling) (text string) {
	for _, f := range r.Findings {
		text += fmt.Sprintf("%v %v %s; ", f.Verdict, f.Severity, f.Rule.ID)
	}
	return text
}

// faultsOf returns what all probes find at a hop, a line each.
func faultsOf(t *testing.T, name string, times Times) string {
	t.Helper()
	results, report, err := through(t, name, Settings{Times: times})
	if err != nil {
		return fmt.Sprintf("%s: %v\n", name, err)
	}
	found := fmt.Sprintf("%s transport=%t tunnels=%t\n", name, report.Transport, report.Tunnels)
	for _, r := range results {
		if r.Verdict >= rules.Pass {
			continue
		}
		for _, f := range r.Ruling.Findings {
			if f.Verdict < rules.Pass && !byChance(name, r, f) {
				found += fmt.Sprintf("  %v %s %v %s\n", f.Verdict, r.Probe.ID, f.Severity, f.Rule.ID)
			}
		}
	}
	return found
}

// byChance reports whether a finding depends on which of two 101s is first: the hop that invents one
// sends it while that of the sink is under way. The sink waits in the controls only.
func byChance(hop string, r Result, f rules.Finding) bool {
	return hop == "invents-101" && !strings.HasPrefix(r.Probe.ID, "CTRL-WS") && strings.HasSuffix(f.Detail, "it came before that of the server")
}

// sectionOf returns the lines of a golden file about one hop.
func sectionOf(golden, name string) (section string) {
	in := false
	for line := range strings.Lines(golden) {
		if !strings.HasPrefix(line, " ") {
			in = strings.HasPrefix(line, name+" ")
		}
		if in {
			section += line
		}
	}
	return section
}

// difference returns the lines that only one of two texts has, each with the name of its hop.
func difference(want, got string) string {
	named := func(text string) (lines []string) {
		name := ""
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, " ") {
				name, _, _ = strings.Cut(line, " ")
			}
			lines = append(lines, name+": "+line)
		}
		return lines
	}
	var b strings.Builder
	a, z := named(want), named(got)
	for _, each := range []struct {
		sign       string
		one, other []string
	}{{"- ", a, z}, {"+ ", z, a}} {
		for _, line := range each.one {
			if !slices.Contains(each.other, line) {
				b.WriteString(each.sign + line)
			}
		}
	}
	return b.String()
}
