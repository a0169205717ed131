package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestTheLastLineIsWritten holds it for lines that come right before the end, over and over.
func TestTheLastLineIsWritten(t *testing.T) {
	for i := range 2000 {
		var out bytes.Buffer
		q := newLineQueue(&out)
		fmt.Fprintln(q, "draining")
		fmt.Fprintln(q, "stopped")
		q.Close()
		if out.String() != "draining\nstopped\n" {
			t.Fatalf("round %d: got %q", i, &out)
		}
		fmt.Fprintln(q, "too late")
		q.Close()
		if q.missed.Load() != 1 {
			t.Fatalf("%d lines are missed, want 1", q.missed.Load())
		}
	}
}

// stuck is a reader that takes nothing until it is let go.
type stuck struct {
	gate chan struct{}
	n    int // lines
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.gate
	s.n += bytes.Count(p, []byte{'\n'})
	return len(p), nil
}

func TestASlowReaderHoldsNobodyUp(t *testing.T) {
	s := &stuck{gate: make(chan struct{})}
	q := newLineQueue(s)
	line := strings.Repeat("x", 1023) + "\n"
	const fit = maxWaiting / 1024
	const sent = 3 * fit
	for range sent {
		if _, err := q.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	close(s.gate)
	q.Close()
	if s.n < fit || int64(s.n)+q.missed.Load() != sent {
		t.Errorf("%d lines were written and %d missed of %d", s.n, q.missed.Load(), sent)
	}
}
