//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// slicesOfRound is the number of slices of a round. The contenders take turns by slices, so that
// other activity of the machine affects all of them alike.
const slicesOfRound = 4

// workRows makes a row of each work.
func workRows(all []work) []row {
	var made []row
	for _, w := range all {
		made = append(made, row{w.Name, w.measure})
	}
	return made
}

// measure does one work in all rounds. The first round only warms up.
func (w work) measure(ctx context.Context, b *bench) ([]figures, error) {
	columns := b.among(slices.Clone(w.Contenders)...)
	f := newFigures(w.Name, w.Title, w.Figure, w.Against, columns)
	f.Aim = w.Aim
	var turns []*running
	for _, name := range columns {
		r, err := b.shared(ctx, name)
		if err != nil {
			return nil, err
		}
		turns = append(turns, r)
	}
	count := max(1, b.count(w.Count)/slicesOfRound)
	for round := range b.rounds + 1 {
		sums := make([]used, len(turns))
		for i := range slicesOfRound * len(turns) {
			at := (round + i) % len(turns)
			u, err := b.slice(ctx, w, count, turns[at].target, turns[at].process)
			for again := 0; err != nil && ctx.Err() == nil && again < 2 && !strings.HasPrefix(columns[at], "interlock"); again++ {
				fmt.Fprintf(os.Stderr, "%s through %s is tried again: %v\n", w.Name, columns[at], err) // an echo through goproxy hangs now and then
				u, err = b.slice(ctx, w, count, turns[at].target, turns[at].process)
			}
			if err != nil {
				return nil, fmt.Errorf("%s through %s: %w", w.Name, columns[at], err)
			}
			sums[at].add(u)
		}
		progress(w.Name, round, b.rounds)
		for i := range turns {
			if round > 0 {
				f.Columns[i].Rounds = append(f.Columns[i].Rounds, sums[i].value(w.Scale))
			}
		}
	}
	f.compare()
	return []figures{f}, nil
}

// used is the resources that a process used for units of a work.
type used struct {
	cpu, wall time.Duration
	count     int
	pss       int // kB
}

func (u *used) add(v used) {
	u.cpu += v.cpu
	u.wall += v.wall
	u.count += v.count
	u.pss = max(u.pss, v.pss)
}

// value returns the CPU time of a unit in microseconds, scaled.
func (u used) value(scale float64) roundValue {
	value := float64(u.cpu.Nanoseconds()) / 1000 / float64(u.count) * scale
	return roundValue{Value: value, CPU: u.cpu.Seconds(), Wall: u.wall.Seconds(), PSS: u.pss}
}

// slice runs a load process for units of the work, and returns the resources that the measured
// process used.
func (b *bench) slice(ctx context.Context, w work, count int, target string, measured *process, more ...string) (used, error) {
	l, err := startLoad(ctx, b.self, append([]string{cmp.Or(w.Role, "load"), w.Name, target, strconv.Itoa(count)}, more...)...)
	if err != nil {
		return used{}, err
	}
	u, err := l.measure(ctx, measured.pid())
	if failed := l.end(); failed != nil {
		err = failed // the load's own error is more precise
	}
	if err != nil {
		return used{}, measured.blame(err)
	}
	u.count = count
	return u, nil
}

// measure reads the resource use of a process from the moment at which the load's connections are
// open until the process is idle, so that deferred work counts too.
func (l *loadProcess) measure(ctx context.Context, pid int) (used, error) {
	if err := l.expect("ready"); err != nil {
		return used{}, err
	}
	before, err := cpuAtRest(ctx, pid)
	if err != nil {
		return used{}, err
	}
	begin := time.Now()
	if err := l.begin(); err != nil {
		return used{}, err
	}
	if err := l.expect("done"); err != nil {
		return used{}, err
	}
	wall := time.Since(begin)
	memory, err := memoryPSS(pid)
	if err != nil {
		return used{}, err
	}
	after, err := cpuAtRest(ctx, pid)
	if err != nil {
		return used{}, err
	}
	return used{cpu: after - before, wall: wall, pss: memory}, nil
}

// cpuAtRest waits until the processes use almost no CPU, for 3 s at most, and returns what they
// have used.
func cpuAtRest(ctx context.Context, pid int) (time.Duration, error) {
	const pause, rest = 50 * time.Millisecond, 500 * time.Microsecond
	now, err := cpuTime(pid)
	for range 60 {
		if err != nil {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(pause):
		}
		before := now
		if now, err = cpuTime(pid); now-before < rest {
			break
		}
	}
	return now, err
}
