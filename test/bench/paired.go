//go:build linux

package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A timed is how long one request took, in microseconds, and when it was due, counted over all rounds.
type timed struct {
	at    time.Duration
	value float64
	late  bool // the load was more than 1 ms late to send it
}

// A difference compares a quantile of two contenders that had the same requests due at the same times.
type difference struct {
	To      string  `json:"to"`               // the contender that is subtracted
	Value   float64 `json:"value"`            // over the requests of all rounds, in the unit of the table
	Low     float64 `json:"low"`              // the interval with a confidence of 95 %
	High    float64 `json:"high"`             //
	Verdict string  `json:"verdict"`          // one of the verdicts below
	Seconds float64 `json:"seconds"`          // that were measured
	Needed  float64 `json:"needed,omitempty"` // about how many seconds would decide
	Late    float64 `json:"late,omitempty"`   // the share of requests that the load sent more than 1 ms late
}

// The verdicts about a difference.
const (
	atMost    = "at most"
	above     = "above"
	equal     = "equal within 5 %"
	undecided = "undecided"
)

// The parameters of the bootstrap.
const (
	replicates  = 1000
	fewestBlock = 20   // blocks of an interval
	confidence  = 0.95 // of an interval
	equalWithin = 0.05 // of the value that is compared with
)

// blockLengths are the lengths of the blocks that are drawn. Requests in one block may depend on one
// another, blocks must not. If longer blocks give a wider interval, the shorter ones depended on one another.
var blockLengths = []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}

// differenceOf compares the quantile of x with that of y. The interval is from a bootstrap over blocks of time: both
// contenders get the same blocks, so that noise of the machine that affects both cancels out. It is the widest of those
// of blockLengths.
func differenceOf(part float64, to string, x, y []timed) *difference {
	d := &difference{To: to, Value: quantileOf(part, x) - quantileOf(part, y), Verdict: undecided}
	d.Low, d.High, d.Late = d.Value, d.Value, (lateOf(x)+lateOf(y))/2
	intervals := 0
	for _, length := range blockLengths {
		blocks := blocksOf(length, x, y)
		if blocks.n < fewestBlock {
			break
		}
		if intervals == 0 {
			d.Seconds = float64(blocks.n) * length.Seconds()
		}
		low, high := blocks.interval(part)
		d.Low, d.High = min(d.Low, low), max(d.High, high)
		intervals++
	}
	if intervals > 0 {
		d.decide(quantileOf(part, y))
	}
	return d
}

// decide sets the verdict, given the value that was compared with.
func (d *difference) decide(base float64) {
	switch {
	case d.High <= 0:
		d.Verdict = atMost
	case d.Low > 0:
		d.Verdict = above
	case d.High <= equalWithin*base && d.Low >= -equalWithin*base:
		d.Verdict = equal
	default:
		d.Verdict = undecided
		// An interval shrinks with the root of the time. It decides once it excludes 0 or is small enough to be equal.
		wanted := max(math.Abs(d.Value), equalWithin*base-math.Abs(d.Value))
		if ratio := (d.High - d.Low) / 2 / wanted; wanted > 0 {
			d.Needed = d.Seconds * max(1, ratio*ratio)
		}
	}
}

func (d *difference) String() string {
	s := fmt.Sprintf("%+.1f (95 %%: %+.1f to %+.1f), ", d.Value, d.Low, d.High)
	switch d.Verdict {
	case undecided:
		s += "undecided"
		if d.Needed > 0 {
			s += fmt.Sprintf(" after %.0f s, about %.0f s would decide", d.Seconds, d.Needed)
		}
	case equal:
		s += "equal to " + d.To + " within 5 %"
	default:
		s += d.Verdict + " " + d.To
	}
	if d.Late > (1-0.99)/2 { // half of the requests beyond the p99
		s += fmt.Sprintf("; the machine was busy, %.1f %% of the requests were sent over 1 ms late", 100*d.Late)
	}
	return s
}

// lateOf returns the share of requests that the load was late to send.
func lateOf(all []timed) float64 {
	late := 0
	for _, t := range all {
		if t.late {
			late++
		}
	}
	return float64(late) / float64(len(all))
}

func quantileOf(part float64, all []timed) float64 {
	values := make([]float64, 0, len(all))
	for _, t := range all {
		values = append(values, t.value)
	}
	slices.Sort(values)
	return quantile(values, part)
}

// quantile returns the value that the given part of the sorted values does not exceed.
func quantile(sorted []float64, part float64) float64 {
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

// blocks are the requests of two contenders by the block of time in which they were due.
type blocks struct {
	n    int // blocks
	x, y []blocked
	// how many requests each block has
	sizeX, sizeY []int
}

// A blocked is a request with its block. Requests are sorted, the slowest first.
type blocked struct {
	block int
	value float64
}

func blocksOf(length time.Duration, x, y []timed) *blocks {
	b := &blocks{}
	number := map[time.Duration]int{}
	sorted := func(all []timed) (of []blocked) {
		for _, t := range all {
			at := t.at / length
			if _, ok := number[at]; !ok {
				number[at] = len(number)
			}
			of = append(of, blocked{number[at], t.value})
		}
		slices.SortFunc(of, func(a, b blocked) int { return cmp.Compare(b.value, a.value) })
		return of
	}
	b.x, b.y = sorted(x), sorted(y)
	b.n = len(number)
	b.sizeX, b.sizeY = make([]int, b.n), make([]int, b.n)
	for _, r := range b.x {
		b.sizeX[r.block]++
	}
	for _, r := range b.y {
		b.sizeY[r.block]++
	}
	return b
}

// interval returns the interval of the difference by drawing as many blocks as there are, many times.
func (b *blocks) interval(part float64) (low, high float64) {
	random := rand.New(rand.NewPCG(uint64(b.n), 1))
	drawn := make([]int, b.n) // how often each block was drawn
	all := make([]float64, 0, replicates)
	for range replicates {
		clear(drawn)
		for range b.n {
			drawn[random.IntN(b.n)]++
		}
		x, ok1 := drawnQuantile(part, b.x, drawn, b.sizeX)
		y, ok2 := drawnQuantile(part, b.y, drawn, b.sizeY)
		if ok1 && ok2 {
			all = append(all, x-y)
		}
	}
	slices.Sort(all)
	return quantile(all, (1-confidence)/2), quantile(all, (1+confidence)/2)
}

// drawnQuantile returns the quantile of the requests of the blocks that were drawn, and whether there are any.
func drawnQuantile(part float64, slowest []blocked, drawn, size []int) (float64, bool) {
	sum := 0
	for i, n := range drawn {
		sum += n * size[i]
	}
	rest := sum - min(sum-1, int(part*float64(sum))) // requests that are at least as slow as the quantile
	for _, r := range slowest {
		if rest -= drawn[r.block]; rest <= 0 && sum > 0 {
			return r.value, true
		}
	}
	return 0, false
}
