//go:build linux

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestTheDocumentShowsTheFigures checks that docs/performance.md agrees with bench/results.json.
func TestTheDocumentShowsTheFigures(t *testing.T) {
	r, err := readResults("results.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.into(text)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Error("docs/performance.md shows other figures than bench/results.json: go run . document")
	}
}

func TestARowAsMarkdown(t *testing.T) {
	ratio, less := 1.41, 1.38
	f := figures{Title: "handshake", Unit: "µs", Against: []string{"nginx", "haproxy"}, Aim: 1.1, Columns: []column{
		{Name: "direct", Value: 45.19}, {Name: "nginx", Value: 92.57, Ratio: new(float64)}, {Name: "interlock", Value: 1123.45, Ratio: &ratio},
		{Name: "interlock-sqlite", Value: 9.128, Ratio: &less},
	}}
	var b bytes.Buffer
	f.markdown(&b)
	const want = "| handshake | µs | 45.2 | 92.6 | – | – | – | 9.13 | 1,123 | 1.38 | nginx or haproxy | ≤ 1.1 |  |\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
	if got := strings.Count(b.String(), "|"); got != len(across)+7 {
		t.Errorf("%d cells", got)
	}
}

// TestHeadlines wants the ratio and the aim of Interlock as shipped first.
func TestHeadlines(t *testing.T) {
	two, one := 1.93, 1.45
	columns := []column{{Name: "nginx", Ratio: &one}, {Name: "interlock", Ratio: &one}, {Name: "interlock-sqlite", Ratio: &two}, {Name: "interlock-guard", Ratio: &two}}
	for _, c := range []struct {
		f               figures
		ratio, to, aims string
	}{
		{figures{Row: "handshake", Against: []string{"nginx"}, Columns: columns, Aim: 9}, "1.93; without a store 1.45", "nginx", "≤ 1.15; without a store ≤ 1.05"},
		{figures{Row: "guard-handshake", Against: []string{"interlock"}, Columns: columns}, "interlock-guard 1.93", "interlock", "interlock-guard ≤ 1.15"},
		{figures{Row: "another", Against: []string{"nginx"}, Columns: columns[:2], Aim: 1}, "1.45", "nginx", "≤ 1"},
		{figures{Row: "another", Against: []string{"nginx"}, Columns: columns, Aim: 1}, "1.93", "nginx", "≤ 1"},
		{figures{Row: "another", Unit: "kB, PSS", Columns: []column{{Name: "interlock"}}, Most: 2.5}, "–", "–", "≤ 2.5 kB"},
		{figures{Row: "handshake", Against: []string{"nginx"}, Columns: columns[:1]}, "–", "–", "≤ 1.15; without a store ≤ 1.05"},
	} {
		if ratio, to, aims := c.f.ratios(); ratio != c.ratio || to != c.to || aims != c.aims {
			t.Errorf("%s: got %q to %q, aims %q", c.f.Row, ratio, to, aims)
		}
	}
}

// TestProbesOfARunAreCounted reads the report of a chain.
func TestProbesOfARunAreCounted(t *testing.T) {
	path := t.TempDir() + "/chain.json"
	for text, want := range map[string]int{
		`{"hops":[{"tunnels":true,"summary":{"fail":1,"pass":2,"not-sent":9}},{"tunnels":true,"summary":{"warn":4}}]}`: 7,
		`{"hops":[{"tunnels":false,"summary":{"pass":2}}]}`:                                                            0, `{"hops":[]}`: 0, `{`: 0,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := sentProbes(path); got != want || (err == nil) != (want > 0) {
			t.Errorf("%s: got %d, %v", text, got, err)
		}
	}
}
