package ui

import (
	"context"
	"errors"
	"time"

	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// A twin is the same exchange as another Interlock saw it, on the other side of a proxy.
type twin struct {
	Exchange string // its ID
	Instance string
	Far      bool // it is on the side of the backend
	Changes  []hop.Change
	Request  []diffLine // what the proxy did to the request
	Response []diffLine // and to the response; empty where one side has none
}

// How far apart the two records of an exchange may be, and how many others are passed over in
// search of the second one.
const (
	twinWithin = 5 * time.Second
	twinPassed = 300
)

// twin finds the other record of a live exchange, by another instance; nil where there is none.
func (u *site) twin(ctx context.Context, r *rules.Ruling) (*twin, error) {
	if !hop.Compared(r) || r.Instance == "" {
		return nil, nil
	}
	var others []*rules.Ruling
	passed := 0
	q := store.Query{Live: true, Since: r.X.Time.Add(-twinWithin), Until: r.X.Time.Add(twinWithin)}
	err := u.Store.Rulings(ctx, q, func(other *rules.Ruling) error {
		if other.Instance != r.Instance && hop.Compared(other) {
			others = append(others, other)
		}
		if passed++; passed >= twinPassed {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	m := hop.Match([]*rules.Ruling{r}, others, twinWithin)
	if len(m.Pairs) == 0 || m.Pairs[0].By != hop.ByKey {
		return nil, nil
	}
	p := m.Pairs[0]
	t := &twin{Exchange: p.Far.X.ID, Instance: p.Far.Instance, Far: true}
	if p.Far.X.Time.Before(p.Near.X.Time) { // the request came there first
		t.Far = false
		p.Near, p.Far = p.Far, p.Near
	}
	t.Changes = hop.Compare(p)
	t.Request = lineDiff(p.Near.X.Request.Raw, p.Far.X.Request.Raw)
	if p.Near.X.Response != nil && p.Far.X.Response != nil {
		t.Response = lineDiff(p.Far.X.Response.Raw, p.Near.X.Response.Raw)
	}
	return t, nil
}
