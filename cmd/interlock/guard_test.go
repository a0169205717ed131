package main

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/lab"
	"github.com/interlock-proxy/interlock/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// throughGuard sends all probes to a lab backend through a relay with the guard on, and returns what the client got.
func throughGuard(t *testing.T, backend, path string) (map[string]*wire.Exchange, *serving) {
	t.Helper()
	b, err := lab.Start(backend)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := defaults()
	c.Backend, c.Guard = b.URL, "unsafe"
	s := &serving{ledger: newAudit(c, zerolog.Nop())}
	if s.relay, _, err = newRelay(&c, zerolog.Nop(), s.ledger); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.relay.Serve(ctx, ln) }()
	address := ln.Addr().String()
	got := map[string]*wire.Exchange{}
	target := probe.Target{Address: address, Base: rules.NewHandshake("http", address, path, "AAAAAAAAAAAAAAAAAAAAAA==")}
	_, err = probe.Run(context.Background(), target, probe.Settings{}, rules.Probes(), func(x *wire.Exchange) { got[x.Probe] = x }, nil)
	if err != nil {
		t.Error(err)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	return got, s
}

// TestGuardStopsWhatIsUnsafe sends every probe to every unsound backend through the guard: no switch that the rules call
// unsafe in live traffic reaches the client.
func TestGuardStopsWhatIsUnsafe(t *testing.T) {
	var blocked atomic.Int64
	t.Run("backends", func(t *testing.T) {
		for _, b := range lab.Backends() {
			if !b.Sound {
				t.Run(b.Name, func(t *testing.T) {
					t.Parallel()
					stopsAt(t, b, &blocked)
				})
			}
		}
	})
	if blocked.Load() == 0 {
		t.Error("nothing was blocked")
	}
}

func stopsAt(t *testing.T, b lab.Backend, blocked *atomic.Int64) {
	t.Helper()
	got, s := throughGuard(t, b.Name, b.Paths[0])
	for id, x := range got {
		live := *x
		live.Origin, live.Probe, live.Controls, live.Twin = wire.OriginLive, "", 0, nil
		live.After, live.Complete = wire.After{}, false // what the guard could see; the rest it sees when it is there
		if r := rules.Classify(rules.Case{X: &live}); r.Unsafe {
			t.Errorf("%s got through: %s", id, r.Broken())
		}
	}
	for _, f := range s.ledger.Findings() {
		for _, r := range f.First {
			if r.Unsafe && f.Verdict == rules.Fail && !r.X.Blocked && r.X.Response.Status == 101 {
				t.Errorf("%s was found at %s and not blocked", f.Rule.ID, r.X.ID)
			}
			if r.X.Blocked {
				blocked.Add(1)
			}
		}
	}
}

// TestGuardLetsSoundSwitchesThrough holds that every sound handshake passes.
func TestGuardLetsSoundSwitchesThrough(t *testing.T) {
	got, _ := throughGuard(t, "gorilla", "/chat")
	for _, id := range []string{"CTRL-WS", "CTRL-WS-FIREFOX", "CTRL-WS-CASE", "CTRL-WS-TWO-CONN", "CTRL-WS-OWS", "CTRL-WS-PROTO", "CTRL-END", "UPGRADE-SEQ-PING", "UPGRADE-SPLIT-HEAD"} {
		if x := got[id]; x == nil || x.Outcome != wire.Switched {
			t.Errorf("%s did not get through: %+v", id, x)
		}
	}
}
