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
	ratio := 1.41
	f := figures{Title: "handshake", Unit: "µs", Against: []string{"nginx", "haproxy"}, Aim: 1.1, Columns: []column{
		{Name: "direct", Value: 45.19}, {Name: "nginx", Value: 92.57, Ratio: new(float64)}, {Name: "interlock", Value: 1123.45, Ratio: &ratio},
		{Name: "interlock-sqlite", Value: 9.128, Ratio: &ratio},
	}}
	var b bytes.Buffer
	f.markdown(&b)
	const want = "| handshake | µs | 45.2 | 92.6 | – | – | – | 9.13 (1.41 ×) | 1,123 | 1.41 | nginx or haproxy | ≤ 1.1 |  |\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
	if got := strings.Count(b.String(), "|"); got != len(across)+7 {
		t.Errorf("%d cells", got)
	}
}
