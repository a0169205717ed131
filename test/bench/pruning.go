//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

const (
	pruningExchanges = 60_000 // that are too old
	trimmedExchanges = 24_000 // somewhat more than there is room for
	pruningRate      = 500    // GETs a second
	pruningFor       = 15 * time.Second
)

// An emptying compares an interlock whose store deletes exchanges with one whose store does not. Both stores have equally many at
// first, and both get GETs at the same times, and handshakes that are stored.
type emptying struct {
	row, title string
	deletes    string // the contender that does
	rests      string
	age        time.Duration // of what is in the store that deletes; it is a day in the other one
	limit      string        // of that store
	settles    bool          // it is measured when pruning has ended
	handshakes time.Duration // the time between two, each of which goes to one of both
}

// pruning deletes exchanges that are too old. It begins a minute after the start, so a round takes as long.
func (b *bench) pruning(ctx context.Context) ([]figures, error) {
	return b.emptied(ctx, emptying{"pruning", "while old exchanges are pruned", shipped + ", pruning", shipped + ", nothing to prune", 31 * 24 * time.Hour, roomy, false, 10 * time.Millisecond})
}

// trimming deletes an exchange for each that is written, as the store is full.
func (b *bench) trimming(ctx context.Context) ([]figures, error) {
	return b.emptied(ctx, emptying{"trimming", "while a full store takes 200 handshakes/s", shipped + ", full", shipped + ", never full", 24 * time.Hour, fullLimit, true, 2500 * time.Microsecond})
}

func (b *bench) emptied(ctx context.Context, e emptying) ([]figures, error) {
	if len(b.among(shipped)) == 0 {
		return nil, nil
	}
	title := fmt.Sprintf("keep-alive GET at %d requests/s %s, time from when it was due to the answer (aim: p99 at most 1,000 µs more)", pruningRate, e.title)
	columns := []string{e.rests, e.deletes}
	half := newFigures(e.row+"-p50", title+", p50", "µs", columns[:1], columns)
	most := newFigures(e.row+"-p99", title+", p99", "µs", columns[:1], columns)
	exchanges := max(1000, b.count(pruningExchanges))
	if e.settles {
		exchanges = trimmedExchanges
	}
	var measured together
	for round := range b.rounds {
		times, err := b.emptiedOnce(ctx, e, exchanges)
		if err != nil {
			return nil, err
		}
		measured.add(times, pruningFor)
		progress(e.row, round+1, b.rounds)
	}
	measured.enter(&half, 0.5, e.deletes, e.rests, true)
	measured.enter(&most, 0.99, e.deletes, e.rests, true)
	return []figures{half, most}, nil
}

// emptiedOnce measures both while one of them deletes, and for pruningFor at most.
func (b *bench) emptiedOnce(ctx context.Context, e emptying, exchanges int) ([][]timed, error) {
	var all []*running
	defer func() {
		for _, r := range all {
			r.stop()
		}
	}()
	began := time.Now()
	for i, age := range []time.Duration{e.age, 24 * time.Hour} {
		path := filepath.Join(b.dir, fmt.Sprintf("aged-%d-%d.db", i, began.UnixNano()))
		if err := fill(ctx, path, exchanges, began.Add(-age)); err != nil {
			return nil, err
		}
		defer func() {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				os.Remove(path + suffix)
			}
		}()
		limit := []string{e.limit, roomy}[i]
		r, err := b.beginWith(ctx, contender{shipped, serveFrom(path, limit)}, b.origin, b.backend)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	handshakes := &traffic{every: e.handshakes}
	for _, r := range all {
		for range 4 {
			handshakes.clients = append(handshakes.clients, once(func() error { return echoOnce(r.target) }))
		}
	}
	if err := all[0].prunedMore(ctx, 0, 90*time.Second); err != nil {
		return nil, err
	}
	if e.settles {
		if err := all[0].prunedAll(ctx); err != nil {
			return nil, err
		}
	}
	before, err := all[0].counts(ctx, "interlock_store_exchanges_pruned_total")
	if err != nil {
		return nil, err
	}
	busy, enough := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		handshakes.run(busy)
	}()
	times, err := b.paced(ctx, all, pruningRate, pruningFor)
	enough()
	<-ended
	if err == nil && handshakes.Failed > 0 {
		err = fmt.Errorf("%d handshakes failed: %s", handshakes.Failed, handshakes.First)
	}
	if err != nil {
		return nil, err
	}
	counts, err := all[0].counts(ctx, "interlock_store_exchanges_pruned_total")
	if e.settles {
		if few := handshakes.Done / 4; err == nil && counts-before < few {
			err = fmt.Errorf("the store was not full: it deleted %d exchanges while %d handshakes were made", counts-before, handshakes.Done)
		}
		return times, err
	}
	if err == nil {
		err = all[0].prunedMore(ctx, counts, 5*time.Second)
	}
	if err != nil {
		return nil, fmt.Errorf("pruning ended before the measurement did, after %d exchanges (a larger -scale has more): %w", counts, err)
	}
	return times, nil
}

// prunedAll waits until an interlock has not pruned any more exchanges for a second.
func (r *running) prunedAll(ctx context.Context) error {
	for was := -1; ; {
		n, err := r.counts(ctx, "interlock_store_exchanges_pruned_total")
		if err != nil || n == was {
			return err
		}
		was = n
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// prunedMore waits until an interlock has pruned more exchanges than that.
func (r *running) prunedMore(ctx context.Context, than int, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; {
		n, err := r.counts(ctx, "interlock_store_exchanges_pruned_total")
		if err != nil || n > than {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s prunes nothing for %v", r.Name, patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// fill writes handshakes into a new store, one a millisecond from that time on.
func fill(ctx context.Context, path string, exchanges int, from time.Time) error {
	s, err := store.Open(ctx, path, store.Options{Instance: "bench"})
	if err != nil {
		return err
	}
	defer s.Close()
	w := &store.Writer{Store: s, Count: 20_000, Bytes: 1 << 30, Limits: store.Limits{Bytes: 1 << 40, Age: 1000 * 24 * time.Hour}, Drain: time.Minute}
	writing, end := context.WithCancel(ctx)
	defer end()
	done := make(chan error, 1)
	go func() { done <- w.Run(writing) }()
	x := wire.Exchange{
		Final: true, Complete: true, Origin: wire.OriginLive, Route: "default", Client: "127.0.0.1:5", Backend: "127.0.0.1:3000", BodyDone: true, Outcome: wire.Switched,
		Request: wire.ReadRequest([]byte(offer("/chat", newKey(), "Connection: Upgrade\r\n"))),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
			accept([]byte("dGhlIHNhbXBsZSBub25jZQ==")) + "\r\n\r\n")),
	}
	passed := rules.Classify(rules.Case{X: &x})
	for i := range exchanges {
		for i%1000 == 0 && w.State().Waiting > 4000 { // the store never makes a writer wait
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
		r, next := *passed, x
		next.ID, next.Time = "01J"+strconv.Itoa(1_000_000_000+i), from.Add(time.Duration(i)*time.Millisecond)
		r.X = &next
		w.Write(&r)
	}
	end()
	if err := <-done; err != nil {
		return err
	}
	if n := w.State().Shed; n > 0 {
		return fmt.Errorf("%d exchanges were not stored", n)
	}
	return nil
}
