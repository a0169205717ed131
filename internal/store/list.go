package store

import (
	"context"
	"slices"

	"github.com/interlock-proxy/interlock/rules"
)

// A Listing is a page of exchanges, the newest first.
type Listing struct {
	Rulings []*rules.Ruling
	Newer   bool // there is a page before this one
	Older   bool // there is a page after this one
}

// List returns a page of the exchanges that a query selects: at most q.Limit (50) that are older
// than q.Beyond or, if newer is set, the nearest ones that are newer. Without q.Beyond it is the
// newest page or, if newer is set, the oldest.
func (s *Store) List(ctx context.Context, q Query, newer bool) (Listing, error) {
	most := q.Limit
	if most <= 0 {
		most = 50
	}
	q.Limit, q.Newest = most+1, !newer
	var l Listing
	err := s.Rulings(ctx, q, func(r *rules.Ruling) error {
		l.Rulings = append(l.Rulings, r)
		return nil
	})
	more := len(l.Rulings) > most
	l.Rulings = l.Rulings[:min(most, len(l.Rulings))]
	l.Older, l.Newer = more, q.Beyond.ID != ""
	if newer {
		slices.Reverse(l.Rulings)
		l.Older, l.Newer = l.Newer, l.Older
	}
	return l, err
}

// CursorOf returns the cursor at an exchange.
func CursorOf(r *rules.Ruling) Cursor { return Cursor{r.X.Time, r.X.ID} }
