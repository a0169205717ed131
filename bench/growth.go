//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// growthHandshakes is how many handshakes a round of the growth rows has.
const growthHandshakes = 4000

func growthRows() []row {
	return []row{
		{"growth", func(ctx context.Context, b *bench) ([]figures, error) { return b.growth(ctx) }},
		{"endpoints", func(ctx context.Context, b *bench) ([]figures, error) { return b.endpoints(ctx) }},
	}
}

// aged is an interlock with something behind it.
type aged struct {
	*running
	paths int // that its handshakes are for
}

// growth compares an interlock that has just begun with one that has seen much. Both keep what they see in a database.
func (b *bench) growth(ctx context.Context) ([]figures, error) {
	if len(b.among("interlock")) == 0 {
		return nil, nil
	}
	columns := []string{"interlock, 1000 behind", fmt.Sprintf("interlock, %d behind", b.behind)}
	f := newFigures("growth", "WebSocket handshake with exchanges behind it, SQLite", "µs of CPU per handshake", columns[:1], columns)
	old, err := b.age(ctx, b.behind, 1)
	if err != nil {
		return nil, err
	}
	for round := range b.rounds + 1 {
		young, err := b.age(ctx, 1000, 1)
		if err != nil {
			return nil, err
		}
		values, err := b.handshakes(ctx, round, young, old)
		young.stop()
		if err != nil {
			return nil, err
		}
		progress("growth", round, b.rounds)
		f.take(round, values)
	}
	f.compare()
	return []figures{f}, nil
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
