package main

import (
	"io"
	"sync"
	"sync/atomic"
)

// lineQueue writes lines in the background, in their order, so that who writes never waits for a slow reader. Lines that
// there is no room for are left out and counted; the last ones before Close are not lost.
type lineQueue struct {
	lines  chan []byte // capacity queuedLines: that many may wait; closed by Close
	ended  chan struct{}
	missed atomic.Int64

	mu     sync.RWMutex
	closed bool
}

// queuedLines is how many lines may wait for a slow reader.
const queuedLines = 8192

func newLineQueue(w io.Writer) *lineQueue {
	q := &lineQueue{lines: make(chan []byte, queuedLines), ended: make(chan struct{})}
	go q.write(w)
	return q
}

func (q *lineQueue) write(w io.Writer) {
	defer close(q.ended)
	for line := range q.lines {
		if _, err := w.Write(line); err != nil {
			q.missed.Add(1) // whoever reads has gone; there is nobody to tell
		}
	}
}

// Write takes a line. It copies p.
func (q *lineQueue) Write(p []byte) (int, error) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		q.missed.Add(1)
		return len(p), nil
	}
	select {
	case q.lines <- append([]byte(nil), p...):
	default:
		q.missed.Add(1)
	}
	return len(p), nil
}

// Close writes what waits, and returns when it is written.
func (q *lineQueue) Close() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.lines)
	}
	q.mu.Unlock()
	<-q.ended
}
