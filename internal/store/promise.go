package store

import (
	"sync"
	"time"
)

// patience is how long a caller waits to hear that the store has taken something.
const patience = time.Second

// A promise reports once whether the store has taken something: when it has, or after too long.
type promise struct {
	once  sync.Once
	timer *time.Timer
	then  func(stored bool)
}

// promise makes one. The lock is held.
func (w *Writer) promise(then func(stored bool)) *promise {
	p := &promise{then: then}
	w.promises.Add(1)
	p.timer = time.AfterFunc(patience, func() { p.keep(w, false) })
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
