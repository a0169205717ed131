package store

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// began returns the exchange as one of that time.
func began(x *wire.Exchange, at time.Time) *wire.Exchange {
	x.ID, x.Time = ulid.MustNew(ulid.Timestamp(at), rand.Reader).String(), at
	return x
}

// names returns the partitions of a store and how many exchanges each of them has.
func names(t *testing.T, s *Store) map[string]int64 {
	t.Helper()
	all, err := days{s}.parts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, p := range all {
		var n int64
		if err := s.pool().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+p.name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts[p.name] = n
	}
	return counts
}

func partOf(at time.Time) string { return partDay + at.UTC().Format(dayFormat) }

// TestWholeDaysExpire has exchanges of six weeks and prunes by days: what is counted as deleted is
// gone, the first exchange of each finding and whatever is younger than its ID stays.
func TestWholeDaysExpire(t *testing.T) {
	s := open(t, postgresCluster(t).database(t))
	now := time.Now().UTC().Truncate(day).Add(12 * time.Hour)
	var all []*rules.Ruling
	for back := 42; back >= 0; back -= 3 {
		at := now.Add(-time.Duration(back) * day)
		if err := (days{s}).ahead(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			x := good("/chat")
			if i == 0 {
				x = bad("/chat")
			}
			all = append(all, judged(began(x, at.Add(time.Duration(i)*time.Second))))
		}
	}
	late := judged(began(good("/late"), now.Add(-41*day)))
	late.X.Time = now.Add(-day)
	write(t, s, append(all, late)...)
	if n := names(t, s)[partOf(now.Add(-42*day))]; n != 4 {
		t.Fatalf("%v", names(t, s))
	}
	before, err := s.Size(t.Context())
	if err != nil || before.Exchanges != int64(len(all)+1) {
		t.Fatalf("%+v, %v", before, err)
	}
	is := func(p Pruned, exchanges int64) {
		t.Helper()
		after, err := s.Size(t.Context())
		if err != nil || p.Exchanges != exchanges || before.Exchanges-after.Exchanges != p.Exchanges || before.Bytes-after.Bytes != p.Bytes {
			t.Errorf("%+v deleted, %+v before, %+v after, %v", p, before, after, err)
		}
		if n, err := s.Count(t.Context(), Query{}); err != nil || n != after.Exchanges {
			t.Errorf("%d exchanges, %v", n, err)
		}
		before = after
	}
	p, err := s.pruneAt(t.Context(), Limits{}, now, true)
	if err != nil {
		t.Fatal(err)
	}
	is(p, 4*4-1) // of 42, 39, 36 and 33 days before, but the first finding
	counts := names(t, s)
	if counts[partOther] != 2 || counts[partOf(now.Add(-30*day))] != 4 {
		t.Errorf("%v", counts)
	}
	if _, old := counts[partOf(now.Add(-33*day))]; old {
		t.Errorf("%v", counts)
	}
	for _, r := range []*rules.Ruling{all[0], late} {
		if _, err := s.Ruling(t.Context(), r.X.ID); err != nil {
			t.Errorf("it is not kept: %v", err)
		}
	}
	if p, err = s.pruneAt(t.Context(), Limits{Age: 15 * day}, now.Add(11*time.Hour), false); err != nil {
		t.Fatal(err)
	}
	is(p, 6*4) // of 30 to 15 days before, of which the last day is not deleted as a whole
	if p, err = s.pruneAt(t.Context(), Limits{Count: 10}, now, true); err != nil {
		t.Fatal(err)
	}
	is(p, 12)
	if _, err = s.pruneAt(t.Context(), Limits{}, now.Add(12*30*day), true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ruling(t.Context(), all[0].X.ID); err == nil {
		t.Error("the first exchange of a finding is kept for good")
	}
}

// ownerAndClerk opens a database twice: as its owner, and as a user that may only read and write rows.
func ownerAndClerk(t *testing.T, now time.Time) (owner, clerk *Store) {
	t.Helper()
	name := postgresCluster(t).database(t)
	owner = open(t, name)
	if err := (days{owner}).ahead(t.Context(), now.Add(-40*day)); err != nil {
		t.Fatal(err)
	}
	var all []*rules.Ruling
	for range 20 {
		all = append(all, judged(began(good("/old"), now.Add(-40*day))), judged(began(good("/new"), now)))
	}
	write(t, owner, all...)
	do(t, owner, "DO $$ BEGIN CREATE ROLE clerk LOGIN PASSWORD '"+secret+"'; EXCEPTION WHEN duplicate_object THEN NULL; END $$", grantRows)
	return owner, open(t, strings.Replace(name, "interlock:", "clerk:", 1))
}

const grantRows = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk"

// do executes statements.
func do(t *testing.T, s *Store, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := s.pool().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUpkeepWithoutTheRightsOfTheOwner keeps a store with a user that cannot create or drop the table of a day, which it
// says, and deletes rows instead.
func TestUpkeepWithoutTheRightsOfTheOwner(t *testing.T) {
	now := time.Now()
	owner, s := ownerAndClerk(t, now)
	w := &Writer{Store: s}
	if w.tidy(t.Context(), now); w.State().Upkeep != nil {
		t.Errorf("all days are there, and it says %v", w.State().Upkeep)
	}
	if n := names(t, s)[partOf(now.Add(-40*day))]; n != 0 {
		t.Errorf("%d old exchanges are left", n)
	}
	do(t, owner, "DELETE FROM leases")
	limited := &Writer{Store: s, Limits: Limits{Count: 5}}
	limited.tidy(t.Context(), now.Add(10*day))
	if err := limited.State().Upkeep; err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %v", err)
	}
	if z, err := s.Size(t.Context()); err != nil || z.Exchanges != 5 {
		t.Errorf("got %+v, %v", z, err)
	}
}

// TestUpkeepIsSaidToTheEnd has upkeep fail for three reasons, then the program end, and then another instance take over.
func TestUpkeepIsSaidToTheEnd(t *testing.T) {
	now := time.Now()
	owner, s := ownerAndClerk(t, now)
	do(t, owner, "REVOKE DELETE ON findings FROM clerk")
	w := &Writer{Store: s}
	w.tidy(t.Context(), now.Add(10*day))
	if err := w.State().Upkeep; err == nil || strings.Count(err.Error(), "permission denied") != 3 || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %q, want three reasons in one line", err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if w.tidy(ended, now.Add(10*day)); w.State().Upkeep == nil {
		t.Error("the end of the program counts as upkeep")
	}
	do(t, owner, "DELETE FROM leases")
	(&Writer{Store: owner}).tidy(t.Context(), now.Add(10*day))
	do(t, owner, grantRows)
	if w.tidy(t.Context(), now.Add(10*day)); w.State().Upkeep != nil {
		t.Errorf("another instance keeps the store up, and this one says %v", w.State().Upkeep)
	}
}

