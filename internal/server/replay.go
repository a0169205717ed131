package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Replay sends the request of a stored exchange again, to the backend of its route, with given
// values in place of redacted ones, and returns the ruling on the new exchange.
func (p *Prober) Replay(ctx context.Context, exchange string, given []probe.Field) (*rules.Ruling, error) {
	if err := probe.CheckGiven(given); err != nil {
		return nil, err
	}
	was, err := p.kept.store.Ruling(ctx, exchange)
	if err != nil {
		return nil, err
	}
	b := p.backendOf(was.X.Route)
	if b == nil {
		return nil, fmt.Errorf("exchange %q: %w", exchange, errNoBackend)
	}
	base, err := probe.Recorded(was, given)
	if err != nil {
		text, _, _ := strings.Cut(err.Error(), "; give them again with -H")
		return nil, errors.New(strings.TrimPrefix(text, "replay: "))
	}
	address := was.X.Backend
	if !slices.Contains(b.Addresses, address) {
		address = b.Addresses[0]
	}
	target := probe.Target{Address: address, Route: was.X.Route, Base: base}
	if b.TLS != nil {
		target.TLS = b.TLS.Clone()
		if host, _, err := net.SplitHostPort(address); err == nil && target.TLS.ServerName == "" {
			target.TLS.ServerName = host
		}
	}
	run, began := ulid.Make().String(), time.Now()
	x, err := probe.Replay(ctx, target, probe.Settings{
		Run: run, NewID: func(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() },
	})
	if err != nil {
		return nil, err
	}
	is := p.Audit.Enter(x, run)
	if is == nil {
		return nil, errors.New("the answer only advertises what the endpoint has advertised before")
	}
	p.kept.writer.End(store.Run{
		ID: run, Command: "replay", Target: "exchange " + exchange, Origin: string(wire.OriginReplay), Version: version.String(), Instance: p.Audit.Instance, Began: began, Ended: time.Now(),
		Labels: map[string]string{"exchange": exchange, "endpoint": is.Endpoint, "route": was.X.Route}, Summary: map[string]int64{is.Verdict.String(): 1},
	})
	return is, nil
}

// backendOf is the backend of a route, or nil.
func (p *Prober) backendOf(route string) *proxy.Backend {
	for _, b := range p.within.Load().backends {
		if cmp.Or(b.Route, "default") == route {
			return b
		}
	}
	return nil
}
