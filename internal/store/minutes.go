package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Minute counts the live exchanges of one kind that began in a minute, over all instances.
// Exchanges that retention has deleted still count.
type Minute struct {
	Time     time.Time // the beginning of the minute
	Protocol string    // a protocol of wire.Exchange
	Outcome  string
	Verdict  rules.Verdict
	Count    int64
	Unsafe   int64 // of these, those in which the server switched and must not have
}

// A cell identifies a count of exchanges.
type cell struct {
	minute            int64
	protocol, outcome string
	verdict           rules.Verdict
}

// added is the increment of a cell.
type added struct{ count, unsafe int64 }

// cells are counts that are still to be added.
type cells struct{ waiting map[cell]added }

// add counts a live exchange in its latest form.
func (c *cells) add(r *rules.Ruling) {
	x := r.X
	if x.Origin != wire.OriginLive || r.Run != "" {
		return
	}
	minute := x.Time.UnixMilli() / 60_000
	if b := r.Before; b != nil {
		c.change(cell{minute, b.Protocol, string(b.Outcome), b.Verdict}, -1, b.Unsafe)
	}
	c.change(cell{minute, x.Protocol(), string(x.Outcome), r.Verdict}, +1, r.Unsafe)
}

func (c *cells) change(at cell, by int64, unsafe bool) {
	is := c.waiting[at]
	is.count += by
	if unsafe {
		is.unsafe += by
	}
	put(&c.waiting, at, is)
	if is == (added{}) {
		delete(c.waiting, at)
	}
}

// upsertMinutes adds to the counts of all instances.
func upsertMinutes() upsert {
	return upsert{
		table: "minutes", columns: []string{"minute", "protocol", "outcome", "verdict", "count", "unsafe"},
		conflict: "(minute, protocol, outcome, verdict) DO UPDATE SET count = minutes.count + excluded.count, unsafe = minutes.unsafe + excluded.unsafe",
	}
}

func (c *cells) rows() [][]any {
	order := func(a, b cell) int { // the order in which all programs lock the rows
		return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.outcome, b.outcome), cmp.Compare(a.verdict, b.verdict))
	}
	rows := make([][]any, 0, len(c.waiting))
	for _, at := range slices.SortedFunc(maps.Keys(c.waiting), order) {
		rows = append(rows, []any{at.minute, storable(at.protocol, maxKey), storable(at.outcome, maxKey), int(at.verdict), c.waiting[at].count, c.waiting[at].unsafe})
	}
	return rows
}

// Minutes returns the counts of live traffic by minute, in order, from since until before until. A
// zero time means no limit.
func (s *Store) Minutes(ctx context.Context, since, until time.Time) ([]Minute, error) {
	return s.Stretches(ctx, since, until, time.Minute)
}

// Stretches is Minutes with the counts of longer stretches of time, whole multiples of the step
// since 1970.
func (s *Store) Stretches(ctx context.Context, since, until time.Time, step time.Duration) ([]Minute, error) {
	w := &where{dialect: s.dialect}
	long := w.arg(int64(max(step/time.Minute, 1)))
	if !since.IsZero() {
		w.add("minute >= " + w.arg(since.UnixMilli()/60_000))
	}
	if !until.IsZero() {
		w.add("minute < " + w.arg((until.UnixMilli()+59_999)/60_000))
	}
	var all []Minute
	query := "SELECT minute - minute % " + long + ", protocol, outcome, verdict, CAST(SUM(count) AS BIGINT), CAST(SUM(unsafe) AS BIGINT) FROM minutes" +
		w.String() + " GROUP BY 1, 2, 3, 4 HAVING SUM(count) > 0 ORDER BY 1, 2, 3, 4"
	err := s.each(ctx, query, w.args, func(scan func(...any) error) error {
		var m Minute
		var minute, verdict int64
		if err := scan(&minute, &m.Protocol, &m.Outcome, &verdict, &m.Count, &m.Unsafe); err != nil {
			return err
		}
		m.Time, m.Verdict = at(minute*60_000), rules.Verdict(clamp(verdict, int64(rules.NotApplicable)))
		all = append(all, m)
		return nil
	})
	return all, err
}
