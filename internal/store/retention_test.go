package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// A season writes exchanges into an SQLite file with a clock that it moves, and prunes as [Writer.Run] does.
type season struct {
	path   string
	limits Limits
	minute int // exchanges in a minute of its clock
	urgent int // every so manieth is unsafe, and its caller waits for the store

	store   *Store
	writer  *Writer
	now     atomic.Int64 // its clock, in milliseconds
	pruning atomic.Bool
	pruned  Pruned
	prunes  int
	written int
	begun   sync.WaitGroup // promises

	mu              sync.Mutex
	calm, disturbed []time.Duration // how long callers waited, without and with pruning
	blocked         time.Duration   // the longest call of Write
	largest         int64           // of the file and its log together

}

// run writes and prunes until the function that it returns is called.
func (s *season) run(t testing.TB) (stop func()) {
	life, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.writer.loop(life) }()
	keeping, enough := context.WithCancel(life)
	var keeper sync.WaitGroup
	keeper.Go(func() { s.keep(keeping, t) })
	return func() {
		s.begun.Wait()
		close(s.writer.ending)
		if err := <-done; err != nil {
			t.Error(err)
		}
		enough()
		keeper.Wait()
		end()
	}
}

// pass lets minutes pass, with their exchanges.
func (s *season) pass(t testing.TB, minutes int) {
	kinds := []*rules.Ruling{judged(good("/chat?room=1&token=s3cret")), judged(bad("/chat"))}
	for range minutes {
		for i := range s.minute {
			if s.pruning.Load() { // no more than there is in that time at 200 exchanges a second
				pause(t.Context(), 5*time.Millisecond)
			}
			s.write(kinds, time.UnixMilli(s.now.Load()+int64(i*60_000/s.minute)))
		}
		s.now.Add(60_000)
		for s.writer.State().Waiting > 2*maxBatch { // the store never makes a writer wait, so the test waits for the store
			pause(t.Context(), time.Millisecond)
		}
	}
}

func (s *season) write(kinds []*rules.Ruling, at time.Time) {
	s.written++
	urgent := s.urgent > 0 && s.written%s.urgent == 0
	r := *kinds[0]
	if urgent {
		r = *kinds[1]
	}
	x := *r.X
	x.ID, x.Time = fmt.Sprintf("01J%023d", s.written), at
	r.X = &x
	began, while := time.Now(), s.pruning.Load()
	if !urgent {
		s.writer.Write(&r)
		s.blocked = max(s.blocked, time.Since(began))
		return
	}
	s.begun.Add(1)
	s.writer.WriteThen(&r, func(bool) {
		defer s.begun.Done()
		took := time.Since(began)
		s.mu.Lock()
		defer s.mu.Unlock()
		if while || s.pruning.Load() {
			s.disturbed = append(s.disturbed, took)
		} else {
			s.calm = append(s.calm, took)
		}
	})
	s.blocked = max(s.blocked, time.Since(began))
}

// keep prunes when the writer asks for it, and in each hour of the season's clock.
func (s *season) keep(ctx context.Context, t testing.TB) {
	last := s.now.Load()
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.writer.full:
		case <-every.C:
			s.measure()
			if s.now.Load() < last+60*60_000 {
				continue
			}
			last = s.now.Load()
		}
		s.pruning.Store(true)
		p, err := s.store.pruneBy(ctx, s.limits, time.UnixMilli(s.now.Load()), false, s.writer.gentle)
		s.pruning.Store(false)
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrUnreachable) { // on a busy machine the file may be locked for long
			t.Error(err)
		}
		s.pruned.Exchanges += p.Exchanges
		s.pruned.Bytes += p.Bytes
		s.prunes++
		s.measure()
	}
}

// measure records the size of the file and of its write-ahead log.
func (s *season) measure() {
	var sum int64
	for _, name := range []string{s.path, s.path + "-wal"} {
		if is, err := os.Stat(name); err == nil {
			sum += is.Size()
		}
	}
	s.largest = max(s.largest, sum)
}

func newSeason(t testing.TB, limits Limits, perMinute, urgent int) *season {
	s := &season{path: filepath.Join(t.TempDir(), "store.db"), limits: limits, minute: perMinute, urgent: urgent}
	s.store = open(t, s.path)
	s.writer = &Writer{Store: s.store, Limits: limits, Count: 8 * maxBatch, patience: time.Minute}
	s.writer.mu.Lock()
	s.writer.start()
	s.writer.mu.Unlock()
	s.now.Store(time.Now().UnixMilli())
	return s
}

