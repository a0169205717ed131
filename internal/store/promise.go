package store

import (
	"cmp"
	"sync"
	"time"
)

// patience limits how long a caller waits for a confirmation from the store.
const patience = time.Second

// A promise reports once whether the store has accepted something: when it has, or after patience.
type promise struct {
	once  sync.Once
	timer *time.Timer
	then  func(stored bool)
}

// promise returns a new promise. The caller holds the lock.
func (w *Writer) promise(then func(stored bool)) *promise {
	p := &promise{then: then}
	w.promises.Add(1)
	p.timer = time.AfterFunc(cmp.Or(w.patience, patience), func() { p.keep(w, false) })
	return p
}

// keep reports the result, unless one was reported.
func (p *promise) keep(w *Writer, stored bool) {
	p.once.Do(func() {
		defer w.promises.Done()
		if stored {
			p.timer.Stop()
		}
		p.then(stored)
	})
}
