//go:build e2e

package e2e

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

// framesTable has what the probes of frames find at each library, with a reason for each result that
// is not a pass.
const framesTable = "frames/expected.txt"

// TestFramesAtLibraries sends the probes of frames to a server of each library twice, and compares the
// results with the table and with each other.
func TestFramesAtLibraries(t *testing.T) {
	t.Parallel()
	table := expectedOfLibraries(t)
	for name, start := range echoServers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			readsFrames(t, start(t), name, table, 2)
		})
	}
}

// readsFrames probes the server of a library several times.
func readsFrames(t *testing.T, addr, name string, table map[string]map[string]expected, times int) {
	t.Helper()
	cells, known := table[name]
	if !known {
		t.Fatalf("%s has no library %s", framesTable, name)
	}
	var first map[string]string
	for i := range times {
		p := probe(t, "http://"+addr+"/chat", "--only", "UPGRADE-FRAME-*", "--store", "memory")
		if accepted, _ := p.accepted("websocket"); !accepted || p.Endpoints[0].Degraded {
			t.Fatalf("run %d: accepted %t, degraded %t\n%s", i+1, accepted, p.Endpoints[0].Degraded, p.stderr)
		}
		for _, q := range frameProbes() {
			r := p.of(q)
			want, listed := cells[q]
			if !listed {
				want.cell = "pass"
			}
			if got := cellOf(r); got != want.cell {
				t.Errorf("run %d: %s %s: got %s (%s %s), want %s (%s)", i+1, name, q, got, r.Detail, r.Reason, want.cell, want.reason)
			}
		}
		first = steady(t, first, p)
	}
}

// cellOf is the result of a probe as the table has it.
func cellOf(r answered) string {
	if r.Verdict == "fail" || r.Verdict == "warn" {
		return r.Verdict + " " + r.Severity
	}
	return r.Verdict
}

// frameProbes returns the IDs of all probes of frames in HTTP/1.1, sorted.
func frameProbes() (ids []string) {
	for _, q := range rules.Probes() {
		if q.Frames != nil && !q.HTTP2() {
			ids = append(ids, q.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// expected is a result that is not a pass, and why it is right.
type expected struct{ cell, reason string }

// expectedOfLibraries reads the table: by library and probe.
func expectedOfLibraries(t *testing.T) map[string]map[string]expected {
	t.Helper()
	text, err := os.ReadFile(framesTable)
	if err != nil {
		t.Fatal(err)
	}
	table, name, number := map[string]map[string]expected{}, "", 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSuffix(line, "\n")
		library, begins := strings.CutPrefix(line, "library ")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case begins:
			name, _, _ = strings.Cut(library, ",")
			table[name] = map[string]expected{}
		default:
			result, reason, _ := strings.Cut(strings.TrimSpace(line), ": ")
			words := strings.Fields(result)
			if last := len(words) - 1; last < 1 || table[name] == nil || len(reason) < len("RFC") || !slices.Contains(frameProbes(), words[last]) {
				t.Errorf("%s, line %d: %q is not a result, a probe of frames and a reason", framesTable, number, line)
			} else {
				table[name][words[last]] = expected{strings.Join(words[:last], " "), reason}
			}
		}
	}
	return table
}

// TestEveryLibraryIsInTheTable checks the names in the table.
func TestEveryLibraryIsInTheTable(t *testing.T) {
	t.Parallel()
	servers := slices.Concat(slices.Collect(maps.Keys(echoServers())), slices.Collect(maps.Keys(compiledServers())))
	slices.Sort(servers)
	if got := slices.Sorted(maps.Keys(expectedOfLibraries(t))); !slices.Equal(got, servers) {
		t.Errorf("%s has %q, and there are servers of %q", framesTable, got, servers)
	}
}
