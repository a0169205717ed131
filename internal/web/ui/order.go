package ui

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/interlock-proxy/interlock/rules"
)

// The bounds of a list that is not in the order of times.
const (
	maxSorted = 5_000 // exchanges that are sorted: the latest ones
	maxRanked = 100   // rows that are shown of them
)

// An order says which of two exchanges comes first.
type order func(a, b *row) int

// orderOf is the order of that name; nil for that of times.
func orderOf(name string) order {
	switch name {
	case "worst":
		return func(a, b *row) int {
			return cmp.Or(flag(b.Unsafe)-flag(a.Unsafe), cmp.Compare(a.Verdict.Verdict, b.Verdict.Verdict), cmp.Compare(b.severity, a.severity))
		}
	case "slowest":
		return func(a, b *row) int { return cmp.Compare(b.Took, a.Took) }
	case "endpoint":
		return func(a, b *row) int {
			return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Host, b.Host))
		}
	case "client":
		return func(a, b *row) int { return cmp.Compare(a.Client, b.Client) }
	}
	return nil
}

func flag(is bool) int {
	if is {
		return 1
	}
	return 0
}

// sorts are the orders that a list can have.
func sorts(is string) []choice {
	all := []choice{
		{Name: "newest first", Value: ""}, {Name: "worst first", Value: "worst"}, {Name: "slowest first", Value: "slowest"},
		{Name: "by endpoint", Value: "endpoint"}, {Name: "by client", Value: "client"},
	}
	for i := range all {
		all[i].On = all[i].Value == is
	}
	return all
}

// sorted is a page with those exchanges that come first in an order, of the latest ones that fit the filter.
func (u *site) sorted(ctx context.Context, wanted, name string, by order) (listView, error) {
	v := listView{Filter: wanted, Rows: []row{}, Sort: name}
	s, err := u.kept()
	if err != nil {
		return v, err
	}
	q, match, err := u.filter(wanted)
	if err != nil {
		v.Error, v.First = err.Error(), true
		return v, nil
	}
	q.Newest = true
	if match == nil {
		q.Limit = maxSorted
	}
	looked := 0
	err = s.Rulings(ctx, q, func(found *rules.Ruling) error {
		if match == nil || match(found) {
			v.Rows = append(v.Rows, rowOf(found))
		}
		if looked++; looked >= maxSorted {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return v, err
	}
	v.Looked = len(v.Rows)
	slices.SortStableFunc(v.Rows, func(a, b row) int { return by(&a, &b) })
	v.Rows = v.Rows[:min(len(v.Rows), maxRanked)]
	return v, nil
}
