package store

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// filled returns a file that pruning has brought to that limit, with its writer.
func filled(t *testing.T, limits Limits) (*Store, *Writer) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	w := &Writer{Store: s, Limits: limits, Count: 8 * maxBatch}
	for n := 0; ; n += 500 {
		deliver(t, w, n, 500)
		if z, err := s.Size(t.Context()); err != nil || z.Bytes > limits.Bytes {
			break
		}
	}
	<-w.full
	if _, err := s.Prune(t.Context(), limits); err != nil {
		t.Fatal(err)
	}
	return s, w
}

// deliver writes that many exchanges in one batch, the first of which has that number.
func deliver(t *testing.T, w *Writer, from, many int) {
	t.Helper()
	for n := range many {
		w.Write(numbered(judged(good("/chat")), from+n))
	}
	if err := w.deliver(t.Context(), w.next()); err != nil {
		t.Fatal(err)
	}
}

// today is the time of the first exchanges.
var today = time.Now()

// numbered gives an exchange a time and an ID by its number.
func numbered(r *rules.Ruling, n int) *rules.Ruling {
	r.X.ID, r.X.Time = fmt.Sprintf("01J%023d", n), today.Add(time.Duration(n)*time.Millisecond)
	return r
}

// TestAFullFileIsTrimmedAsItIsWritten writes to a full file, which pruning does not have to do with anymore.
func TestAFullFileIsTrimmedAsItIsWritten(t *testing.T) {
	limits := Limits{Bytes: 8 << 20}
	s, w := filled(t, limits)
	const first, written = 1_000_000, 6_000 // more than fit
	found := numbered(judged(bad("/chat")), first)
	w.Write(found)
	for n := first + 1; n < first+written; n += 100 {
		deliver(t, w, n, 100)
		if z, err := s.Size(t.Context()); err != nil || z.Bytes > limits.Bytes+300<<10 {
			t.Fatalf("after %d exchanges: %+v, %v", n-first, z, err)
		}
		if len(w.full) > 0 {
			t.Fatalf("pruning was asked for after %d exchanges", n-first)
		}
	}
	z, err := s.Size(t.Context())
	if err != nil || z.Bytes < limits.Bytes*9/10 || z.Exchanges > 4000 {
		t.Errorf("got %+v, %v, want a full store with the last exchanges", z, err)
	}
	var kept []string
	if err := s.Rulings(t.Context(), Query{}, func(r *rules.Ruling) error { kept = append(kept, r.X.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	if kept[0] != found.X.ID {
		t.Errorf("the first one is %s, want that of the finding", kept[0])
	}
	for i, id := range kept[1:] {
		if want := fmt.Sprintf("01J%023d", first+written+i-len(kept[1:])+1); id != want {
			t.Fatalf("exchange %d of %d is %s, want %s: the oldest go first", i, len(kept), id, want)
		}
	}
	if is := w.State(); is.Pruned < written-4000 || is.Written-is.Pruned < int64(len(kept)) {
		t.Errorf("got %+v with %d kept", is, len(kept))
	}
}

// TestABatchThatFailsTrimsNothing deletes in a transaction that is taken back.
func TestABatchThatFailsTrimsNothing(t *testing.T) {
	s, w := filled(t, Limits{Bytes: 4 << 20})
	deliver(t, w, 1_000_000, 1000)
	was, pruned := exchangesIn(t, s), s.pruned.Load()
	if pruned == 0 {
		t.Fatal("nothing was trimmed")
	}
	var trimmed *trimming
	failed := errors.New("on purpose")
	err := s.transact(t.Context(), func(tx *sql.Tx) (err error) {
		s.ceiling.most /= 2
		if trimmed, err = s.trim(t.Context(), tx); err != nil {
			return err
		}
		if err := trimmed.run(t.Context(), tx, Size{1000, 3_000_000}); err != nil {
			return err
		}
		var left int
		if err := tx.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM exchanges").Scan(&left); err != nil || left >= was {
			t.Errorf("%d are left of %d in the transaction, %v", left, was, err)
		}
		return failed
	})
	trimmed.end(false)
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if got := exchangesIn(t, s); got != was || s.pruned.Load() != pruned {
		t.Errorf("%d exchanges, %d before; %d counted as deleted, %d before", got, was, s.pruned.Load(), pruned)
	}
	before := s.pruned.Load()
	deliver(t, w, 2_000_000, 100)
	if s.pruned.Load() == before {
		t.Error("nothing is trimmed after a failed batch")
	}
}

func exchangesIn(t *testing.T, s *Store) (n int) {
	t.Helper()
	if err := s.pool().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM exchanges").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNothingIsTrimmedBeforePruning writes to a file that is larger than the limit of a program that has not pruned it.
func TestNothingIsTrimmedBeforePruning(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	w := &Writer{Store: s, Limits: Limits{Bytes: 1 << 20}, Count: 8 * maxBatch}
	for n := 0; n < 2000; n += 500 {
		deliver(t, w, n, 500)
	}
	if n := exchangesIn(t, s); n != 2000 {
		t.Errorf("%d exchanges, want 2000", n)
	}
}

// TestLateExchangesAreTrimmedToo writes exchanges that began before those that were deleted last.
func TestLateExchangesAreTrimmedToo(t *testing.T) {
	limits := Limits{Bytes: 4 << 20}
	s, w := filled(t, limits)
	deliver(t, w, 1_000_000, 500)
	deliver(t, w, -500, 100) // of long tunnels
	if _, err := s.Prune(t.Context(), limits); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		deliver(t, w, 2_000_000+100*n, 100)
	}
	var late int
	if err := s.pool().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM exchanges WHERE time < $1", today.UnixMilli()).Scan(&late); err != nil || late > 0 {
		t.Errorf("%d late exchanges are kept, %v", late, err)
	}
}

// findingsOnly returns a file of which findings take more than the limit, with a writer of exchanges.
func findingsOnly(t *testing.T, limits Limits) (*Store, *Writer) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	w := &Writer{Store: s, Limits: limits}
	for i := range 3000 {
		r := *judged(bad("/" + letters(i)))
		w.Write(&r)
	}
	finish(t, w)
	if _, err := s.Prune(t.Context(), limits); err != nil {
		t.Fatal(err)
	}
	return s, &Writer{Store: s, Limits: limits}
}

