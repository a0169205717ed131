package terminal

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
)

// lineQueue writes lines in the background, in their order, so that callers never wait for a slow
// reader. Lines without room are dropped and counted; the last ones before Close are not lost.
type lineQueue struct {
	ended  chan struct{}
	missed atomic.Int64

	mu      sync.Mutex
	waiting []byte // lines that wait, at most maxWaiting bytes
	some    sync.Cond
	closed  bool
}

// maxWaiting is how many bytes of lines may wait for a slow reader.
const maxWaiting = 4 << 20

// keptText is how much memory for lines is kept when they are written.
const keptText = 64 << 10

// newLineQueue writes to w, the lines that wait together at once.
func newLineQueue(w io.Writer) *lineQueue {
	q := &lineQueue{ended: make(chan struct{})}
	q.some.L = &q.mu
	go q.write(w)
	return q
}

// write writes waiting lines until there are none and the queue is closed.
func (q *lineQueue) write(w io.Writer) {
	defer close(q.ended)
	var text []byte
	for {
		if cap(text) > keptText {
			text = nil
		}
		q.mu.Lock()
		for len(q.waiting) == 0 && !q.closed {
			q.some.Wait()
		}
		text, q.waiting = q.waiting, text[:0]
		q.mu.Unlock()
		if len(text) == 0 {
			return
		}
		q.pass(w, text)
	}
}

// pass writes lines. If that fails, the reader is gone, and the error is dropped.
func (q *lineQueue) pass(w io.Writer, lines []byte) {
	if _, err := w.Write(lines); err != nil {
		q.missed.Add(int64(bytes.Count(lines, []byte{'\n'})))
	}
}

// Write takes a line with its line end. It copies p.
func (q *lineQueue) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.waiting)+len(p) > maxWaiting {
		q.missed.Add(1)
		return len(p), nil
	}
	if q.waiting = append(q.waiting, p...); len(q.waiting) == len(p) {
		q.some.Signal()
	}
	return len(p), nil
}

// Close writes the waiting lines and returns when they are written.
func (q *lineQueue) Close() {
	q.mu.Lock()
	q.closed = true
	q.some.Signal()
	q.mu.Unlock()
	<-q.ended
}
