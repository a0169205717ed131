package store

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/interlock-proxy/interlock/rules"
)

// The limits of a page.
const (
	maxPage      = 128
	maxPageBytes = 4 << 20
	maxSelected  = 512 // rows that are selected by ID before they are read
)

// A stored is a row of the table.
type stored struct {
	time           int64
	id             string
	passed, ruling string
}

// A page is some rows, with their rulings.
type page struct {
	rows    []stored
	rulings []*rules.Ruling
	err     error
}

// Rulings calls f for every ruling that matches the query, ordered by time, until f returns an
// error, which it returns. It needs a few MiB for any number of rulings and locks nothing while f
// runs. Rulings that are written meanwhile may be included.
func (s *Store) Rulings(ctx context.Context, q Query, f func(*rules.Ruling) error) error {
	ctx, cancel := context.WithCancel(ctx)
	pages := make(chan page, 1) // the next page is read while f runs
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(pages)
		s.pages(ctx, q, pages)
	})
	defer reader.Wait()
	defer cancel()
	for p := range pages {
		for _, r := range p.rulings {
			if err := f(r); err != nil {
				return err
			}
		}
		if p.err != nil {
			return p.err
		}
	}
	return ctx.Err()
}

// pages reads pages until there are no more or an error occurs.
func (s *Store) pages(ctx context.Context, q Query, pages chan<- page) {
	left := q.Limit
	for {
		most := maxPage
		if q.Limit > 0 {
			most = min(most, left)
		}
		p, more := s.page(ctx, &q, most)
		if p.err == nil {
			p.read(q.Skip)
		}
		select {
		case pages <- p:
		case <-ctx.Done():
			return
		}
		left -= len(p.rows)
		if p.err != nil || !more || q.Limit > 0 && left <= 0 {
			return
		}
		last := p.rows[len(p.rows)-1]
		q.Beyond = Cursor{at(last.time), last.id}
	}
}

// page reads the rows after the cursor, and reports whether there may be more.
func (s *Store) page(ctx context.Context, q *Query, most int) (p page, more bool) {
	w := s.exchanges(q)
	order, than := "time, id", ">"
	if q.Newest {
		order, than = "time DESC, id DESC", "<"
	}
	if q.Beyond.ID != "" {
		w.add("(time, id) " + than + " (" + w.arg(unixMilli(q.Beyond.Time)) + ", " + w.arg(q.Beyond.ID) + ")")
	}
	condition, args := w.String(), w.args
	if q.ID == "" && q.Limit > 0 && q.Limit < maxSelected { // skipped rows are not read: see the index exchanges_list
		selected := fmt.Sprintf("SELECT id FROM exchanges%s ORDER BY %s LIMIT %d", w, order, most)
		if condition = " WHERE id IN (" + selected + ")"; s.dialect == postgres { // which would plan to join all partitions
			var ids []string
			if ids, p.err = s.idsOf(ctx, selected, args); p.err != nil || len(ids) == 0 {
				return p, false
			}
			condition, args = " WHERE id = ANY($1)", []any{ids}
		}
	}
	query := fmt.Sprintf("SELECT time, id, passed, ruling FROM exchanges%s ORDER BY %s LIMIT %d", condition, order, most)
	bytes := 0
	p.err = s.each(ctx, query, args, func(scan func(...any) error) error {
		if bytes > maxPageBytes {
			more = true
			return nil
		}
		var r stored
		if err := scan(&r.time, &r.id, &r.passed, &r.ruling); err != nil {
			return err
		}
		bytes += len(r.ruling)
		p.rows = append(p.rows, r)
		return nil
	})
	return p, more || len(p.rows) == most
}

// idsOf returns the IDs that a query finds.
func (s *Store) idsOf(ctx context.Context, query string, args []any) (ids []string, err error) {
	err = s.each(ctx, query, args, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// read reads the rulings of the rows, by as many goroutines as there are processors.
func (p *page) read(skip func(id string) bool) {
	rows := p.rows
	if skip != nil {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r stored) bool { return skip(r.id) })
	}
	p.rulings = make([]*rules.Ruling, len(rows))
	n := min(runtime.GOMAXPROCS(0), len(rows))
	errs := make([]error, len(rows))
	var readers sync.WaitGroup
	for w := range n {
		readers.Go(func() {
			seen := passes{}
			for i := w; i < len(rows); i += n {
				p.rulings[i], errs[i] = readExchange(rows[i].passed, rows[i].ruling, seen)
				rows[i].passed, rows[i].ruling = "", ""
			}
		})
	}
	readers.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		p.err = fmt.Errorf("exchange %q in the store: %w", rows[i].id, errs[i])
		p.rulings = p.rulings[:i]
	}
}

// Ruling returns the ruling of one exchange, or [ErrNotFound].
func (s *Store) Ruling(ctx context.Context, id string) (*rules.Ruling, error) {
	var found *rules.Ruling
	err := s.Rulings(ctx, Query{ID: id, Limit: 1}, func(r *rules.Ruling) error {
		found = r
		return nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("exchange %q: %w", id, ErrNotFound)
	}
	return found, err
}

// Count returns the number of exchanges that the query selects, regardless of its limit.
func (s *Store) Count(ctx context.Context, q Query) (n int64, err error) {
	w := s.exchanges(&q)
	err = s.each(ctx, "SELECT COUNT(*) FROM exchanges"+w.String(), w.args, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}