// TestAFileFullOfFindingsKeepsExchanges writes to such a file and prunes it again and again: about a quarter of the limit is left to
// exchanges, and what was just written is kept even if all others are the first ones of findings.
func TestAFileFullOfFindingsKeepsExchanges(t *testing.T) {
	limits := Limits{Bytes: 1 << 20}
	s, w := findingsOnly(t, limits)
	for n := range 200 {
		from, many := 2_000_000+20*n, 1+n*7%20
		deliver(t, w, from, many)
		last := fmt.Sprintf("01J%023d", from+many-1)
		var kept int
		if err := s.pool().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM exchanges WHERE id = $1", last).Scan(&kept); err != nil || kept != 1 {
			t.Fatalf("%s, which was just written: %d, %v", last, kept, err)
		}
		if n%3 == 0 {
			if _, err := s.Prune(t.Context(), limits); err != nil {
				t.Fatal(err)
			}
		}
		var z Size
		if err := s.pool().QueryRowContext(t.Context(), sumSize+"exchanges").Scan(&z.Exchanges, &z.Bytes); err != nil {
			t.Fatal(err)
		}
		if z.Bytes < limits.Bytes/5 || z.Bytes > limits.Bytes/2 {
			t.Fatalf("after %d batches: %+v of exchanges, want about a quarter of the limit", n, z)
		}
	}
}

// TestLargeExchangesAreTrimmedBySize writes exchanges that are ten times as large as those that they replace.
func TestLargeExchangesAreTrimmedBySize(t *testing.T) {
	limits := Limits{Bytes: 8 << 20}
	s, w := filled(t, limits)
	padding := strings.Repeat("X-Pad: "+strings.Repeat("a", 1000)+"\r\n", 20)
	for n := 0; n < 1000; n += 50 {
		for i := range 50 {
			x := exchange(strings.Replace(fmt.Sprintf(sound, "/chat"), "Host:", padding+"Host:", 1), switching)
			w.Write(numbered(judged(x), 1_000_000+n+i))
		}
		if err := w.deliver(t.Context(), w.next()); err != nil {
			t.Fatal(err)
		}
		if z, err := s.Size(t.Context()); err != nil || z.Bytes > limits.Bytes+2<<20 {
			t.Fatalf("after %d: %+v, %v", n, z, err)
		}
	}
}

