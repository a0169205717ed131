package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/rules"
)

// A Writer writes rulings to a store. Its exported fields must not be changed after its first use.
// Its methods are safe for concurrent use, and only Run blocks.
//
// Unsafe rulings are written at once, others in batches within 200 ms. After a kill -9 the store
// lacks at most the last batch, and the last ten seconds in the counts of endpoints that it has. With
// WriteThen the caller reports only what the store has.
type Writer struct {
	Store        *Store
	FindingsOnly bool  // evidence: none: no exchanges are kept
	Bytes        int64 // limit of waiting exchanges in memory; 64 MiB
	Count        int   // limit of waiting exchanges; 20,000
	Limits       Limits
	Drain        time.Duration // how long Run continues to write after its context has ended; 5 s

	Beat      func() Beat   // what heartbeats say; nil: there are none
	Heartbeat time.Duration // their interval; 30 s

	promises sync.WaitGroup
	patience time.Duration // patience, but in a test
	paused   atomic.Bool

	mu         sync.Mutex
	gathered   batch
	learned    learned
	later      *time.Timer // rings when learned endpoints are due; nil before they had to wait
	queue      queue
	flight     *batch // being written
	session    string // the name under which findings are counted; each writer has its own
	began      time.Time
	number     int64         // of the last batch
	wake       chan struct{} // holds one value: there is something to write
	hurry      chan struct{} // holds one value: it must be written at once
	full       chan struct{} // holds one value: the store has grown
	grown      Size          // by this much since the last prune
	announced  chan struct{} // holds one value: a heartbeat is due at once
	ending     chan struct{} // closed by Run: write everything
	state      State
	held       held
	generation int64     // of the store that has the findings
	trying     time.Time // start of the running attempt; zero if there is none
}

// State is the state of a [Writer] and its store.
type State struct {
	Reachable     bool      // the store can be written
	Err           error     // why it cannot be written
	Since         time.Time // time of the last change
	Waiting       int       // exchanges that are not written yet
	Bytes         int64     // their approximate size
	Findings      int       // findings that are not written yet, each with its count
	Written       int64     // exchanges that were written
	LostExchanges int64     // exchanges that were written and then lost with a deleted file or schema
	LostFindings  int64     // findings that were lost, each as often as it was seen
	Pruned        int64     // exchanges that this program has deleted, as they exceeded the limits
	Shed          int64     // exchanges for which there was no room, or that the store rejected
	Upkeep        error     // why the user may not fold or prune the store, or prepare it for the next days
}

// The intervals of a writer.
const (
	interval = 200 * time.Millisecond // between batches
	longest  = 30 * time.Second       // of an attempt
	backoff  = 100 * time.Millisecond // after the first failed attempt; doubled after each further one
	slowest  = 5 * time.Second        // at most
)

// Write queues a ruling. It never blocks and never fails: findings are counted in memory until the
// store takes them; an exchange without room is shed and counted. Of an exchange that is reported
// again the latest form is kept, and each of its findings counts once.
func (w *Writer) Write(r *rules.Ruling) { w.take(r, nil) }

// WriteThen is Write for a ruling whose caller waits for the result. It calls then once, from
// another goroutine: with true when the store has the finding durably, and the exchange unless it
// was shed; with false if that takes longer than a second or Run has ended. In the latter case the
// ruling is written when the store is back. then must not block. Callers log that an unsafe switch
// is stored only after then(true).
func (w *Writer) WriteThen(r *rules.Ruling, then func(stored bool)) { w.take(r, then) }

func (w *Writer) take(r *rules.Ruling, then func(bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start()
	w.gathered.findings.add(r)
	w.gathered.minutes.add(r)
	if is, ok := resultOf(r); ok {
		put(&w.gathered.results, is.key(), is)
	}
	if e, ok := endpointOf(r); ok {
		w.learned.add(e)
	}
	var kept *waiting
	if !w.FindingsOnly && !w.Paused() {
		if kept = w.queue.put(r, w.Bytes, w.Count); kept == nil {
			w.state.Shed++
		}
	}
	if then != nil {
		p := w.promise(then)
		if kept != nil {
			kept.then = append(kept.then, p)
		} else {
			w.gathered.then = append(w.gathered.then, p)
		}
	}
	w.ring(r.Unsafe || then != nil)
}

// Begin queues the beginning of a run.
func (w *Writer) Begin(r Run) { w.run(r) }

// End queues the end of a run, with its summary.
func (w *Writer) End(r Run) { w.run(r) }

func (w *Writer) run(r Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start()
	put(&w.gathered.runs, r.ID, r)
	w.ring(false)
}

// Result queues a result of a probe. Results of probes that were sent come from their rulings.
func (w *Writer) Result(r Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start()
	put(&w.gathered.results, r.key(), r)
	w.ring(false)
}

// start initializes the zero value. The caller holds the lock.
func (w *Writer) start() {
	if w.wake != nil {
		return
	}
	w.wake, w.hurry, w.full, w.ending = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	w.announced = make(chan struct{}, 1)
	w.began = time.Now()
	w.session = ulid.MustNew(ulid.Timestamp(w.began), rand.Reader).String()
	w.state.Reachable, w.state.Since = true, w.began
	if w.Bytes <= 0 {
		w.Bytes = 64 << 20
	}
	if w.Count <= 0 {
		w.Count = 20_000
	}
	if w.Drain <= 0 {
		w.Drain = 5 * time.Second
	}
	if w.Heartbeat <= 0 {
		w.Heartbeat = DefaultHeartbeat
	}
}

// Session identifies this start of the program among all that write to the store: it is the ID of
// its [Start].
func (w *Writer) Session() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start()
	return w.session
}

