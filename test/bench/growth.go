//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
		{"clients", func(ctx context.Context, b *bench) ([]figures, error) { return b.clients(ctx) }},
		{"full", func(ctx context.Context, b *bench) ([]figures, error) { return b.full(ctx) }},
		{"pruning", func(ctx context.Context, b *bench) ([]figures, error) { return b.pruning(ctx) }},
		{"trimming", func(ctx context.Context, b *bench) ([]figures, error) { return b.trimming(ctx) }},
	}
}

// aged is an interlock that has already handled exchanges.
type aged struct {
	*running
	paths int // number of paths of its handshakes
	hosts int // number of addresses of its clients; 0: the one that the system chooses
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
		takeBoth(&cost, &memory, round, values)
	}
	cost.compare()
	memory.compare()
	return []figures{cost, memory}, nil
}

// takeBoth records the CPU time and the memory of a round.
func takeBoth(cost, memory *figures, round int, values []roundValue) {
	cost.take(round, values)
	for i, v := range values {
		values[i] = roundValue{Value: float64(v.PSS), PSS: v.PSS}
	}
	memory.take(round, values)
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
	return &aged{r, 1, 0}, nil
}

// endpoints compares interlocks as shipped that see handshakes at few and at many endpoints.
func (b *bench) endpoints(ctx context.Context) ([]figures, error) {
	var kinds []crowdOf
	for _, n := range []int{1, 100, 10_000} {
		kinds = append(kinds, crowdOf{fmt.Sprintf("%d endpoints", n), n, n, 0, roomy})
	}
	return b.distinct(ctx, "endpoints", "WebSocket handshake with that many distinct endpoints, SQLite", 1.05, kinds)
}

// clients compares interlocks as shipped that see one client and many, each with an address of its own.
func (b *bench) clients(ctx context.Context) ([]figures, error) {
	return b.distinct(ctx, "clients", "WebSocket handshake with that many distinct clients, SQLite", 1.05, []crowdOf{
		{"1 client", b.hosts, 1, 1, roomy}, {fmt.Sprintf("%d clients", b.hosts), b.hosts, 1, b.hosts, roomy},
	})
}

// The row full has a store that holds fewer exchanges than are written to it before the measurement.
const (
	fullLimit     = "64MiB"
	fullExchanges = 40_000
)

// full compares interlocks as shipped whose stores are full and not full: a full one deletes an old exchange for each new one.
func (b *bench) full(ctx context.Context) ([]figures, error) {
	return b.distinct(ctx, "full", "WebSocket handshake with a full store, SQLite", 0, []crowdOf{
		{"never full", fullExchanges, 1, 0, roomy}, {"full", fullExchanges, 1, 0, fullLimit},
	})
}

// A crowdOf is what an interlock has seen before the measurement, and sees in it.
type crowdOf struct {
	name                    string
	exchanges, paths, hosts int
	limit                   string // of the store's size
}

// roomy is the size of a store that is never full.
const roomy = "1000GiB"

// distinct compares interlocks as shipped by what they have seen, by the CPU time of a handshake and by memory.
func (b *bench) distinct(ctx context.Context, row, title string, aim float64, kinds []crowdOf) ([]figures, error) {
	if len(b.among(shipped)) == 0 {
		return nil, nil
	}
	var columns []string
	var all []*aged
	for _, k := range kinds {
		r, err := b.beginWith(ctx, contender{shipped, serveWithin(k.limit)}, b.origin, b.backend)
		if err != nil {
			return nil, err
		}
		defer r.stop()
		a := &aged{r, k.paths, k.hosts}
		if _, err := b.shake(ctx, a, k.exchanges); err != nil {
			return nil, err
		}
		all, columns = append(all, a), append(columns, shipped+", "+k.name)
	}
	cost := newFigures(row, title, "µs of CPU per handshake", columns[:1], columns)
	cost.Aim = aim
	memory := newFigures(row+"-memory", strings.Replace(title, "WebSocket handshake", "memory after WebSocket handshakes", 1), "kB, PSS", columns[:1], columns)
	for round := range b.rounds + 1 {
		values := make([]roundValue, len(all))
		for i := range all {
			at := (round + i) % len(all)
			u, err := b.shakeAndWait(ctx, all[at])
			if err != nil {
				return nil, err
			}
			values[at] = u.value(1)
		}
		progress(row, round, b.rounds)
		takeBoth(&cost, &memory, round, values)
	}
	cost.compare()
	memory.compare()
	return []figures{cost, memory}, nil
}

// serveWithin returns what makes the command of an interlock whose store has that size at most.
func serveWithin(limit string) func(setting) ([]string, error) {
	return func(s setting) ([]string, error) { return serveFrom(filepath.Join(s.dir, "interlock.db"), limit)(s) }
}

// serveFrom is serveWithin with that store.
func serveFrom(store, limit string) func(setting) ([]string, error) {
	return func(s setting) ([]string, error) {
		path, err := s.fill("interlock.yaml", "retention:\n  bytes: "+limit+"\n")
		return s.serve("--store", store, "--config", path), err
	}
}

// lateWrites is how long an interlock may wait before it writes the counts of endpoints.
const lateWrites = 11 * time.Second

// shakeAndWait counts also what an interlock does later for the handshakes.
func (b *bench) shakeAndWait(ctx context.Context, a *aged) (used, error) {
	u, err := b.shake(ctx, a, max(1, b.count(growthHandshakes)))
	if err != nil {
		return u, err
	}
	before, err := cpuTime(a.pid())
	if err != nil {
		return u, err
	}
	select {
	case <-ctx.Done():
		return u, ctx.Err()
	case <-time.After(lateWrites):
	}
	after, err := cpuTime(a.pid())
	u.cpu += after - before
	return u, err
}

func (f *figures) take(round int, values []roundValue) {
	for i, v := range values {
		if round > 0 {
			f.Columns[i].Rounds = append(f.Columns[i].Rounds, v)
		}
	}
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
	more := []string{strconv.Itoa(a.paths)}
	if a.hosts > 0 {
		more = append(more, strconv.Itoa(a.hosts))
	}
	return b.slice(ctx, works[at], count, a.target, a.process, more...)
}
