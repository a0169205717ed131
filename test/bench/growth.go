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

// growthHandshakes is how many handshakes a round of the growth rows has.
const growthHandshakes = 4000

// youngest is how many exchanges the interlock has behind it that ratios are to, and older the next.
const (
	youngest = 1000
	older    = 100_000
)

func growthRows() []row {
	return []row{
		{"growth", func(ctx context.Context, b *bench) ([]figures, error) {
			return b.growth(ctx, "growth", "interlock", "nothing kept but findings")
		}},
		{"growth-sqlite", func(ctx context.Context, b *bench) ([]figures, error) {
			return b.growth(ctx, "growth-sqlite", "interlock-sqlite", "SQLite, retention as it comes")
		}},
		{"endpoints", func(ctx context.Context, b *bench) ([]figures, error) { return b.endpoints(ctx) }},
	}
}

// aged is an interlock with something behind it.
type aged struct {
	*running
	paths int // that its handshakes are for
}

// growth compares an interlock that has just begun with ones that have seen much: what a handshake costs, and what memory
// they take. The youngest is another one in each round, as it would not stay young.
func (b *bench) growth(ctx context.Context, name, contender, keeps string) ([]figures, error) {
	if len(b.among(contender)) == 0 {
		return nil, nil
	}
	behind := slices.Compact([]int{youngest, min(older, b.behind), b.behind})
	var columns []string
	for _, n := range behind {
		columns = append(columns, fmt.Sprintf("%s, %d behind", contender, n))
	}
	cost := newFigures(name, "WebSocket handshake with upgrade exchanges behind it, "+keeps, "µs of CPU per handshake", columns[:1], columns)
	memory := newFigures(name+"-memory", "memory with upgrade exchanges behind it, "+keeps, "kB, PSS", columns[:1], columns)
	all := make([]*aged, len(behind))
	for i, n := range behind[1:] {
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

// grow starts a contender and puts that many upgrade exchanges behind it.
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

// endpoints compares interlocks that see handshakes for few and for many endpoints.
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

// age starts an interlock and has it see that many handshakes for that many paths.
func (b *bench) age(ctx context.Context, exchanges, paths int) (*aged, error) {
	r, err := b.begin(ctx, "interlock-sqlite", b.origin, b.backend)
	if err != nil {
		return nil, err
	}
	a := &aged{r, paths}
	_, err = b.shake(ctx, a, exchanges)
	return a, err
}

// handshakes has each of them see handshakes, in turns.
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
