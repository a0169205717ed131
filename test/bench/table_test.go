//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 100, 1, 2}, 3},
	} {
		before := slices.Clone(c.values)
		if got := median(c.values); got != c.want || !slices.Equal(c.values, before) {
			t.Errorf("median of %v: got %v, want %v", before, got, c.want)
		}
	}
}

func columnOf(name string, values ...float64) column {
	c := column{Name: name}
	for _, v := range values {
		c.Rounds = append(c.Rounds, roundValue{Value: v})
	}
	return c
}

func TestRatioIsToTheBetterOfTheSameRound(t *testing.T) {
	f := figures{Against: []string{"nginx", "haproxy"}, Columns: []column{
		columnOf("direct", 4, 4, 4),
		columnOf("nginx", 10, 20, 40),
		columnOf("haproxy", 20, 10, 50),
		columnOf("interlock", 10, 30, 80),
	}}
	f.compare()
	direct, nginx, interlock := f.Columns[0], f.Columns[1], f.Columns[3]
	if direct.Ratio != nil || direct.Value != 4 {
		t.Errorf("direct: got %v, %v; want 4 and no ratio", direct.Value, direct.Ratio)
	}
	if nginx.Ratio == nil || *nginx.Ratio != 1 {
		t.Errorf("nginx: got %v, want 1", nginx.Ratio)
	}
	// The ratios are 1, 3 and 2: the ratio of the medians would be 1.5.
	if interlock.Ratio == nil || *interlock.Ratio != 2 || interlock.Value != 30 {
		t.Errorf("interlock: got %v, %v; want 30, 2", interlock.Value, interlock.Ratio)
	}
}

func TestWithoutPeersThereIsNoRatio(t *testing.T) {
	f := figures{Against: []string{"nginx"}, Columns: []column{columnOf("interlock", 10)}}
	f.compare()
	if got := f.Columns[0].Ratio; got != nil {
		t.Errorf("got %v, want none", *got)
	}
}

func TestRowsOfAnotherRunAreMerged(t *testing.T) {
	r := results{Rows: []figures{{Row: "get"}, {Row: "echo"}, {Row: "memory"}}}
	when := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	r.merge(results{Time: when, Rows: []figures{{Row: "echo", Aim: 2}, {Row: "bulk"}, {Row: "frames"}}})
	var got []string
	for _, f := range r.Rows {
		if f.Measured != nil && !f.Measured.Equal(when) {
			t.Errorf("%s: measured %v", f.Row, f.Measured)
		}
		got = append(got, fmt.Sprint(f.Row, f.Aim, f.Measured != nil))
	}
	if want := []string{"get0 false", "echo2 true", "bulk0 true", "frames0 true", "memory0 false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestGrowthHasItsAimBesideTheLargest prints a row whose contenders are all the same one.
func TestGrowthHasItsAimBesideTheLargest(t *testing.T) {
	f := newFigures("endpoints", "handshake", "µs", []string{shipped + ", 1"}, nil)
	f.Aim = 1.05
	f.Columns = []column{columnOf(shipped+", 1", 10), columnOf(shipped+", 100", 10), columnOf(shipped+", 10000", 11)}
	f.compare()
	var out strings.Builder
	if err := printAll(&out, []figures{f}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if name, aimed := strings.HasPrefix(strings.TrimSpace(line), shipped+", 10000"), strings.Contains(line, "≤ 1.05 ×"); name != aimed {
			t.Errorf("got %q", line)
		}
	}
	if ratio, _, aim := f.ratios(); ratio != shipped+", 10000 1.10" || aim != shipped+", 10000 ≤ 1.05" {
		t.Errorf("got %q and %q", ratio, aim)
	}
}
