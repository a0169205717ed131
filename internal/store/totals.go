package store

import (
	"context"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// Totals are the counts of all live exchanges.
type Totals struct {
	Verdicts [rules.NotApplicable + 1]int64
	Unsafe   int64 // those with an unsafe switch
}

func (t *Totals) add(of Totals) {
	for v, n := range of.Verdicts {
		t.Verdicts[v] += n
	}
	t.Unsafe += of.Unsafe
}

// summed are the counts of the minutes before one, which hardly change.
type summed struct {
	mu         sync.Mutex
	totals     Totals
	before     int64 // a minute; 0: nothing is summed
	at         time.Time
	generation int64 // of the store
}

// forget has the minutes summed again.
func (c *summed) forget() {
	c.mu.Lock()
	c.at = time.Time{}
	c.mu.Unlock()
}

// Minutes older than a day are summed once an hour if there are many of them.
const (
	sumAge   = 24 * 60
	sumFresh = time.Hour
	sumRows  = 20_000
)

// Totals returns the counts of all live exchanges. If there are many, what instances have added
// later than a day after its minute may be missing for an hour.
func (s *Store) Totals(ctx context.Context) (t Totals, err error) {
	c := &s.summed
	c.mu.Lock()
	defer c.mu.Unlock()
	if is := s.generation.Load(); time.Since(c.at) > sumFresh || c.generation != is {
		c.before = 0
		before := time.Now().UnixMilli()/60_000 - sumAge
		old, rows, err := s.sumMinutes(ctx, "minute < $1", before)
		if err != nil {
			return t, err
		}
		t = old
		if rows >= sumRows {
			c.totals, c.before, c.at, c.generation = old, before, time.Now(), is
		} else {
			rest, _, err := s.sumMinutes(ctx, "minute >= $1", before)
			t.add(rest)
			return t, err
		}
	}
	t = c.totals
	rest, _, err := s.sumMinutes(ctx, "minute >= $1", c.before)
	t.add(rest)
	return t, err
}

// sumMinutes sums up the minutes that a condition selects, and returns how many rows they have.
func (s *Store) sumMinutes(ctx context.Context, condition string, minute int64) (t Totals, rows int64, err error) {
	query := "SELECT verdict, CAST(SUM(count) AS BIGINT), CAST(SUM(unsafe) AS BIGINT), COUNT(*) FROM minutes WHERE " + condition + " GROUP BY verdict"
	err = s.each(ctx, query, []any{minute}, func(scan func(...any) error) error {
		var verdict, n, unsafe, of int64
		err := scan(&verdict, &n, &unsafe, &of)
		t.Verdicts[clamp(verdict, int64(rules.NotApplicable))] += n
		t.Unsafe, rows = t.Unsafe+unsafe, rows+of
		return err
	})
	return t, rows, err
}
