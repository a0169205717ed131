//go:build linux

package main

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A synthetic makes requests of two contenders. A burst of other work makes both slower for a while.
type synthetic struct {
	x, y   float64 // means of the times, which are exponential
	bursts bool
}

func (s synthetic) measure(random *rand.Rand, seconds, rate int) (x, y []timed) {
	slow := 0 // requests for which the burst still lasts
	for i := range seconds * rate {
		at := time.Duration(i) * time.Second / time.Duration(rate)
		if s.bursts && slow == 0 && random.IntN(2*rate) == 0 {
			slow = random.IntN(rate / 4)
		}
		noise := 1.0
		if slow > 0 {
			slow--
			noise = 4
		}
		x = append(x, timed{at: at, value: random.ExpFloat64() * s.x * noise})
		y = append(y, timed{at: at, value: random.ExpFloat64() * s.y * noise})
	}
	return x, y
}

func TestTheIntervalHasTheDifferenceInNineteenOfTwentyRuns(t *testing.T) {
	const runs = 100
	for name, part := range map[string]float64{"p50": 0.5, "p99": 0.99} {
		random := rand.New(rand.NewPCG(1, 2))
		s := synthetic{x: 120, y: 100}
		want, covered := -math.Log(1-part)*(s.x-s.y), 0
		for range runs {
			x, y := s.measure(random, 10, 200)
			if d := differenceOf(part, "nginx", x, y); d.Low <= want && want <= d.High {
				covered++
			}
		}
		if share := float64(covered) / runs; share < 0.9 {
			t.Errorf("%s: %.1f %% of the intervals have the difference %.1f, want about 95", name, 100*share, want)
		}
	}
}

// TestTheIntervalHoldsWithBursts compares contenders that other work slows down for up to 250 ms at a time. The true
// difference is taken from a run that is 100 times as long.
func TestTheIntervalHoldsWithBursts(t *testing.T) {
	const runs = 60
	s := synthetic{x: 120, y: 100, bursts: true}
	random := rand.New(rand.NewPCG(3, 4))
	x, y := s.measure(random, 2000, 200)
	want, covered := quantileOf(0.99, x)-quantileOf(0.99, y), 0
	for range runs {
		x, y := s.measure(random, 20, 200)
		if d := differenceOf(0.99, "nginx", x, y); d.Low <= want && want <= d.High {
			covered++
		}
	}
	if covered < 53 {
		t.Errorf("%d of %d intervals have the difference %.1f, want 19 of 20", covered, runs, want)
	}
}

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		synthetic
		seconds, most int // most runs of 10 with another verdict
		want          string
	}{
		"faster":      {synthetic{x: 60, y: 100, bursts: true}, 40, 0, atMost},
		"slower":      {synthetic{x: 160, y: 100, bursts: true}, 40, 0, above},
		"a long one":  {synthetic{x: 100, y: 100}, 600, 1, equal},
		"a short one": {synthetic{x: 100, y: 100}, 2, 0, undecided},
	} {
		random := rand.New(rand.NewPCG(5, 6))
		other := 0
		for range 10 {
			x, y := c.measure(random, c.seconds, 100)
			if d := differenceOf(0.99, "nginx", x, y); d.Verdict != c.want {
				other++
			}
		}
		if other > c.most {
			t.Errorf("%s: %d of 10 runs have another verdict than %q", name, other, c.want)
		}
	}
}

// TestEqualContendersAreSeldomAbove: an interval of 95 % is above by mistake in one of 40 runs.
func TestEqualContendersAreSeldomAbove(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	s := synthetic{x: 100, y: 100, bursts: true}
	wrong := 0
	for range 100 {
		x, y := s.measure(random, 20, 100)
		if differenceOf(0.99, "nginx", x, y).Verdict == above {
			wrong++
		}
	}
	if wrong > 6 {
		t.Errorf("%d of 100 runs say above, want two or three", wrong)
	}
}

func TestADifferenceInWords(t *testing.T) {
	for want, d := range map[string]difference{
		"-34.0 (95 %: -60.0 to -8.0), at most nginx; the machine was busy, 7.0 % of the requests were sent over 1 ms late": {Value: -34, Low: -60, High: -8, Late: 0.07},
		"-34.0 (95 %: -60.0 to -8.0), at most nginx":                                   {Value: -34, Low: -60, High: -8},
		"+34.0 (95 %: +8.0 to +60.0), above nginx":                                     {Value: 34, Low: 8, High: 60},
		"+1.0 (95 %: -4.0 to +5.0), equal to nginx within 5 %":                         {Value: 1, Low: -4, High: 5},
		"+10.0 (95 %: -10.0 to +30.0), undecided after 25 s, about 100 s would decide": {Value: 10, Low: -10, High: 30},
	} {
		d.To, d.Seconds = "nginx", 25
		d.decide(100)
		if got := d.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

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

// TestDrawnBlocksHaveTheQuantileOfTheirRequests draws each block once, and one block alone.
func TestDrawnBlocksHaveTheQuantileOfTheirRequests(t *testing.T) {
	var all []timed
	for i := range 1000 {
		all = append(all, timed{at: time.Duration(i) * time.Millisecond, value: float64(i * 7919 % 1000)})
	}
	b := blocksOf(100*time.Millisecond, all, all)
	for _, part := range []float64{0, 0.5, 0.99, 1} {
		drawn := make([]int, b.n)
		for i := range drawn {
			drawn[i] = 3
		}
		if got, ok := drawnQuantile(part, b.x, drawn, b.sizeX); !ok || got != quantileOf(part, all) {
			t.Errorf("all, %v: got %v, want %v", part, got, quantileOf(part, all))
		}
		clear(drawn)
		drawn[3] = 2
		if got, ok := drawnQuantile(part, b.x, drawn, b.sizeX); !ok || got != quantileOf(part, all[300:400]) {
			t.Errorf("one, %v: got %v, want %v", part, got, quantileOf(part, all[300:400]))
		}
		clear(drawn)
		if _, ok := drawnQuantile(part, b.x, drawn, b.sizeX); ok {
			t.Error("a quantile of nothing")
		}
	}
}
