package store

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// TestMemoryStaysSmall writes more than a store in memory keeps, in less than the minute between
// two prunes.
func TestMemoryStaysSmall(t *testing.T) {
	s := open(t, "memory")
	w := &Writer{Store: s, Limits: Limits{Count: 800}, Drain: time.Minute}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	r := judged(good("/chat"))
	for i := range 8000 {
		is, x := *r, *r.X
		x.ID, x.Time = fmt.Sprintf("01X%08d", i), r.X.Time.Add(time.Duration(i)*time.Millisecond)
		is.X = &x
		w.Write(&is)
		for w.State().Waiting >= maxBatch {
			if err := pause(ctx, time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
	}
	for {
		z, err := s.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if z.Exchanges <= 800 {
			break
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			t.Fatalf("%d exchanges are kept, %v", z.Exchanges, err)
		}
		w.Write(r) // the last prune may have begun before the last batch
	}
	cancel()
	if err := <-done; err != nil || w.State().Shed != 0 {
		t.Error(err, w.State())
	}
	if sums, err := s.Totals(t.Context()); err != nil || sums.Verdicts[r.Verdict] < 8000 {
		t.Errorf("counted %v, %v", sums, err)
	}
}

// BenchmarkMemory writes rulings to a store in memory.
func BenchmarkMemory(b *testing.B) {
	s := open(b, "memory")
	w := &Writer{Store: s, Drain: time.Minute}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	r := judged(good("/chat?room=1&token=s3cret"))
	n := 0
	for b.Loop() {
		for w.State().Waiting > maxBatch {
			pause(ctx, time.Millisecond)
		}
		is, x := *r, *r.X
		x.ID, x.Time = fmt.Sprintf("01X%08d", n), r.X.Time.Add(time.Duration(n)*time.Millisecond)
		is.X = &x
		w.Write(&is)
		n++
	}
	cancel()
	if err := <-done; err != nil || w.State().Shed != 0 {
		b.Fatal(err, w.State())
	}
}
