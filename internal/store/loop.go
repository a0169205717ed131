package store

import (
	"context"
	"errors"
	"time"
)

// loop writes batches until the writer is ending and everything is written, or until its context
// ends.
func (w *Writer) loop(life context.Context) error {
	if w.Beat != nil {
		w.Announce()
	}
	due := w.pulse()
	for ending := false; ; {
		if !ending {
			ending, due = w.wait(due)
		}
		for b := w.next(); b != nil; b = w.next() {
			if err := w.deliver(life, b); err != nil {
				return err
			}
			if !ending && !b.more {
				break // the rest can wait for the next batch
			}
		}
		if ending && w.idle() {
			return nil
		}
	}
}

// wait waits until there is a batch to write, and reports whether the writer is ending. It queues
// the heartbeat that is due, and returns when the next one is.
func (w *Writer) wait(due <-chan time.Time) (ending bool, next <-chan time.Time) {
	select {
	case <-w.hurry:
		return false, due
	case <-w.ending:
		w.beat(true)
		return true, nil
	case <-due:
		w.beat(false)
		return false, w.pulse()
	case <-w.announced:
		w.beat(false)
		return false, w.pulse()
	case <-w.wake:
	}
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-w.hurry:
	case <-w.ending:
		w.beat(true)
		return true, nil
	case <-timer.C:
	}
	return false, due
}

// idle reports whether everything is written.
func (w *Writer) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gathered.empty() && w.queue.count == 0 && len(w.learned.waiting) == 0
}

// deliver retries until the store has accepted a batch or the context ends, then keeps the promises
// of its rulings.
func (w *Writer) deliver(life context.Context, b *batch) error {
	for pause := backoff; ; pause = min(2*pause, slowest) {
		refused, err := w.attempt(life, b)
		if err == nil {
			w.delivered(b, refused)
			return nil
		}
		if isRefused(err) && len(b.exchanges) > 0 { // a bad exchange must not keep findings from being stored
			w.refused(b)
			continue
		}
		w.failed(err)
		for _, p := range b.promises() {
			p.keep(w, false)
		}
		var given <-chan struct{} // a heartbeat is given up at the end
		if b.beats() {
			given = w.ending
		}
		timer := time.NewTimer(pause)
		select {
		case <-life.Done():
		case <-given:
			timer.Stop()
			w.mu.Lock()
			w.flight = nil
			w.mu.Unlock()
			return nil
		case <-timer.C:
		}
		timer.Stop()
		if life.Err() != nil {
			return w.left(err)
		}
	}
}

func (w *Writer) attempt(life context.Context, b *batch) (refused int, err error) {
	ctx, cancel := context.WithTimeout(life, longest)
	defer cancel()
	w.mu.Lock()
	w.trying = time.Now()
	w.mu.Unlock()
	refused, err = w.Store.write(ctx, b)
	w.mu.Lock()
	w.trying = time.Time{}
	w.mu.Unlock()
	return refused, err
}

// promises returns all promises of the batch.
func (b *batch) promises() []*promise { return append(promised(b.exchanges), b.then...) }

func (w *Writer) delivered(b *batch, refused int) {
	w.mu.Lock()
	w.flight = nil
	w.lost()
	w.held.exchanges, w.held.findings = w.held.exchanges+int64(len(b.exchanges)-refused), w.held.findings+b.findings.count()
	w.state.Written += int64(len(b.exchanges) - refused)
	w.state.Shed += int64(refused)
	w.grow(b.exchanges)
	if !w.state.Reachable {
		w.state.Reachable, w.state.Err, w.state.Since = true, nil, time.Now()
	}
	w.mu.Unlock()
	for _, p := range b.promises() {
		p.keep(w, true)
	}
}

// failed records why the store cannot be written.
func (w *Writer) failed(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	w.mu.Lock()
	if w.state.Reachable {
		w.state.Reachable, w.state.Since = false, time.Now()
	}
	w.state.Err = w.Store.failed("write", err)
	w.mu.Unlock()
}

// refused drops the exchanges of a batch, because the database will never accept them.
func (w *Writer) refused(b *batch) {
	b.then = b.promises()
	w.mu.Lock()
	w.state.Shed += int64(len(b.exchanges))
	b.exchanges = nil
	w.mu.Unlock()
}