// TestDaysAreAddedToAStoreInUse adds the partition of a day by several instances at once, while
// exchanges of that day are written, which were in the partition of all others.
func TestDaysAreAddedToAStoreInUse(t *testing.T) {
	name := postgresCluster(t).database(t)
	s := open(t, name)
	at := time.Now().Add(10 * day)
	r := func() *rules.Ruling { return judged(began(bad("/chat"), at)) }
	write(t, s, r(), r())
	if n := names(t, s)[partOther]; n != 2 {
		t.Fatalf("%v", names(t, s))
	}
	w := &Writer{Store: s}
	end := run(t, w)
	var adding sync.WaitGroup
	for range 5 {
		other := open(t, name)
		adding.Go(func() {
			for range 20 {
				if err := (days{other}).ahead(t.Context(), at); err != nil {
					t.Error(err)
				}
				w.Write(r())
			}
		})
	}
	adding.Wait()
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if err := (days{s}).ahead(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if counts := names(t, s); counts[partOther] != 0 || counts[partOf(at)] != 102 || len(counts) != 9 {
		t.Errorf("%v", counts)
	}
}

// TestAStoreIsDividedInUse migrates a store of the schema before days while a program that does not
// know them writes, and goes on with that program, with the statements it had prepared.
func TestAStoreIsDividedInUse(t *testing.T) {
	c := postgresCluster(t)
	if _, err := c.admin(t).ExecContext(t.Context(), "CREATE DATABASE danish TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'da'"); err != nil { // aa is the last letter
		t.Fatal(err)
	}
	name := c.dsn("danish")
	old := open(t, name)
	p, err := old.provider()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ApplyVersion(t.Context(), versionDays, false); err != nil {
		t.Fatal(err)
	}
	all := corpus(t)[:200] // their IDs are no ULIDs, and some begin with a space or a letter
	all[3].X.ID, all[4].X.ID = "zebra", " "
	write(t, old, all...)
	var before strings.Builder
	if err := old.Export(t.Context(), &before); err != nil {
		t.Fatal(err)
	}
	w := &Writer{Store: old}
	end := run(t, w)
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	n := 0
	writing.Go(func() {
		for ctx.Err() == nil && n < 10_000 {
			w.Write(judged(good("/passing")))
			n++
			if n%20 == 0 {
				pause(ctx, time.Millisecond)
			}
		}
	})
	until(t, "it writes", func() bool { return w.State().Written > 20 })
	young := open(t, name) // migrates
	written := w.State().Written
	until(t, "it writes on", func() bool { return w.State().Written > written+20 })
	stop()
	writing.Wait()
	if err := end(); err != nil {
		t.Fatal(err)
	}
	counts := names(t, young)
	if len(counts) != 2+daysAhead || counts[partOther] != 1 {
		t.Errorf("%v", counts)
	}
	if got, err := young.Count(t.Context(), Query{}); err != nil || got != int64(len(all)+n) || w.State().Shed != 0 {
		t.Errorf("%d exchanges of %d, %v, %+v", got, len(all)+n, err, w.State())
	}
	for _, r := range all {
		if _, err := young.Ruling(t.Context(), r.X.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := old.pool().ExecContext(t.Context(), "DELETE FROM exchanges WHERE endpoint = '/passing'"); err != nil {
		t.Fatal(err) // as the old program prunes
	}
	var after strings.Builder
	if err := young.Export(t.Context(), &after); err != nil {
		t.Fatal(err)
	}
	rulings := func(text string) string { // all but the name of the store and learned endpoints
		var kept []string
		for line := range strings.Lines(text) {
			if strings.Contains(line, `"id":"`) && !strings.Contains(line, `"table"`) {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "")
	}
	if rulings(after.String()) != rulings(before.String()) {
		t.Error("the exchanges have changed")
	}
	if _, err := p.ApplyVersion(t.Context(), versionDays, false); err != nil {
		t.Fatal(err)
	}
	if got, err := old.Count(t.Context(), Query{}); err != nil || got != int64(len(all)) {
		t.Errorf("%d exchanges, %v", got, err)
	}
}

// TestIDsFallIntoTheirDays compares the bounds of a day with IDs at its ends.
func TestIDsFallIntoTheirDays(t *testing.T) {
	begin := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	for at, want := range map[time.Time]bool{
		begin: true, begin.Add(day - time.Millisecond): true, begin.Add(-time.Millisecond): false, begin.Add(day): false,
	} {
		var id ulid.ULID
		_ = id.SetTime(uint64(at.UnixMilli()))
		for _, last := range []byte{0, 0xff} {
			for i := 6; i < len(id); i++ {
				id[i] = last
			}
			if got := id.String() >= boundOf(begin) && id.String() < boundOf(begin.Add(day)); got != want {
				t.Errorf("%s: %t", at, got)
			}
		}
	}
}

// TestOneInstanceTidies has several instances ask for a lease.
func TestOneInstanceTidies(t *testing.T) {
	s := open(t, postgresCluster(t).database(t))
	ask := func(holder string, length time.Duration) bool {
		t.Helper()
		ours, err := s.lease(t.Context(), "tidy", holder, length)
		if err != nil {
			t.Fatal(err)
		}
		return ours
	}
	if !ask("a", 0) || !ask("b", time.Hour) || ask("a", time.Hour) || ask("b", time.Hour) {
		t.Error("the lease is given to two instances, or to none")
	}
}

// TestTwoInstancesDoNotDropTwice has the partitions locked by another instance, and one dropped
// after it was counted, while a limit is exceeded by one day.
func TestTwoInstancesDoNotDropTwice(t *testing.T) {
	s := open(t, postgresCluster(t).database(t))
	now := time.Now()
	for back := 5; back > 0; back-- {
		at := now.Add(-time.Duration(back) * day)
		if err := (days{s}).ahead(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		write(t, s, judged(began(good("/chat"), at)), judged(began(good("/chat"), at)))
	}
	other, err := s.pool().BeginTx(t.Context(), nil)
	if err == nil {
		err = execute(t.Context(), other, "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.exchanges', 0))")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback()
	if p, err := s.pruneAt(t.Context(), Limits{Count: 8}, now, true); err != nil || p.Exchanges != 0 {
		t.Errorf("deleted %+v, %v", p, err)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	var gone Pruned
	excess := func() (int64, int64) { // the other instance drops the first day after the store was measured
		if gone.Exchanges == 0 {
			if _, err := (days{s}).drop(t.Context(), &gone, partOf(now.Add(-5*day)), forever, 0); err != nil {
				t.Error(err)
			}
		}
		return 2, 0
	}
	var p Pruned
	if alone, err := (days{s}).reduce(t.Context(), &p, now, excess); alone || err != nil || p.Exchanges != 0 || gone.Exchanges != 2 {
		t.Errorf("deleted %+v besides %+v, alone: %t, %v", p, gone, alone, err)
	}
	if n, err := s.Count(t.Context(), Query{}); err != nil || n != 8 {
		t.Errorf("%d are left, %v", n, err)
	}
}
