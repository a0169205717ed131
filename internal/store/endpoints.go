package store

import (
	"context"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// An Endpoint is an endpoint that accepted a valid upgrade in live traffic, and that can be probed.
// It holds no credentials: the target is redacted, and no other header is kept.
type Endpoint struct {
	Route       string    `json:"route"`
	Endpoint    string    `json:"endpoint"` // the template
	Backend     string    `json:"backend"`
	Host        string    `json:"host"`
	Protocol    string    `json:"protocol"`
	Subprotocol string    `json:"subprotocol"` // that the server chose
	TLS         bool      `json:"tls"`         // the backend uses TLS
	Target      string    `json:"target"`      // the last one seen
	Seen        time.Time `json:"seen"`        // time of the last one
	Count       int64     `json:"count"`       // number of times seen
}

type endpointKey struct{ route, endpoint, backend, host, protocol, subprotocol string }

func (e *Endpoint) key() endpointKey {
	return endpointKey{e.Route, e.Endpoint, e.Backend, e.Host, e.Protocol, e.Subprotocol}
}

// endpointOf returns the endpoint of a ruling that shows a valid switch and is in its last form, so
// that an exchange counts once.
func endpointOf(r *rules.Ruling) (Endpoint, bool) {
	x := r.X
	if x.Origin != wire.OriginLive || x.Outcome != wire.Switched || x.Response == nil || !x.Final || r.Before != nil && r.Before.Final || r.Verdict == rules.Fail {
		return Endpoint{}, false
	}
	host, _ := x.Request.Host()
	chosen, _ := x.Response.Value("Sec-WebSocket-Protocol")
	return Endpoint{
		Route: storable(x.Route, maxKey), Endpoint: storable(r.Endpoint, maxKey), Backend: storable(x.Backend, maxKey), Host: storable(host, maxKey),
		Protocol: x.Protocol(), Subprotocol: storable(r.Subprotocol(chosen), maxKey), TLS: x.BackendTLS, Target: storable(r.Target(), maxText), Seen: x.Time, Count: 1,
	}, true
}

// upsertEndpoints adds to the counts of all instances.
func upsertEndpoints() upsert {
	return upsert{
		table:   "endpoints",
		columns: []string{"route", "endpoint", "backend", "host", "protocol", "subprotocol", "tls", "target", "seen", "count"},
		conflict: `(route, endpoint, backend, host, protocol, subprotocol) DO UPDATE SET count = endpoints.count + excluded.count,
			tls = excluded.tls, target = CASE WHEN excluded.seen >= endpoints.seen THEN excluded.target ELSE endpoints.target END,
			seen = CASE WHEN excluded.seen > endpoints.seen THEN excluded.seen ELSE endpoints.seen END`,
	}
}

func endpointRows(endpoints map[endpointKey]Endpoint) [][]any {
	rows := make([][]any, 0, len(endpoints))
	for _, e := range endpoints {
		rows = append(rows, []any{
			storable(e.Route, maxKey), storable(e.Endpoint, maxKey), storable(e.Backend, maxKey), storable(e.Host, maxKey), storable(e.Protocol, maxKey),
			storable(e.Subprotocol, maxKey), boolean(e.TLS), storable(e.Target, maxText), unixMilli(e.Seen), e.Count,
		})
	}
	sortRows(rows)
	return rows
}

// Endpoints returns the learned endpoints, by route, endpoint, backend, Host, protocol and
// subprotocol.
func (s *Store) Endpoints(ctx context.Context) ([]Endpoint, error) {
	var all []Endpoint
	query := `SELECT route, endpoint, backend, host, protocol, subprotocol, tls, target, seen, count FROM endpoints
		ORDER BY route, endpoint, backend, host, protocol, subprotocol`
	err := s.each(ctx, query, nil, func(scan func(...any) error) error {
		var e Endpoint
		var tls, seen int64
		if err := scan(&e.Route, &e.Endpoint, &e.Backend, &e.Host, &e.Protocol, &e.Subprotocol, &tls, &e.Target, &seen, &e.Count); err != nil {
			return err
		}
		e.TLS, e.Seen = tls != 0, at(seen)
		all = append(all, e)
		return nil
	})
	return all, err
}
