package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func TestWhatIsLeftIsSaid(t *testing.T) {
	s := open(t, "memory")
	gone(t, s)
	w := &Writer{Store: s, Drain: 10 * time.Millisecond}
	told := make(chan bool, 2)
	w.WriteThen(judged(bad("/chat")), func(stored bool) { told <- stored })
	w.Write(judged(good("/chat")))
	err := run(t, w)()
	if !errors.Is(err, ErrUnreachable) || !strings.HasPrefix(err.Error(), "1 findings and 2 exchanges were not stored: write store \"memory\": it does not answer") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if <-told {
		t.Error("a lost ruling was reported as stored")
	}
}

func TestWithoutEvidenceFindingsAreKept(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		w, told := finished(t, func() *Writer { return &Writer{Store: s, FindingsOnly: true} })
		if !told || len(findings(t, s, Query{})) != 1 || len(read(t, s, Query{})) != 0 || w.State().Shed != 0 {
			t.Errorf("got %+v, %d exchanges, %+v", findings(t, s, Query{}), len(read(t, s, Query{})), w.State())
		}
	})
}

// finished writes an unsafe ruling with a new writer, to its end, and returns what the caller was
// told. Where the database takes longer than a caller waits, it does so again.
func finished(t *testing.T, open func() *Writer) (w *Writer, told bool) {
	t.Helper()
	for range 20 {
		w = open()
		stored := make(chan bool, 1)
		began := time.Now()
		w.WriteThen(judged(bad("/chat")), func(is bool) { stored <- is })
		finish(t, w)
		if told = <-stored; told || time.Since(began) < patience {
			break
		}
	}
	return w, told
}

func TestWhatPassedLeavesRoom(t *testing.T) {
	w := &Writer{Store: open(t, "memory"), Count: 20}
	for range 100 {
		w.Write(judged(good("/chat")))
	}
	for range 100 {
		w.Write(judged(refused("/chat")))
	}
	if s := w.State(); s.Waiting != 20 || s.Shed != 180 || s.Findings != 1 {
		t.Errorf("got %+v", s)
	}
	finish(t, w)
	if found := read(t, w.Store, Query{Verdicts: AtLeast(rules.Warn)}); len(found) != 10 {
		t.Errorf("%d of what did not pass", len(found))
	}
}

func TestHostileTextIsWritten(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		x := bad("/a\x00\xff?" + strings.Repeat("\x80", 9000))
		x.ID, x.Route, x.Backend, x.Client = "bad\x00\xff", "\xff\x00", strings.Repeat("long\x00", 2000), "\x00"
		x.Origin, x.Probe, x.Altered = "\xfe", "\xfe\x00", []string{"\x00"}
		r := judged(x)
		r.Run, r.Instance = "run\x00", "\xed\xa0\x80"
		w := &Writer{Store: s}
		w.Begin(Run{ID: "\x00", Labels: map[string]string{"\xff": "\x00"}})
		w.Write(r)
		w.Write(judged(bad("/chat")))
		finish(t, w)
		if found := findings(t, s, Query{Rule: "UPGRADE-POST"}); len(found) != 2 || w.State().Shed != 0 {
			t.Errorf("got %+v, %+v", found, w.State())
		}
		if all := read(t, s, Query{}); len(all) != 2 {
			t.Errorf("got %q", ids(all))
		}
	})
}

// TestUnsafeComesFirst checks that waiting rulings, however many and in whatever order, do not
// delay unsafe ones.
func TestUnsafeComesFirst(t *testing.T) {
	var q queue
	put := func(id string, unsafe bool, revision int) {
		x := good("/chat")
		x.ID, x.Revision = id, revision
		r := judged(x)
		r.Unsafe, r.Verdict = unsafe, rules.Fail
		q.put(r, 1<<40, 1<<20)
	}
	for i := range 3 * maxBatch {
		put(fmt.Sprint(i), i%maxBatch == 7, 0)
	}
	put("9", true, 1) // this exchange turns out to be unsafe
	put("9", false, 0)
	var got string
	total := 0
	for taken := q.take(); taken != nil; taken = q.take() {
		if total == 0 {
			for _, is := range taken[:5] {
				got += is.ruling.X.ID + " "
			}
		}
		total += len(taken)
	}
	if got != "7 1007 2007 9 0 " || total != 3*maxBatch || q.count != 0 || q.bytes != 0 || len(q.byID) != 0 {
		t.Errorf("got %q, %d in all, %+v", got, total, q)
	}
}

// TestWhatIsRefusedHoldsNothingUp has a database reject some exchanges for good.
func TestWhatIsRefusedHoldsNothingUp(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		if s.dialect == postgres {
			must(t, s, "ALTER TABLE exchanges ADD CHECK (endpoint <> '/chat')")
		} else {
			must(t, s, "CREATE TRIGGER refuse BEFORE INSERT ON exchanges WHEN new.endpoint = '/chat' BEGIN SELECT RAISE(ABORT, 'no'); END")
		}
		w, told := finished(t, func() *Writer { return &Writer{Store: s} })
		if found := findings(t, s, Query{}); len(found) != 1 || w.State().Shed != 1 || !told {
			t.Errorf("got %+v, %+v", found, w.State())
		}
		write(t, s, judged(bad("/rooms")))
		if all := read(t, s, Query{}); len(all) != 1 {
			t.Errorf("got %q", ids(all))
		}
	})
}

// TestABatchIsWrittenOnce writes a batch twice, as a writer does if the connection ends before the
// answer to COMMIT arrives.
func TestABatchIsWrittenOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		w := &Writer{Store: s}
		for n := range int64(2) {
			w.Write(judged(bad("/chat")))
			b := w.next()
			for range 2 {
				if _, err := s.write(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
			if found := findings(t, s, Query{}); len(found) != 1 || found[0].Count != n+1 {
				t.Errorf("got %+v", found)
			}
		}
	})
}

// BenchmarkWrite measures the cost of Write for its caller.
func BenchmarkWrite(b *testing.B) {
	for _, x := range []*wire.Exchange{good("/chat"), bad("/chat")} {
		b.Run(x.Request.Method, func(b *testing.B) {
			w, r := &Writer{Store: open(b, "memory")}, judged(x)
			b.ReportAllocs()
			for b.Loop() {
				w.Write(r)
			}
		})
	}
}