// TestTheFileStaysWithinItsBound lets two days pass in which far more is written than fits. The bound is the one that
// docs/store.md states.
func TestTheFileStaysWithinItsBound(t *testing.T) {
	s := newSeason(t, Limits{Bytes: 8 << 20, Age: 24 * time.Hour}, 5, 0)
	stop := s.run(t)
	s.pass(t, 2*24*60)
	stop()
	if _, err := s.store.pruneAt(t.Context(), s.limits, time.UnixMilli(s.now.Load()), false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.pool().ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil { // as SQLite does after each 1,000 pages
		t.Fatal(err)
	}
	s.within(t)
	if is := s.writer.State(); is.Pruned < int64(s.written)/2 || is.Shed > 0 {
		t.Errorf("deleted %d of %d, shed %d", is.Pruned, s.written, is.Shed)
	}
}

// within checks that the file never was too large, and that what is left is within the limits.
func (s *season) within(t testing.TB) {
	t.Helper()
	if bound := s.limits.Bytes*5/4 + 64<<20; s.largest > bound {
		t.Errorf("the file and its log had %d bytes, want at most %d", s.largest, bound)
	}
	if is, err := os.Stat(s.path); err != nil || is.Size() > s.limits.Bytes*5/4 {
		t.Errorf("the file has %d bytes, want at most %d", is.Size(), s.limits.Bytes*5/4)
	}
	z, err := s.store.Size(t.Context())
	if err != nil || z.Bytes > s.limits.Bytes {
		t.Errorf("got %+v, %v", z, err)
	}
	minutes, err := s.store.Minutes(t.Context(), time.Time{}, time.Time{})
	if most := int(s.limits.Age/time.Minute) + 2; err != nil || len(minutes) > most*2 {
		t.Errorf("%d minutes are kept, want at most %d", len(minutes), most*2)
	}
}

// BenchmarkThirtyDays lets 33 days pass with the default age and a sixty-fourth of the default size, and a part of the traffic.
// Run it with -benchtime 1x.
func BenchmarkThirtyDays(b *testing.B) {
	s := newSeason(b, Limits{Bytes: 16 << 20, Age: 30 * 24 * time.Hour}, 5, 1000)
	stop := s.run(b)
	for b.Loop() {
		s.pass(b, 33*24*60)
	}
	stop()
	if _, err := s.store.pruneAt(b.Context(), s.limits, time.UnixMilli(s.now.Load()), false); err != nil {
		b.Fatal(err)
	}
	if _, err := s.store.pool().ExecContext(b.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		b.Fatal(err)
	}
	s.within(b)
	b.Logf("%d written, %d deleted, %d of them in %d prunes; at most %d MiB with the log; the longest Write took %v",
		s.written, s.writer.State().Pruned, s.pruned.Exchanges, s.prunes, s.largest>>20, s.blocked)
}

// BenchmarkPromisesWhilePruning measures how long callers wait for the store at 200 exchanges a second, a fifth of them
// unsafe, with and without pruning at the same time. Run it with -benchtime 1x.
func BenchmarkPromisesWhilePruning(b *testing.B) {
	s := newSeason(b, Limits{Bytes: 1 << 40}, 1000, 0)
	stop := s.run(b)
	s.pass(b, 60)
	s.urgent = 5
	kinds := []*rules.Ruling{judged(good("/chat?room=1&token=s3cret")), judged(bad("/chat"))}
	for b.Loop() {
		for window := range 20 {
			var pruning sync.WaitGroup
			ctx, enough := context.WithCancel(b.Context())
			if window%2 == 1 {
				s.pruning.Store(true)
				pruning.Go(func() {
					z, err := s.store.Size(ctx)
					if err == nil {
						_, err = s.store.pruneBy(ctx, Limits{Bytes: 1 << 40, Count: z.Exchanges - 2000}, time.UnixMilli(s.now.Load()), false, s.writer.gentle)
					}
					if err != nil {
						b.Error(err)
					}
					s.pruning.Store(false)
				})
			}
			for i := 0; i < 200 && (window%2 == 0 || s.pruning.Load()); i++ {
				s.write(kinds, time.UnixMilli(s.now.Load()))
				pause(ctx, 5*time.Millisecond)
			}
			pruning.Wait()
			enough()
			s.begun.Wait()
		}
	}
	stop()
	for _, each := range []struct {
		name string
		all  []time.Duration
	}{{"calm", s.calm}, {"pruning", s.disturbed}} {
		slices.Sort(each.all)
		n := len(each.all)
		b.Logf("%s: %d promises, p50 %v, p99 %v, longest %v", each.name, n, each.all[n/2], each.all[n*99/100], each.all[n-1])
	}
	b.Logf("the longest Write took %v", s.blocked)
}

// TestTheSizeInStepsIsTheSize counts exchanges of which many have the same time.
func TestTheSizeInStepsIsTheSize(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		for range 2 {
			var want Size
			if err := s.pool().QueryRowContext(t.Context(), sumSize+"exchanges").Scan(&want.Exchanges, &want.Bytes); err != nil {
				t.Fatal(err)
			}
			if got, err := s.sizeInSteps(t.Context()); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
			w := &Writer{Store: s, Count: 4 * countStep, Bytes: 1 << 30}
			now := time.Now()
			for i := range countStep + 10 {
				r := *judged(good("/chat"))
				r.X.Time = now.Add(time.Duration(i/1000) * time.Second)
				w.Write(&r)
			}
			finish(t, w)
		}
		if z, err := s.sizeInSteps(t.Context()); err != nil || z.Exchanges != 2*(countStep+10) {
			t.Errorf("got %+v, %v", z, err)
		}
	})
}

