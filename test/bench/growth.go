//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// growthHandshakes is the number of handshakes in a round of the growth rows.
const growthHandshakes = 4000

// youngest and older are numbers of exchanges that an interlock has handled before the measurement.
// Ratios are relative to youngest.
const (
	youngest = 1000
	older    = 100_000
)

func growthRows() []row {
	return []row{
		{"growth", func(ctx context.Context, b *bench) ([]figures, error) {
			return b.growth(ctx, "growth", "interlock", "only findings kept")
		}},
		{"growth-sqlite", func(ctx context.Context, b *bench) ([]figures, error) {
			return b.growth(ctx, "growth-sqlite", "interlock-sqlite", "SQLite, default retention")
		}},
		{"endpoints", func(ctx context.Context, b *bench) ([]figures, error) { return b.endpoints(ctx) }},
	}
}

// aged is an interlock that has already handled exchanges.
type aged struct {
	*running
	paths int // number of paths of its handshakes
}

// growth compares new interlocks with ones that have handled many exchanges, by the CPU time of a
// handshake and by memory. Each round starts a new youngest one, because the last one has aged.
func (b *bench) growth(ctx context.Context, name, contender, keeps string) ([]figures, error) {
	if len(b.among(contender)) == 0 {
		return nil, nil
	}
	ages := slices.Compact([]int{youngest, min(older, b.behind), b.behind})
	var columns []string
	for _, n := range ages {
		columns = append(columns, fmt.Sprintf("%s, after %d", contender, n))
	}
	cost := newFigures(name, "WebSocket handshake after many upgrade exchanges, "+keeps, "µs of CPU per handshake", columns[:1], columns)
	memory := newFigures(name+"-memory", "memory after many upgrade exchanges, "+keeps, "kB, PSS", columns[:1], columns)
	all := make([]*aged, len(ages))
	for i, n := range ages[1:] {
		a, err := b.grow(ctx, contender, n)
		if err != nil {
			return nil, err
		}
		defer a.stop()
		all[i+1] = a
	}
	for round := range b.rounds + 1 {
		young, err := b.grow(ctx, contender, youngest)
		if err != nil {
			return nil, err
		}
		all[0] = young
		values, err := b.handshakes(ctx, round, all...)
		young.stop()
		if err != nil {
			return nil, err
		}
		progress(name, round, b.rounds)
		cost.take(round, values)
		for i, v := range values {
			values[i] = roundValue{Value: float64(v.PSS), PSS: v.PSS}
		}
		memory.take(round, values)
	}
	cost.compare()
	memory.compare()
	return []figures{cost, memory}, nil
}

// grow starts a contender and makes it handle that many upgrade exchanges.
func (b *bench) grow(ctx context.Context, contender string, exchanges int) (*aged, error) {
	r, err := b.begin(ctx, contender, b.origin, b.backend)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := b.refuse(ctx, r, exchanges); err != nil {
		return nil, err
	}
	p, err := r.past(ctx)
	if err != nil {
		return nil, err
	}
	if p.judged < exchanges {
		return nil, fmt.Errorf("%s has judged %d exchanges of %d", contender, p.judged, exchanges)
	}
	if exchanges > youngest {
		fmt.Fprintf(os.Stderr, "%s: %d judged, %d written to the store, %d shed, in %.0f s\n",
			contender, p.judged, p.written, p.shed, time.Since(begin).Seconds())
	}
	return &aged{r, 1}, nil
}

// endpoints compares interlocks that see handshakes at few and at many endpoints.
func (b *bench) endpoints(ctx context.Context) ([]figures, error) {
	if len(b.among("interlock")) == 0 {
		return nil, nil
	}
	var columns []string
	var all []*aged
	for _, n := range []int{1, 100, 10_000} {
		a, err := b.age(ctx, n, n)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
		columns = append(columns, fmt.Sprintf("interlock, %d endpoints", n))
	}
	f := newFigures("endpoints", "WebSocket handshake with that many distinct endpoints, SQLite", "µs of CPU per handshake", columns[:1], columns)
	for round := range b.rounds + 1 {
		values, err := b.handshakes(ctx, round, all...)
		if err != nil {
			return nil, err
		}
		progress("endpoints", round, b.rounds)
		f.take(round, values)
	}
	f.compare()
	return []figures{f}, nil
}

func (f *figures) take(round int, values []roundValue) {
	for i, v := range values {
		if round > 0 {
			f.Columns[i].Rounds = append(f.Columns[i].Rounds, v)
		}
	}
}

// age starts an interlock and makes it handle that many handshakes at that many paths.
func (b *bench) age(ctx context.Context, exchanges, paths int) (*aged, error) {
	r, err := b.begin(ctx, "interlock-sqlite", b.origin, b.backend)
	if err != nil {
		return nil, err
	}
	a := &aged{r, paths}
	_, err = b.shake(ctx, a, exchanges)
	return a, err
}

// handshakes makes each of them handle handshakes, in turns.
func (b *bench) handshakes(ctx context.Context, round int, all ...*aged) ([]roundValue, error) {
	sums := make([]used, len(all))
	for i := range slicesOfRound * len(all) {
		at := (round + i) % len(all)
		u, err := b.shake(ctx, all[at], max(1, b.count(growthHandshakes)/slicesOfRound))
		if err != nil {
			return nil, err
		}
		sums[at].add(u)
	}
	var values []roundValue
	for _, u := range sums {
		values = append(values, u.value(1))
	}
	return values, nil
}

func (b *bench) shake(ctx context.Context, a *aged, count int) (used, error) {
	at := slices.IndexFunc(works, func(w work) bool { return w.Name == "handshake" })
	return b.slice(ctx, works[at], count, a.target, a.process, strconv.Itoa(a.paths))
}
