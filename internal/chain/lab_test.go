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

// quick are times for hops on this machine. What must come has long to do so.
func quick() Times {
	return Times{
		Come: 1200 * time.Millisecond, Not: 250 * time.Millisecond, Hold: 60 * time.Millisecond, Later: 10 * time.Millisecond,
		Empty: 3 * time.Millisecond, Idle: 50 * time.Millisecond,
	}
}

// through sends all probes through a hop of the lab.
func through(t *testing.T, name string, s Settings) (results []Result, report Report) {
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
	report, err = Run(t.Context(), &Hop{Address: hop.Addr, Host: hop.Addr}, sink, s, Probes(), func(r Result) { results = append(results, r) })
	if err != nil {
		t.Fatal(err)
	}
	return results, report
}

// TestProbesFindFaults sends all probes through the sound hop and through each with one fault. The
// golden file says which of them fail or warn: none at the sound hop.
func TestProbesFindFaults(t *testing.T) {
	const golden = "testdata/hops.golden"
	names := lab.Hops()
	found := make([]string, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			results, report := through(t, name, Settings{Times: quick()})
			found[i] = fmt.Sprintf("%s transport=%t tunnels=%t\n", name, report.Transport, report.Tunnels)
			for _, r := range results {
				if r.Verdict >= rules.Pass {
					continue
				}
				for _, m := range r.Marks {
					found[i] += fmt.Sprintf("  %v %s %v %s %s\n", r.Verdict, r.Probe.ID, m.Severity, m.Rule, m.Code)
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
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the probes find something else than %s says:\n%s", golden, difference(string(want), string(got)))
	}
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