// TestOtherThingsLeaveRoomForExchanges fills a file with findings, which retention keeps.
func TestOtherThingsLeaveRoomForExchanges(t *testing.T) {
	limits := Limits{Bytes: 1 << 20}
	s, _ := findingsOnly(t, limits)
	var kept Size
	if err := s.pool().QueryRowContext(t.Context(), sumSize+"exchanges").Scan(&kept.Exchanges, &kept.Bytes); err != nil {
		t.Fatal(err)
	}
	if z, err := s.Size(t.Context()); err != nil || z.Bytes < limits.Bytes || kept.Bytes > limits.Bytes/4 || kept.Bytes < limits.Bytes/4-10<<10 {
		t.Errorf("got %+v, %v with %+v of exchanges, want about a quarter of the limit for exchanges", z, err, kept)
	}
}

// TestNoMoreIsDeletedBesideAnotherThatPrunes lets exchanges disappear while others are deleted: as many as are too many are
// deleted by both together.
func TestNoMoreIsDeletedBesideAnotherThatPrunes(t *testing.T) {
	for _, limits := range []Limits{{Count: 50}, {Bytes: 1}} {
		s := open(t, filepath.Join(t.TempDir(), "store.db"))
		var all []*rules.Ruling
		for range 200 {
			all = append(all, judged(good("/chat")))
		}
		write(t, s, all...)
		_, err := s.pool().ExecContext(t.Context(), `CREATE TRIGGER another AFTER DELETE ON exchanges
			WHEN (SELECT COUNT(*) FROM exchanges) > 190 BEGIN DELETE FROM exchanges WHERE id = (SELECT MIN(id) FROM exchanges); END`)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Prune(t.Context(), limits)
		if err != nil {
			t.Fatal(err)
		}
		var left int64
		if err := s.pool().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM exchanges").Scan(&left); err != nil || left != limits.Count {
			t.Errorf("%d exchanges are left with %+v, want %d: %v (deleted %+v)", left, limits, limits.Count, err, p)
		}
	}
}

// TestALowerLimitShortensTheFile prunes a file to a fifth, and writes nothing to it afterwards.
func TestALowerLimitShortensTheFile(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	var all []*rules.Ruling
	for range 2000 {
		all = append(all, judged(good("/chat")))
	}
	write(t, s, all...)
	z, err := s.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	limits := Limits{Bytes: z.Bytes / 5}
	if _, err := s.Prune(t.Context(), limits); err != nil {
		t.Fatal(err)
	}
	if is, err := os.Stat(s.path); err != nil || is.Size() > limits.Bytes*5/4 {
		t.Errorf("the file has %d bytes, want at most %d: %v", is.Size(), limits.Bytes*5/4, err)
	}
}

// letters writes a number in letters, which no template of endpoints merges.
func letters(n int) string {
	var b []byte
	for ; n > 0; n /= 26 {
		b = append(b, byte('a'+n%26))
	}
	return "p" + string(b)
}

// TestCommitsWaitForTheDiskAfterPruning checks that connections wait for the disk again after a step of pruning.
func TestCommitsWaitForTheDiskAfterPruning(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	write(t, s, judged(good("/chat")))
	if p, err := s.Prune(t.Context(), Limits{Bytes: 1}); err != nil || p.Exchanges != 1 {
		t.Fatalf("got %+v, %v", p, err)
	}
	for range 4 {
		conn, err := s.pool().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var level int
		if err := conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&level); err != nil || level != 2 {
			t.Errorf("got level %d, %v, want 2 (full)", level, err)
		}
	}
}
