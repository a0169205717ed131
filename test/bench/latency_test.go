//go:build linux

package main

import "testing"

func TestQuantileIsAmongTheValues(t *testing.T) {
	var values []float64
	for i := range 100 {
		values = append(values, float64(i))
	}
	for part, want := range map[float64]float64{0: 0, 0.5: 50, 0.99: 99, 1: 99} {
		if got := quantile(values, part); got != want {
			t.Errorf("%v: got %v, want %v", part, got, want)
		}
	}
	if got := quantile([]float64{7}, 0.99); got != 7 {
		t.Errorf("of one: got %v", got)
	}
}
