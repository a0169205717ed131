package server

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// throughGuard sends all probes to a backend through a relay with the guard on, and returns the
// exchanges as the client saw them.
func throughGuard(t *testing.T, backend, path string) (map[string]*wire.Exchange, *Serving) {
	t.Helper()
	c := config.Defaults()
	c.Backend, c.Guard = "http://"+backend, "unsafe"
	s := &Serving{audit: NewAudit(c, nil)}
	var err error
	if s.Relay, _, err = NewRelay(&c, zerolog.Nop(), s.audit); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Relay.Serve(ctx, ln) }()
	got := sendAll(t, ln.Addr().String(), path)
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	return got, s
}

// sendAll sends every probe to an address.
func sendAll(t *testing.T, address, path string) map[string]*wire.Exchange {
	t.Helper()
	var mu sync.Mutex
	got := map[string]*wire.Exchange{}
	target := probe.Target{Address: address, Base: rules.NewHandshake("http", address, path, "AAAAAAAAAAAAAAAAAAAAAA==")}
	report, err := probe.Run(context.Background(), target, probe.Settings{}, rules.Probes(), func(x *wire.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		got[x.Probe] = x
	}, nil)
	if err != nil {
		t.Error(err)
	} else if len(report.NotSent) > 0 && !report.Gone {
		t.Errorf("%d probes were not sent", len(report.NotSent))
	}
	return got
}

// started starts a backend of the lab and returns its address.
func started(t *testing.T, name string) string {
	t.Helper()
	b, err := lab.Start(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b.Addr
}

// TestGuardStopsWhatIsUnsafe sends every probe to every faulty backend through the guard. No switch
// that the rules call unsafe for live traffic reaches the client.
func TestGuardStopsWhatIsUnsafe(t *testing.T) {
	var blocked atomic.Int64
	t.Run("backends", func(t *testing.T) {
		for _, b := range lab.Backends() {
			if !b.Sound {
				t.Run(b.Name, func(t *testing.T) {
					t.Parallel()
					stopsAt(t, started(t, b.Name), b.Paths[0], &blocked)
				})
			}
		}
		t.Run("101 to everything", func(t *testing.T) {
			t.Parallel()
			stopsAt(t, switcher(t), "/chat", &blocked)
		})
	})
	if blocked.Load() == 0 {
		t.Error("nothing was blocked")
	}
}

// switcher is a backend that answers its first bytes with a 101 at once, with a correct
// Sec-WebSocket-Accept if they contain a key. It ends with the test.
func switcher(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(time.Minute))
				first := make([]byte, 64<<10)
				n, err := conn.Read(first)
				if err != nil {
					return
				}
				_, rest, _ := strings.Cut(string(first[:n]), "Sec-WebSocket-Key: ")
				key, _, _ := strings.Cut(rest, "\r\n")
				proof := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
				fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(proof[:]))
				_, _ = io.Copy(io.Discard, conn) // until the other side closes
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		running.Wait()
	})
	return ln.Addr().String()
}

func stopsAt(t *testing.T, backend, path string, blocked *atomic.Int64) {
	t.Helper()
	got, s := throughGuard(t, backend, path)
	for id, x := range got {
		if broken := unsafe(x); broken != "" {
			t.Errorf("%s got through: %s", id, broken)
		}
	}
	for _, f := range s.audit.Findings() {
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

// unsafe returns the rules by which a switch in live traffic would be unsafe. It considers only
// what the guard knows when it decides about the head.
func unsafe(x *wire.Exchange) string {
	live := *x
	live.Origin, live.Probe, live.Controls, live.Twins = wire.OriginLive, "", 0, nil
	live.After, live.Complete = wire.After{}, false
	if r := rules.Classify(rules.Case{X: &live}); r.Unsafe {
		return strings.Join(r.Broken(), ", ")
	}
	return ""
}

// TestGuardLetsSoundSwitchesThrough checks that the guard passes every permitted switch of a
// correct backend.
func TestGuardLetsSoundSwitchesThrough(t *testing.T) {
	var switches atomic.Int64
	t.Run("backends", func(t *testing.T) {
		for _, b := range lab.Backends() {
			if !b.Sound || b.Hostile || b.Name == "limit" || b.Name == "fixed-upstream" {
				continue // the results depend on earlier requests, or on the address that is asked, which is that of the guard
			}
			t.Run(b.Name, func(t *testing.T) {
				t.Parallel()
				direct := sendAll(t, started(t, b.Name), b.Paths[0])
				got, _ := throughGuard(t, started(t, b.Name), b.Paths[0])
				for id, x := range direct {
					if x.Outcome != wire.Switched || x.After.Opaque || unsafe(x) != "" {
						continue // the end of the request is unclear, or the guard must block the switch
					}
					switches.Add(1)
					if through := got[id]; through == nil || through.Outcome != wire.Switched {
						t.Errorf("%s did not get through", id)
					}
				}
			})
		}
	})
	if n := switches.Load(); n < 50 {
		t.Errorf("there were %d switches", n)
	}
}
