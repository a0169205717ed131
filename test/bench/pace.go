//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// paceRecord is the size of a record of a request: the number of its target, when it was due, how long it took, and how
// late the load was to send it. Times are in nanoseconds.
const paceRecord = 4 * 8

// keepPace sends args[1] GETs to each of the targets args[3:], args[0] per second, and writes a record of each to the file
// args[2].
func keepPace(args []string) error {
	rate, err1 := strconv.Atoi(args[0])
	count, err2 := strconv.Atoi(args[1])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	p, err := newPacer(args[3:], rate, count)
	if err != nil {
		return err
	}
	if err := inStep(p.run); err != nil {
		return err
	}
	return os.WriteFile(args[2], p.records, 0o600)
}

// A pacer begins a request whenever one is due and a connection to its target is free. All targets have the same rate. In
// each interval each of them has one request, at equal distances and in random order, so that each has the others
// before it equally often.
type pacer struct {
	*client
	every   time.Duration
	count   int
	targets []paceTarget
	random  *rand.Rand
	sent    []paceSent // the requests that are under way, by connection
	records []byte
}

// A paceSent is when a request was due since the beginning, and how late the load was to send it. A request that waited
// for a connection was not late: its target was slow.
type paceSent struct{ due, late time.Duration }

// A paceTarget is one target of a pacer.
type paceTarget struct {
	free []int           // connections
	due  []time.Duration // of requests that have not begun, in order
}

func newPacer(targets []string, rate, count int) (*pacer, error) {
	at := slices.IndexFunc(works, func(w work) bool { return w.Name == "get-32" })
	c, err := newClient(works[at], targets[0], paceConnections*len(targets))
	if err != nil {
		return nil, err
	}
	p := &pacer{client: c, every: time.Second / time.Duration(rate), count: count, targets: make([]paceTarget, len(targets)),
		random: rand.New(rand.NewPCG(uint64(rate), uint64(count))), sent: make([]paceSent, len(c.conns))}
	for i := range c.conns {
		of := i / paceConnections
		if c.target, err = socketAddress(targets[of]); err != nil {
			return nil, err
		}
		if err := c.dial(&c.conns[i]); err != nil {
			return nil, err
		}
		p.targets[of].free = append(p.targets[of].free, i)
	}
	return p, c.do(len(c.conns))
}

// plan adds the requests of an interval.
func (p *pacer) plan(interval int) {
	n := len(p.targets)
	for place, of := range p.random.Perm(n) {
		at := time.Duration(interval)*p.every + time.Duration(place)*p.every/time.Duration(n)
		p.targets[of].due = append(p.targets[of].due, at)
	}
}

func (p *pacer) run() error {
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("create a timer: %w", err)
	}
	defer unix.Close(timer)
	if err := p.poll.add(timer, len(p.conns)); err != nil {
		return err
	}
	tick := unix.NsecToTimespec(int64(p.every) / int64(len(p.targets)))
	if err := unix.TimerfdSettime(timer, 0, &unix.ItimerSpec{Interval: tick, Value: tick}, nil); err != nil {
		return fmt.Errorf("set the timer: %w", err)
	}
	began, planned := time.Now().Add(p.every), 0
	for all := p.count * len(p.targets); len(p.records) < all*paceRecord; {
		events, err := p.poll.wait(10_000)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return fmt.Errorf("nothing came for 10 s, after %d of %d", len(p.records)/paceRecord, all)
		}
		for _, event := range events {
			if int(event.Fd) == len(p.conns) {
				var ticks [8]byte
				_, _ = unix.Read(timer, ticks[:]) // the clock says which requests are due
				continue
			}
			if err := p.end(int(event.Fd), began); err != nil {
				return err
			}
		}
		for ; planned < p.count && time.Since(began) >= time.Duration(planned)*p.every; planned++ {
			p.plan(planned)
		}
		if err := p.begin(time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// end reads from a connection, and records its request if the response is complete.
func (p *pacer) end(i int, began time.Time) error {
	all, err := p.read(&p.conns[i])
	if err != nil {
		return fmt.Errorf("after %d responses: %w", len(p.records)/paceRecord, err)
	}
	if !all {
		return nil
	}
	of := i / paceConnections
	p.targets[of].free = append(p.targets[of].free, i)
	sent := p.sent[i]
	for _, v := range []int64{int64(of), int64(sent.due), int64(time.Since(began) - sent.due), int64(sent.late)} {
		p.records = binary.NativeEndian.AppendUint64(p.records, uint64(v))
	}
	return nil
}

// begin sends the requests that are due, in the order in which they are due.
func (p *pacer) begin(now time.Duration) error {
	for {
		var next *paceTarget
		for i := range p.targets {
			t := &p.targets[i]
			if len(t.due) > 0 && len(t.free) > 0 && t.due[0] <= now && (next == nil || t.due[0] < next.due[0]) {
				next = t
			}
		}
		if next == nil {
			return nil
		}
		i := next.free[0]
		p.sent[i] = paceSent{due: next.due[0]}
		if len(next.free) > 1 {
			p.sent[i].late = now - next.due[0]
		}
		next.free, next.due = next.free[1:], next.due[1:]
		if err := p.work.Begin(p.client, &p.conns[i]); err != nil {
			return err
		}
	}
}

// readPace returns the records of a pacer, by target.
func readPace(raw []byte, targets int) [][]timed {
	times := make([][]timed, targets)
	for ; len(raw) >= paceRecord; raw = raw[paceRecord:] {
		value := func(i int) time.Duration { return time.Duration(binary.NativeEndian.Uint64(raw[8*i:])) }
		times[value(0)] = append(times[value(0)], timed{at: value(1), value: float64(value(2)) / 1000, late: value(3) > time.Millisecond})
	}
	return times
}
