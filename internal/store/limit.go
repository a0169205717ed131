package store

import (
	"context"
	"time"
)

// A quota says how many exchanges are to be deleted.
type quota interface {
	// over reports whether one more is to be deleted.
	over() bool
	// measure is called after a step, with whether another program may have deleted exchanges, too.
	measure(ctx context.Context, disturbed bool) error
}

// endless has no end: all exchanges that are old enough are deleted.
type endless struct{}

func (endless) over() bool                          { return true }
func (endless) measure(context.Context, bool) error { return nil }

// A surplus is what is more than the limits.
type surplus struct {
	limits Limits
	size   Size    // when it was counted
	was    Pruned  // at that time
	p      *Pruned // what is deleted
}

// left is how much is left of what was counted.
func (q *surplus) left() Size {
	return Size{q.size.Exchanges - (q.p.Exchanges - q.was.Exchanges), q.size.Bytes - (q.p.Bytes - q.was.Bytes)}
}

// excess is how much that is over the limits.
func (q *surplus) excess() (exchanges, bytes int64) {
	is := q.left()
	if q.limits.Count > 0 {
		exchanges = is.Exchanges - q.limits.Count
	}
	return exchanges, is.Bytes - q.limits.Bytes
}

func (q *surplus) over() bool {
	exchanges, bytes := q.excess()
	return exchanges > 0 || bytes > 0
}

func (q *surplus) measure(context.Context, bool) error { return nil }

// A fileSurplus is what is more than the limits in an SQLite file. The limit of bytes holds for all that is in it; a quarter
// is left to exchanges even if other things take most of it.
type fileSurplus struct {
	surplus
	store *Store
	used  int64  // pages in use
	then  Pruned // when they were measured
}

// countAgain is after how many deleted exchanges the others are counted again if their number is limited, as other programs may
// delete some.
const countAgain = 5000

func (q *fileSurplus) over() bool {
	is := q.left()
	return q.limits.Count > 0 && is.Exchanges > q.limits.Count ||
		q.used-(q.p.Bytes-q.then.Bytes) > q.limits.Bytes && is.Bytes > q.limits.Bytes/4
}

func (q *fileSurplus) measure(ctx context.Context, disturbed bool) (err error) {
	q.then = *q.p
	if q.used, err = q.store.used(ctx); err != nil {
		return err
	}
	q.store.ceiling.lower(q.limits.Bytes, q.used)
	if disturbed || q.limits.Count > 0 && q.p.Exchanges-q.was.Exchanges >= countAgain {
		q.size, err = q.store.sizeInSteps(ctx)
		q.was = *q.p
	}
	return err
}

// limit deletes the oldest exchanges while there are too many, or too many bytes.
func (s *Store) limit(ctx context.Context, p *Pruned, l Limits, now time.Time, gentle pace) error {
	if s.path != "" {
		return s.limitFile(ctx, p, l, now, gentle)
	}
	size, err := s.sizeInSteps(ctx)
	if err != nil {
		return err
	}
	q := &surplus{l, size, *p, p}
	switch alone, err := (days{s}).reduce(ctx, p, now, q.excess); {
	case isForbidden(err): // rows are deleted instead
	case err != nil || !alone:
		return err
	}
	s.pruned.Add(p.Exchanges - q.was.Exchanges)
	return s.shrinkTo(ctx, p, now, gentle, q)
}

// limitFile is limit for an SQLite file, and has it kept at the limit as it is written.
func (s *Store) limitFile(ctx context.Context, p *Pruned, l Limits, now time.Time, gentle pace) error {
	used, err := s.used(ctx)
	if err != nil {
		return err
	}
	s.ceiling.start(l.Bytes, used)
	if used <= l.Bytes && l.Count <= 0 {
		s.ceiling.settle(l.Bytes)
		return nil
	}
	size, err := s.sizeInSteps(ctx)
	if err != nil {
		return err
	}
	q := &fileSurplus{surplus{l, size, *p, p}, s, used, *p}
	if err := s.shrinkTo(ctx, p, now, gentle, q); err != nil {
		return err
	}
	most := l.Bytes
	if q.used > most { // other things take most of it
		most = q.used + max(0, l.Bytes/4-q.left().Bytes)
	}
	s.ceiling.settle(most)
	return nil
}

// shrinkTo deletes the oldest exchanges of any age, and the first ones of findings only if nothing else is left.
func (s *Store) shrinkTo(ctx context.Context, p *Pruned, now time.Time, gentle pace, q quota) error {
	for _, all := range []bool{false, true} {
		if alone, err := s.shrink(ctx, p, "exchanges", now.AddDate(1000, 0, 0).UnixMilli(), all, gentle, q); err != nil || !alone {
			return err
		}
	}
	return nil
}
