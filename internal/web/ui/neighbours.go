package ui

import (
	"context"
	"errors"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// maxPassed is how many exchanges are passed over in search of the next one that fits a filter.
const maxPassed = 2_000

// neighbours are the exchanges next to one in the list of those that fit a filter; empty where there is none.
type neighbours struct {
	Filter       string
	Newer, Older string // IDs
}

// neighbours finds those of an exchange. What fits a filter that is wrong is not known.
func (u *site) neighbours(ctx context.Context, r *rules.Ruling, wanted string) (neighbours, error) {
	n := neighbours{Filter: wanted}
	q, match, err := u.filter(wanted)
	if err != nil {
		return neighbours{}, nil
	}
	q.Beyond = store.CursorOf(r)
	if n.Newer, err = u.next(ctx, q, match); err != nil {
		return n, err
	}
	q.Newest = true
	n.Older, err = u.next(ctx, q, match)
	return n, err
}

// next is the ID of the first exchange of a query that matches.
func (u *site) next(ctx context.Context, q store.Query, match func(*rules.Ruling) bool) (id string, err error) {
	q.Limit = maxPassed
	if match == nil {
		q.Limit = 1
	}
	err = u.Store.Rulings(ctx, q, func(r *rules.Ruling) error {
		if match != nil && !match(r) {
			return nil
		}
		id = r.X.ID
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return id, err
}
