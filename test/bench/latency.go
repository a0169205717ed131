//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// paces are the rates at which latency is measured, in requests per second, and for how long in each round.
var paces = []pace{{100, 10 * time.Second}, {1000, 5 * time.Second}, {5000, 5 * time.Second}}

type pace struct {
	rate int
	long time.Duration
}

// paceConnections is the number of connections that the requests of a contender are spread over.
const paceConnections = 32

// paceReference is the contender that others are compared with.
const paceReference = "nginx"

func latencyRows() []row {
	var made []row
	for _, p := range paces {
		name := fmt.Sprintf("latency-%d", p.rate)
		made = append(made, row{name, func(ctx context.Context, b *bench) ([]figures, error) { return b.latency(ctx, name, p) }})
	}
	return made
}

// latency sends GETs at a fixed rate, however slow the responses are, and measures each from the time at which it was due.
// Each contender is measured together with nginx: both get requests at the rate, in turn, so that other activity of the
// machine affects both alike. The latency of direct belongs to the machine and the origin; the rest is added by the proxy.
func (b *bench) latency(ctx context.Context, name string, p pace) ([]figures, error) {
	columns := b.among(paceReference, shipped, "direct", "haproxy")
	title := fmt.Sprintf("keep-alive GET at %d requests/s over %d connections, time from when it was due to the answer", p.rate, paceConnections)
	half := newFigures(name+"-p50", title+", p50", "µs", []string{paceReference}, columns)
	most := newFigures(name+"-p99", title+", p99", "µs", []string{paceReference}, columns)
	half.Aim, most.Aim = 1, 1
	if len(columns) > 1 && columns[0] == paceReference {
		columns = columns[1:] // each is measured with the reference
	}
	measured := make([]together, len(columns))
	for round := range b.rounds + 1 {
		long := time.Duration(float64(p.long) * b.scale)
		if round == 0 {
			long = min(long, time.Second) // a round that only warms up
		}
		for i := range columns {
			at := (round + i) % len(columns)
			pair := []string{columns[at]}
			if columns[at] != paceReference {
				pair = append(pair, b.among(paceReference)...)
			}
			var all []*running
			for _, name := range pair {
				r, err := b.shared(ctx, name)
				if err != nil {
					return nil, err
				}
				all = append(all, r)
			}
			times, err := b.paced(ctx, all, p.rate, long)
			if err != nil {
				return nil, fmt.Errorf("%s through %s: %w", name, columns[at], err)
			}
			if round > 0 {
				measured[at].add(times, long)
			}
		}
		progress(name, round, b.rounds)
	}
	for i, m := range measured {
		m.enter(&half, 0.5, columns[i], paceReference, i == 0)
		m.enter(&most, 0.99, columns[i], paceReference, i == 0)
	}
	return []figures{half, most}, nil
}

// together has the times of a contender, and those of the reference that had the same requests, by round.
type together struct {
	rounds [][][]timed // round, contender (the reference is the second), request
	long   time.Duration
}

func (t *together) add(times [][]timed, long time.Duration) {
	for _, of := range times {
		for i := range of {
			of[i].at += t.long
		}
	}
	t.rounds = append(t.rounds, times)
	longest := blockLengths[len(blockLengths)-1]
	t.long += (long/longest + 1) * longest // no block has requests of two rounds
}

// enter puts the quantile of a contender into its column, and that of the reference into its own if both is set.
func (t *together) enter(f *figures, part float64, name, reference string, both bool) {
	column := func(name string) *column {
		return &f.Columns[slices.IndexFunc(f.Columns, func(c column) bool { return c.Name == name })]
	}
	own := column(name)
	var x, y []timed
	var values, ratios []float64
	for _, round := range t.rounds {
		v := roundValue{Value: quantileOf(part, round[0])}
		x = append(x, round[0]...)
		values = append(values, v.Value)
		if len(round) > 1 {
			base := quantileOf(part, round[1])
			ratio := v.Value / base
			v.Ratio = &ratio
			y = append(y, round[1]...)
			ratios = append(ratios, ratio)
			if both {
				one := 1.0
				r := column(reference)
				r.Rounds = append(r.Rounds, roundValue{Value: base, Ratio: &one})
			}
		}
		own.Rounds = append(own.Rounds, v)
	}
	own.Value = median(values)
	if len(ratios) == 0 {
		return
	}
	ratio := median(ratios)
	own.Ratio, own.Difference = &ratio, differenceOf(part, reference, x, y)
	if both {
		one, all := 1.0, []float64{}
		r := column(reference)
		for _, v := range r.Rounds {
			all = append(all, v.Value)
		}
		r.Value, r.Ratio = median(all), &one
	}
}

// paced returns how long the requests of each contender took.
func (b *bench) paced(ctx context.Context, all []*running, rate int, long time.Duration) ([][]timed, error) {
	file, err := os.CreateTemp(b.dir, "times-")
	if err != nil {
		return nil, fmt.Errorf("make a file for the times: %w", err)
	}
	file.Close()
	defer os.Remove(file.Name())
	args := []string{"pace", strconv.Itoa(rate), strconv.Itoa(max(1, int(long.Seconds()*float64(rate)))), file.Name()}
	for _, r := range all {
		args = append(args, r.target)
	}
	l, err := startLoad(ctx, b.self, args...)
	if err != nil {
		return nil, err
	}
	err = errors.Join(l.expect("ready"), l.begin(), l.expect("done"))
	if failed := l.end(); failed != nil {
		err = failed
	}
	if err != nil {
		for _, r := range all {
			err = r.blame(err)
		}
		return nil, err
	}
	raw, err := os.ReadFile(file.Name())
	if err != nil {
		return nil, fmt.Errorf("read the times: %w", err)
	}
	return readPace(raw, len(all)), nil
}
