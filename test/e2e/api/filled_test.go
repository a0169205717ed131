package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/internal/web/ui"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the server until the test ends, and returns its address.
func serve(t *testing.T, s *web.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}

// exchangeOf returns an exchange with a server that accepts every upgrade.
func exchangeOf(id, method, target string, origin wire.Origin) *wire.Exchange {
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	return &wire.Exchange{
		ID: id, Final: true, Complete: true, BodyDone: true, Origin: origin, Route: "default", Outcome: wire.Switched,
		Client: "127.0.0.1:1000", Backend: "127.0.0.1:80", Time: time.Now().UTC().Truncate(time.Millisecond), Took: time.Millisecond,
		Request:  wire.ReadRequest(fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", method, target, key)),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")),
	}
}

// strippedOf is a handshake that lost its offer on the way, so that there is something to explain.
func strippedOf(id string) *wire.Exchange {
	x := exchangeOf(id, "GET", "/stripped", wire.OriginLive)
	x.Outcome, x.Response = wire.Refused, wire.ReadResponse([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
	x.Request = wire.ReadRequest([]byte("GET /stripped HTTP/1.1\r\nHost: a\r\nVia: 1.1 front\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"))
	return x
}

// openOf is an exchange whose tunnel is open, with frames of every kind.
func openOf(id string) *wire.Exchange {
	x := exchangeOf(id, "GET", "/chat?token=CANARY", wire.OriginLive)
	r := ws.NewReader(ws.Terms{Deflate: true}, 0)
	r.Feed(ws.Client, []byte("\x89\x80abcd\x01\x80abcd\x80\x80abcd\x81\x01a\xc1\x80abcd\x88\x8eabcd\x62\x8aCANARYCANARY"), time.Millisecond)
	r.Feed(ws.Server, []byte("\x8a\x00\x8a\x01x\x89\x00\x88\x02\x03\xe8\x81\x01a"), 2*time.Millisecond)
	x.Final, x.After = false, wire.After{Frames: r.Facts(), ClientBytes: 50, ServerBytes: 12, Open: time.Second}
	x.After.Messages = &ws.Messages{Dropped: [2]int64{1, 0}, Kept: []ws.Message{
		{Kind: ws.Text, At: time.Millisecond, Size: 14, Sent: 9, Frames: 2, Compressed: true, Data: []byte(`{"a":"CANARY"}`)}, {Kind: ws.Binary, Size: 1, Sent: 1, Frames: 1, Data: []byte{0}},
	}}
	return x
}

// filled returns a server with data of every kind: the live exchanges X1 to X5 and the runs R1 and
// R2.
func filled(t *testing.T) *web.Server {
	t.Helper()
	s, err := store.Open(t.Context(), "memory", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := &store.Writer{Store: s, Drain: time.Minute}
	a := &audit.Audit{Each: w.Write, Instance: "a1"}
	for i, method := range []string{"GET", "POST", "PUT"} {
		a.Observe(exchangeOf(fmt.Sprintf("X%d", i+1), method, "/chat", wire.OriginLive))
	}
	a.Observe(strippedOf("X4"))
	open := openOf("X5")
	a.Observe(open)
	for i, run := range []string{"R1", "R2"} {
		x := exchangeOf("P"+run, "POST", "/chat", wire.OriginProbe)
		x.Probe, x.Aim = []string{"UPGRADE-POST", "UPGRADE-PUT"}[i], "/chat"
		a.Enter(x, run)
		w.End(store.Run{ID: run, Command: "probe", Began: time.Now(), Ended: time.Now(), Summary: map[string]int64{"fail": 1}})
	}
	ctx, stop := contextThatEnded(t)
	defer stop()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	var paused bool
	return &web.Server{
		Store: s, Audit: a, Tunnels: func(int) ([]*wire.Exchange, int) { return []*wire.Exchange{open}, 1 },
		Tunnel: func(id string) *wire.Exchange {
			if id != open.ID {
				return nil
			}
			return open
		},
		Probe: stepped{make(chan error)}, Pause: func(is bool) { paused = is },
		Status: func() ui.Status {
			return ui.Status{
				State: "auditing", Paused: paused, Build: []ui.Setting{{Key: "go", Value: "1"}}, Listeners: []ui.Setting{}, Backends: []ui.Backend{{Route: "default"}},
				Health: []ui.Gauge{{Name: "a", Value: "1", Note: "n"}}, Warnings: []string{"w"}, Config: []ui.Setting{{Key: "a", Value: "b", Origin: "default"}}, NotAudited: []ui.Gauge{},
			}
		},
		Lacking: func(context.Context) []web.Lack { return []web.Lack{{Part: "store", Reason: "it takes nothing"}} },
		Replay:  func(ctx context.Context, id string, _ []probe.Field) (*rules.Ruling, error) { return s.Ruling(ctx, id) },
		Accept: func(_ context.Context, w accept.Written, _ bool) (string, string, error) {
			if w.Reason == "" {
				return "", "", accept.ErrFaulty
			}
			return "interlock.yaml", "+ - rule: " + w.Rule, nil
		},
		Reload: func(context.Context, bool) ([]ui.Change, error) {
			return []ui.Change{{Key: "limits.dial", Old: "10s", New: "1s", Held: true}, {Key: "routes[0].name", New: "x"}}, nil
		},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
	}
}

// contextThatEnded returns a cancelled context, so that a writer writes only the events that it
// already has.
func contextThatEnded(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	return ctx, stop
}

// stepped is a prober of /chat whose runs end when a test tells them to.
type stepped struct{ on chan error }

func (p stepped) Prepare(a web.Ask) (web.Job, error) {
	if a.Endpoint != "/chat" {
		return nil, errors.New("no such endpoint was learned")
	}
	return func(ctx context.Context, run string, told func(string, any)) (json.RawMessage, error) {
		told("progress", map[string]int{"done": 1})
		select {
		case err := <-p.on:
			return json.RawMessage(`{"run":"` + run + `"}`), err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}, nil
}