// ring wakes Run.
func (w *Writer) ring(urgent bool) {
	bell := w.wake
	if urgent {
		bell = w.hurry
	}
	select {
	case bell <- struct{}{}:
	default:
	}
}

// State returns the state of the writer and its store.
func (w *Writer) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start()
	w.lost()
	s := w.state
	s.Pruned = w.Store.pruned.Load()
	s.Waiting, s.Bytes, s.Findings = w.queue.count, w.queue.bytes, len(w.gathered.findings.waiting)
	if b := w.flight; b != nil {
		s.Waiting, s.Findings = s.Waiting+len(b.exchanges), s.Findings+len(b.findings.waiting)
		for _, is := range b.exchanges {
			s.Bytes += is.size
		}
	}
	if took := time.Since(w.trying); !w.trying.IsZero() && took > patience && s.Reachable {
		s.Reachable, s.Since = false, w.trying
		s.Err = fmt.Errorf("write store %q: %w for %s", w.Store, ErrUnreachable, took.Round(time.Second))
	}
	if s.Reachable && w.Store.replaced() {
		s.Reachable, s.Since, s.Err = false, time.Now(), w.Store.failed("write", ErrReplaced)
	}
	return s
}

// next returns the next batch, or nil if everything is written.
func (w *Writer) next() *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.gathered
	b.exchanges = w.queue.take()
	b.endpoints = w.due()
	if b.empty() {
		return nil
	}
	w.number++
	b.session, b.began, b.number, b.more, w.flight = w.session, w.began, w.number, w.queue.count > 0, &b
	if b.every = commandBeat; w.Beat != nil {
		b.every = w.Heartbeat.Milliseconds()
	}
	w.gathered = batch{}
	return &b
}

// due returns the learned endpoints that are to be written now. The lock is held.
func (w *Writer) due() map[endpointKey]Endpoint {
	endpoints, wait := w.learned.take(time.Now(), w.isEnding())
	switch {
	case wait == 0:
	case w.later == nil:
		w.later = time.AfterFunc(wait, func() { w.ring(false) })
	default:
		w.later.Reset(wait)
	}
	return endpoints
}

// isEnding reports whether everything is to be written.
func (w *Writer) isEnding() bool {
	select {
	case <-w.ending:
		return true
	default:
		return false
	}
}

// Run writes queued rulings until ctx ends, and then the rest for as long as Drain. It also folds
// and prunes the store from time to time. While the store cannot be written it tries again and
// again. The error says what could not be written.
func (w *Writer) Run(ctx context.Context) error {
	w.mu.Lock()
	w.start()
	w.mu.Unlock()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var keeper sync.WaitGroup
	keeper.Go(func() { w.keep(ctx) })
	done := make(chan error, 1)
	go func() { done <- w.loop(life) }()
	<-ctx.Done()
	close(w.ending)
	timer := time.AfterFunc(w.Drain, end)
	err := <-done
	timer.Stop()
	keeper.Wait()
	w.mu.Lock()
	if w.later != nil {
		w.later.Stop()
	}
	left := slices.Concat(w.gathered.then, promised(w.queue.unsafe), promised(w.queue.rest))
	w.mu.Unlock()
	for _, p := range left {
		p.keep(w, false)
	}
	w.promises.Wait()
	return err
}

// promised returns the promises that wait with exchanges.
func promised(waiting []*waiting) (all []*promise) {
	for _, is := range waiting {
		all = append(all, is.then...)
	}
	return all
}

// left describes what could not be written.
func (w *Writer) left(err error) error {
	s := w.State()
	if errors.Is(err, context.Canceled) {
		err = ErrUnreachable
	}
	return fmt.Errorf("%d findings and %d exchanges were not stored: %w", s.Findings, s.Waiting, w.Store.failed("write", err))
}