// TestAFileThatCannotBeTrimmedIsPruned lets a file grow beside the limit: pruning is asked for.
func TestAFileThatCannotBeTrimmedIsPruned(t *testing.T) {
	limits := Limits{Bytes: 1 << 20}
	s, w := findingsOnly(t, limits)
	s.ceiling.from = position{time: 1 << 60} // as if all others were the first ones of findings
	for n := 0; len(w.full) == 0; n += 20 {
		if n > 200 {
			t.Fatal("pruning is not asked for")
		}
		deliver(t, w, 2_000_000+n, 20)
	}
}

// TestWhatCannotBeDeletedIsPassedOver has an exchange that no statement deletes, as in a damaged file.
func TestWhatCannotBeDeletedIsPassedOver(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	var all []*rules.Ruling
	for range 50 {
		all = append(all, judged(good("/chat")))
	}
	write(t, s, all...)
	must(t, s, "CREATE TRIGGER no BEFORE DELETE ON exchanges WHEN OLD.id = '"+all[3].X.ID+"' BEGIN SELECT RAISE(IGNORE); END")
	for _, now := range []time.Time{time.Now(), time.Now().Add(31 * 24 * time.Hour)} {
		if _, err := s.pruneAt(t.Context(), Limits{Bytes: 1}, now, false); err != nil {
			t.Fatal(err)
		}
	}
	if n := exchangesIn(t, s); n != 1 || s.pruned.Load() != 49 {
		t.Errorf("%d exchanges are left, %d counted as deleted", n, s.pruned.Load())
	}
}

// TestAFileThatCannotBeTrimmedIsWritten has an error that concerns old exchanges only, as a damaged page causes.
func TestAFileThatCannotBeTrimmedIsWritten(t *testing.T) {
	s, w := filled(t, Limits{Bytes: 4 << 20})
	must(t, s, "CREATE TRIGGER no BEFORE DELETE ON exchanges BEGIN SELECT RAISE(FAIL, 'on purpose'); END")
	was := exchangesIn(t, s)
	for n := range 10 {
		deliver(t, w, 1_000_000+100*n, 100) // after the first failed attempt there is another
	}
	if n := exchangesIn(t, s); n != was+1000 || w.State().Shed > 0 {
		t.Errorf("%d exchanges, want %d; %d are shed", n, was+1000, w.State().Shed)
	}
	must(t, s, "DROP TRIGGER no")
	if _, err := s.Prune(t.Context(), Limits{Bytes: 4 << 20}); err != nil {
		t.Fatal(err)
	}
	before := s.pruned.Load()
	deliver(t, w, 2_000_000, 200)
	if s.pruned.Load() == before {
		t.Error("nothing is trimmed after pruning has succeeded")
	}
}

// BenchmarkAFullFile measures the CPU time that an exchange costs: to be written to a file that is not full, to be written to a full
// one, of which another is deleted, and to be pruned. The batches are those of that many exchanges each.
func BenchmarkAFullFile(b *testing.B) {
	for _, batch := range []int{20, 200, 1000} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			const limit, exchanges = 64 << 20, 10_000
			s := open(b, filepath.Join(b.TempDir(), "store.db"))
			w := &Writer{Store: s, Count: 1 << 20, Bytes: 1 << 40}
			r, n := judged(good("/chat?room=1&token=s3cret")), 0
			write := func(many int) time.Duration {
				was := usage()
				for range many / batch {
					for range batch {
						next, x := *r, *r.X
						next.X, n = &x, n+1
						w.Write(numbered(&next, n))
					}
					if err := w.deliver(b.Context(), w.next()); err != nil {
						b.Fatal(err)
					}
				}
				return usage() - was
			}
			write(30_000)
			var empty, full, pruned time.Duration
			var times, gone int64
			for b.Loop() {
				s.ceiling.settle(1 << 40)
				empty += write(exchanges)
				was := usage()
				p, err := s.Prune(b.Context(), Limits{Bytes: limit})
				if err != nil {
					b.Fatal(err)
				}
				pruned, gone = pruned+usage()-was, gone+p.Exchanges
				full += write(exchanges)
				times++
			}
			for _, of := range []struct {
				name string
				sum  time.Duration
				n    int64
			}{{"written-µs/exchange", empty, times * exchanges}, {"full-µs/exchange", full, times * exchanges}, {"pruned-µs/exchange", pruned, gone}} {
				b.ReportMetric(float64(of.sum.Microseconds())/float64(of.n), of.name)
			}
		})
	}
}
