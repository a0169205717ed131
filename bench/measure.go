//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// A bench is one run: every work, every round, every contender in turn, all of them alive from the first to the last.
type bench struct {
	contenders []contender
	works      []work
	rounds     int
	counts     map[string]int // units per contender and round, by the unit's name
	interlock  string         // path of the binary
}

// measure starts everything, does all rounds and ends everything before it returns.
func (b bench) measure(ctx context.Context, dir string) (results, error) {
	ports, err := freePorts(1 + 2*len(b.contenders))
	if err != nil {
		return results{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return results{}, fmt.Errorf("find the own binary: %w", err)
	}
	s := setting{dir: dir, self: self, interlock: b.interlock, backend: ports[0]}
	backend, err := start(ctx, "origin", s, []string{self, "origin", s.backend}, s.backend)
	if err != nil {
		return results{}, err
	}
	defer backend.stop()

	var turns []turn
	for i, c := range b.contenders {
		if c.Command == nil {
			turns = append(turns, turn{c.Name, s.backend, backend})
			continue
		}
		s.listen, s.admin = ports[1+2*i], ports[2+2*i]
		command, err := c.Command(s)
		if err != nil {
			return results{}, fmt.Errorf("start %s: %w", c.Name, err)
		}
		p, err := start(ctx, c.Name, s, command, s.listen)
		if err != nil {
			return results{}, err
		}
		defer p.stop()
		turns = append(turns, turn{c.Name, s.listen, p})
	}

	r := results{Time: time.Now().UTC().Truncate(time.Second), Rounds: b.rounds}
	for _, w := range b.works {
		figures, err := b.work(ctx, w, self, turns)
		if err != nil {
			return results{}, err
		}
		r.Works = append(r.Works, figures)
	}
	r.Machine = thisMachine(ctx)
	return r, nil
}

// A turn is one contender's place in every round.
type turn struct {
	contender string
	target    string // where the load goes
	measured  *process
}

// work does one work in all rounds, the first of which only warms up. The order rotates from round to round.
func (b bench) work(ctx context.Context, w work, self string, turns []turn) (workFigures, error) {
	count := b.counts[w.Unit]
	figures := workFigures{Work: w.Name, Title: w.Title, Unit: w.Unit, Connections: w.Connections, Count: count}
	for _, t := range turns {
		figures.Contenders = append(figures.Contenders, contenderFigures{Contender: t.contender})
	}
	for round := range b.rounds + 1 {
		fmt.Fprintf(os.Stderr, "%s, round %d of %d\n", w.Name, round, b.rounds)
		for i := range turns {
			at := (round + i) % len(turns)
			f, err := measureTurn(ctx, w, count, self, turns[at])
			if err != nil {
				return workFigures{}, fmt.Errorf("%s through %s: %w", w.Name, turns[at].contender, err)
			}
			if round > 0 {
				figures.Contenders[at].Rounds = append(figures.Contenders[at].Rounds, f)
			}
		}
	}
	figures.compare()
	return figures, nil
}

// measureTurn has a load process do the work.
func measureTurn(ctx context.Context, w work, count int, self string, t turn) (roundFigures, error) {
	l, err := startLoad(ctx, self, w.Name, t.target, count)
	if err != nil {
		return roundFigures{}, err
	}
	figures, err := l.measure(ctx, t.measured.pid(), count)
	if failed := l.end(); failed != nil {
		err = failed // the load knows better what went wrong
	}
	if err != nil {
		return roundFigures{}, t.measured.blame(err)
	}
	return figures, nil
}

// measure reads what a process uses from the moment the load's connections stand until it has come to rest, so that
// work which it put off counts too.
func (l *loadProcess) measure(ctx context.Context, pid, count int) (roundFigures, error) {
	if err := l.expect("ready"); err != nil {
		return roundFigures{}, err
	}
	before, err := cpuTime(pid)
	if err != nil {
		return roundFigures{}, err
	}
	begin := time.Now()
	if err := l.begin(); err != nil {
		return roundFigures{}, err
	}
	if err := l.expect("done"); err != nil {
		return roundFigures{}, err
	}
	wall := time.Since(begin)
	memory, err := memoryPSS(pid)
	if err != nil {
		return roundFigures{}, err
	}
	after, err := cpuAtRest(ctx, pid)
	if err != nil {
		return roundFigures{}, err
	}
	used := after - before
	return roundFigures{
		CPU:     used.Seconds(),
		PerUnit: float64(used.Microseconds()) / float64(count),
		Wall:    wall.Seconds(),
		PSS:     memory,
	}, nil
}

// cpuAtRest waits until the processes use no more CPU, 3 s at the most, and returns what they have used.
func cpuAtRest(ctx context.Context, pid int) (time.Duration, error) {
	used, err := cpuTime(pid)
	for range 15 {
		if err != nil {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		before := used
		if used, err = cpuTime(pid); used == before {
			break
		}
	}
	return used, err
}
