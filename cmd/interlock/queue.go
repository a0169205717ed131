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

// maxText is how long the text of lines that wait may become before it is written.
const maxText = 32 << 10

// newLineQueue writes to w: each line by itself, or those that wait together.
func newLineQueue(w io.Writer, each bool) *lineQueue {
	q := &lineQueue{lines: make(chan []byte, queuedLines), ended: make(chan struct{})}
	most := maxText
	if each {
		most = 0
	}
	go q.write(w, most)
	return q
}

// write writes texts of as many lines as wait, and not many more than that many bytes.
func (q *lineQueue) write(w io.Writer, most int) {
	defer close(q.ended)
	var text []byte
	for line := range q.lines {
		count := int64(1)
		text = append(text[:0], line...)
		for ; len(text) < most && len(q.lines) > 0; count++ {
			text = append(text, <-q.lines...) // nobody else takes one
		}
		if _, err := w.Write(text); err != nil {
			q.missed.Add(count) // whoever reads has gone; there is nobody to tell
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
