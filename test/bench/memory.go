//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// crowds are the numbers of open tunnels with which memory is read.
var crowds = []int{0, 1000, 8000}

// idleFor is the idle time before memory is read.
const idleFor = 30 * time.Second

func memoryRows() []row {
	return []row{
		{"memory", func(ctx context.Context, b *bench) ([]figures, error) { return b.memory(ctx) }},
		{"h2-memory", func(ctx context.Context, b *bench) ([]figures, error) { return b.memoryHTTP2(ctx) }},
	}
}

// memory opens tunnels through newly started contenders, each with its own origin, and reads the
// contenders' memory after an idle time. All contenders are idle at the same time, because their
// memory does not depend on one another.
func (b *bench) memory(ctx context.Context) ([]figures, error) {
	columns := b.among("nginx", "haproxy", "reverseproxy", "goproxy", "interlock", framesOff)
	var tables []figures
	for _, n := range crowds {
		f := newFigures(fmt.Sprintf("memory-%d", n), fmt.Sprintf("memory with %d idle tunnels", n), "kB, PSS", []string{"haproxy"}, columns)
		if n > 0 {
			f = newFigures(fmt.Sprintf("idle-%d", n), fmt.Sprintf("memory per idle tunnel, of %d", n), "kB, PSS over that without tunnels", []string{"haproxy"}, columns)
		}
		if n == slices.Max(crowds) {
			f.Most = 2.5
		}
		tables = append(tables, f)
	}
	for round := range b.rounds {
		progress("memory", round+1, b.rounds)
		found, err := b.crowd(ctx, columns, crowds, b.newOrigin, func(target string, n int) []string {
			return []string{"hold", target, strconv.Itoa(n)}
		})
		if err != nil {
			return nil, err
		}
		for i, values := range found {
			for j, kB := range values {
				v := roundValue{Value: float64(kB), PSS: kB}
				if n := crowds[i]; n > 0 {
					v.Value = float64(kB-found[0][j]) / float64(n)
				}
				tables[i].Columns[j].Rounds = append(tables[i].Columns[j].Rounds, v)
			}
		}
	}
	for i := range tables {
		tables[i].compare()
	}
	return tables, nil
}

// crowd returns the memory of each contender with each number of tunnels, or of what else the load holds.
func (b *bench) crowd(ctx context.Context, columns []string, sizes []int, newOrigin func(context.Context) (*process, string, error), load func(target string, n int) []string) (found [][]int, err error) {
	var turns []*running
	var loads []*loadProcess
	before := len(b.processes)
	defer func() {
		for _, l := range loads {
			err = errors.Join(err, l.end())
		}
		for _, p := range slices.Backward(b.processes[before:]) {
			p.stop()
		}
		b.processes = b.processes[:before]
	}()
	for _, name := range columns {
		origin, backend, err := newOrigin(ctx)
		if err != nil {
			return nil, err
		}
		r, err := b.begin(ctx, name, origin, backend)
		if err != nil {
			return nil, err
		}
		turns = append(turns, r)
	}
	open := 0
	for _, n := range sizes {
		for i := range turns {
			if n == open {
				continue
			}
			l, err := startLoad(ctx, b.self, load(turns[i].target, n-open)...)
			if err != nil {
				return nil, err
			}
			loads = append(loads, l)
			if err := l.expect("ready"); err != nil {
				return nil, fmt.Errorf("hold %d through %s: %w", n, columns[i], turns[i].blame(err))
			}
		}
		open = n
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(idleFor):
		}
		var values []int
		for _, t := range turns {
			kB, err := memoryPSS(t.pid())
			if err != nil {
				return nil, err
			}
			values = append(values, kB)
		}
		found = append(found, values)
	}
	return found, nil
}

// hold opens args[1] tunnels through args[0], echoes 64 bytes on each, and keeps them open until
// its stdin is closed.
func hold(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	at := slices.IndexFunc(works, func(w work) bool { return w.Name == "echo" })
	c, err := newClient(works[at], args[0], n)
	if err != nil {
		return err
	}
	if err := c.work.Open(c); err != nil {
		return err
	}
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // the end of it is what is waited for
	return nil
}
