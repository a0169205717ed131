//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// paces are the rates at which latency is measured, in requests per second.
var paces = []int{100, 1000, 5000}

// paceConnections is the number of connections that the requests are spread over.
const paceConnections = 32

func latencyRows() []row {
	var made []row
	for _, rate := range paces {
		name := fmt.Sprintf("latency-%d", rate)
		made = append(made, row{name, func(ctx context.Context, b *bench) ([]figures, error) { return b.latency(ctx, name, rate) }})
	}
	return made
}

// latency sends GETs at a fixed rate, however slow the responses are, and measures each from the
// time at which it was due. The latency of direct belongs to the machine and the origin; the rest
// is added by the proxy.
func (b *bench) latency(ctx context.Context, name string, rate int) ([]figures, error) {
	columns := b.among(slices.Clone(quick)...)
	title := fmt.Sprintf("keep-alive GET at %d requests/s over %d connections, time from when it was due to the answer", rate, paceConnections)
	half := newFigures(name+"-p50", title+", p50", "µs", []string{"nginx"}, columns)
	most := newFigures(name+"-p99", title+", p99", "µs", []string{"nginx"}, columns)
	half.Aim, most.Aim = 1, 1
	for round := range b.rounds + 1 {
		times := make([][]float64, len(columns))
		for i := range slicesOfRound * len(columns) {
			at := (round + i) % len(columns)
			r, err := b.shared(ctx, columns[at])
			if err != nil {
				return nil, err
			}
			got, err := b.paced(ctx, r, rate)
			if err != nil {
				return nil, fmt.Errorf("%s through %s: %w", name, columns[at], err)
			}
			times[at] = append(times[at], got...)
		}
		progress(name, round, b.rounds)
		for i := range columns {
			if round > 0 {
				slices.Sort(times[i])
				half.Columns[i].Rounds = append(half.Columns[i].Rounds, roundValue{Value: quantile(times[i], 0.5)})
				most.Columns[i].Rounds = append(most.Columns[i].Rounds, roundValue{Value: quantile(times[i], 0.99)})
			}
		}
	}
	half.compare()
	most.compare()
	return []figures{half, most}, nil
}

// quantile returns the value that the given part of the sorted values does not exceed.
func quantile(sorted []float64, part float64) float64 {
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

// paced returns how long each response took in a slice of one second, in microseconds.
func (b *bench) paced(ctx context.Context, r *running, rate int) ([]float64, error) {
	file, err := os.CreateTemp(b.dir, "times-")
	if err != nil {
		return nil, fmt.Errorf("make a file for the times: %w", err)
	}
	file.Close()
	defer os.Remove(file.Name())
	l, err := startLoad(ctx, b.self, "pace", r.target, strconv.Itoa(rate), strconv.Itoa(b.count(rate)), file.Name())
	if err != nil {
		return nil, err
	}
	err = errors.Join(l.expect("ready"), l.begin(), l.expect("done"))
	if failed := l.end(); failed != nil {
		err = failed
	}
	if err != nil {
		return nil, r.blame(err)
	}
	raw, err := os.ReadFile(file.Name())
	if err != nil {
		return nil, fmt.Errorf("read the times: %w", err)
	}
	times := make([]float64, 0, len(raw)/8)
	for ; len(raw) >= 8; raw = raw[8:] {
		times = append(times, float64(binary.NativeEndian.Uint64(raw))/1000)
	}
	return times, nil
}

// pace sends args[2] GETs to args[0], args[1] per second, and writes the nanoseconds that each took
// to the file args[3].
func pace(args []string) error {
	rate, err1 := strconv.Atoi(args[1])
	count, err2 := strconv.Atoi(args[2])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	at := slices.IndexFunc(works, func(w work) bool { return w.Name == "get-32" })
	c, err := newClient(works[at], args[0], paceConnections)
	if err != nil {
		return err
	}
	if err := openAll(c); err != nil {
		return err
	}
	var times []byte
	if err := inStep(func() error { times, err = c.keepPace(rate, count); return err }); err != nil {
		return err
	}
	return os.WriteFile(args[3], times, 0o600)
}

// keepPace begins a request whenever one is due and a connection is free for it.
func (c *client) keepPace(rate, count int) (times []byte, err error) {
	every := time.Second / time.Duration(rate)
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	defer unix.Close(timer)
	if err := c.poll.add(timer, len(c.conns)); err != nil {
		return nil, err
	}
	tick := unix.NsecToTimespec(int64(every))
	if err := unix.TimerfdSettime(timer, 0, &unix.ItimerSpec{Interval: tick, Value: tick}, nil); err != nil {
		return nil, fmt.Errorf("set the timer: %w", err)
	}
	free := make([]int, len(c.conns))
	for i := range free {
		free[i] = i
	}
	due := make([]time.Time, len(c.conns))
	first, begun := time.Now().Add(every), 0
	for ended := 0; ended < count; {
		events, err := c.poll.wait(10_000)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			return nil, fmt.Errorf("nothing came for 10 s, after %d of %d", ended, count)
		}
		for _, event := range events {
			if int(event.Fd) == len(c.conns) {
				var ticks [8]byte
				_, _ = unix.Read(timer, ticks[:]) // the clock says which requests are due
				continue
			}
			all, err := c.read(&c.conns[event.Fd])
			if err != nil {
				return nil, fmt.Errorf("after %d of %d: %w", ended, count, err)
			}
			if all {
				times = binary.NativeEndian.AppendUint64(times, uint64(time.Since(due[event.Fd])))
				free = append(free, int(event.Fd))
				ended++
			}
		}
		for now := time.Now(); begun < count && len(free) > 0; begun++ {
			at := first.Add(time.Duration(begun) * every)
			if now.Before(at) {
				break
			}
			next := free[0]
			free = free[1:]
			due[next] = at
			if err := c.work.Begin(c, &c.conns[next]); err != nil {
				return nil, err
			}
		}
	}
	return times, nil
}
