//go:build e2e && world

package e2e

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/rules"
)

var writeTable = flag.Bool("table", false, "write the table of real proxies")

// hopsTable has what each proxy does wrong, with a reason for each kind of fault, by code names: not
// all of the faults are public.
const hopsTable = "chain/expected.txt"

// TestWorldProxies sends all probes through each proxy twice, and compares what they find with the
// table. A line of the table that begins with ? may be missing: it depends on a race in the proxy.
func TestWorldProxies(t *testing.T) {
	table, err := os.ReadFile(hopsTable)
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(table), "\nhop ")
	reasons, all := sections[0], middles()
	found := make(chan string, len(all))
	t.Run("all", func(t *testing.T) {
		for name, m := range all {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				sink, err := chain.Listen("127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer sink.Close()
				hop := m.start(t, sink.Addr)
				first, second := m.faults(t, hop, sink), m.faults(t, hop, sink)
				found <- union(name, first, second)
				if *writeTable {
					return
				}
				for i, got := range [][]string{first, second} {
					if wrong := differing(name, string(table), got); wrong != "" {
						t.Errorf("run %d differs from %s:\n%s", i+1, hopsTable, wrong)
					}
				}
				for _, each := range slices.Concat(first, second) {
					if kind := kindOf(each); !strings.Contains(reasons, "\n"+kind+"\n") {
						t.Errorf("%s has no reason for %s", hopsTable, kind)
					}
				}
			})
		}
	})
	close(found)
	if *writeTable {
		write(t, sections, found)
	}
}

// write replaces the sections of the proxies that were probed.
func write(t *testing.T, sections []string, found <-chan string) {
	t.Helper()
	reasons, sections := sections[0], slices.Clone(sections[1:])
	for each := range found {
		name, _, _ := strings.Cut(each, "\n")
		sections = slices.DeleteFunc(sections, func(s string) bool { return strings.HasPrefix(s, name+"\n") })
		sections = append(sections, each)
	}
	slices.Sort(sections)
	if err := os.WriteFile(hopsTable, []byte(strings.Join(slices.Insert(sections, 0, reasons), "\nhop ")), 0o644); err != nil {
		t.Error(err)
	}
}

// faults sends all probes through a hop and returns a line for each fault, sorted.
func (m middle) faults(t *testing.T, hop *chain.Hop, sink *chain.Sink) (lines []string) {
	t.Helper()
	began := time.Now()
	report, err := chain.Run(t.Context(), hop, sink, chain.Settings{}, chain.Probes(), func(r chain.Result) {
		for _, f := range r.Ruling.Findings {
			if f.Verdict < rules.Pass {
				lines = append(lines, fmt.Sprintf("%v %s %v %s", f.Verdict, r.Probe.ID, f.Severity, f.Rule.ID))
			}
		}
		if r.Verdict == rules.NotApplicable {
			lines = append(lines, fmt.Sprintf("n/a %s: %s", r.Probe.ID, r.Why))
		}
	})
	if err != nil || report.Transport {
		t.Errorf("%v, transport %v", err, report.Transport)
	}
	t.Logf("a run of %.0f s", time.Since(began).Seconds())
	slices.Sort(lines)
	return slices.Compact(lines)
}

// kindOf is the rule that a fault breaks, or why a probe says nothing.
func kindOf(line string) string {
	if why, ok := strings.CutPrefix(line, "n/a "); ok {
		_, why, _ = strings.Cut(why, ": ")
		return "n/a " + why
	}
	return strings.Fields(line)[3]
}

// union is the section of a proxy: what both runs have, and after a ? what one has.
func union(name string, first, second []string) string {
	section := name + "\n"
	both := slices.Concat(first, second)
	slices.Sort(both)
	for _, line := range slices.Compact(both) {
		if slices.Contains(first, line) && slices.Contains(second, line) {
			section += "  " + line + "\n"
		} else {
			section += "? " + line + "\n"
		}
	}
	return section
}

// differing returns the lines of the table that a run lacks, and those that the table lacks.
func differing(name, table string, got []string) string {
	_, section, known := strings.Cut(table+"\nhop ", "\nhop "+name+"\n")
	if !known {
		return "the table has no such proxy"
	}
	section, _, _ = strings.Cut(section, "\nhop ")
	var b strings.Builder
	for line := range strings.Lines(section) {
		if fault, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "  "); ok && !slices.Contains(got, fault) {
			b.WriteString("- " + fault + "\n")
		}
	}
	for _, fault := range got {
		if !strings.Contains("\n"+section, "\n  "+fault+"\n") && !strings.Contains("\n"+section, "\n? "+fault+"\n") {
			b.WriteString("+ " + fault + "\n")
		}
	}
	return b.String()
}
