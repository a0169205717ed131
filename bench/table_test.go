//go:build linux

package main

import (
	"slices"
	"testing"
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

func figuresOf(contender string, perUnit ...float64) contenderFigures {
	c := contenderFigures{Contender: contender}
	for _, f := range perUnit {
		c.Rounds = append(c.Rounds, roundFigures{PerUnit: f})
	}
	return c
}

func TestRatioIsToTheBetterOfTheSameRound(t *testing.T) {
	w := workFigures{Contenders: []contenderFigures{
		figuresOf("direct", 4, 4, 4),
		figuresOf("nginx", 10, 20, 40),
		figuresOf("haproxy", 20, 10, 50),
		figuresOf("interlock", 10, 30, 80),
	}}
	w.compare()
	direct, nginx, interlock := w.Contenders[0], w.Contenders[1], w.Contenders[3]
	if direct.Ratio != nil || direct.PerUnit != 4 {
		t.Errorf("direct: got %v, %v; want 4 and no ratio", direct.PerUnit, direct.Ratio)
	}
	if nginx.Ratio == nil || *nginx.Ratio != 1 {
		t.Errorf("nginx: got %v, want 1", nginx.Ratio)
	}
	// The ratios are 1, 3 and 2: the ratio of the medians would be 1.5.
	if interlock.Ratio == nil || *interlock.Ratio != 2 || interlock.PerUnit != 30 {
		t.Errorf("interlock: got %v, %v; want 30, 2", interlock.PerUnit, interlock.Ratio)
	}
}

func TestWithoutPeersThereIsNoRatio(t *testing.T) {
	w := workFigures{Contenders: []contenderFigures{figuresOf("interlock", 10)}}
	w.compare()
	if got := w.Contenders[0].Ratio; got != nil {
		t.Errorf("got %v, want none", *got)
	}
}
