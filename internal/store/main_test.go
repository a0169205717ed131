package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("INTERLOCK_TEST_KILLED"); path != "" {
		writeUntilKilled(path)
		return
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		stopCluster()
		os.Exit(code)
	}))
}

// stores lists every kind of store; each call creates the name of an empty one.
var stores = []struct {
	kind string
	name func(t testing.TB) string
}{
	{"file", func(t testing.TB) string { return filepath.Join(t.TempDir(), "odd ?name#%41.db") }},
	{"memory", func(testing.TB) string { return "memory" }},
	{"postgres", func(t testing.TB) string { return postgresCluster(t).database(t) }},
}

// everywhere runs a test with a store of each kind.
func everywhere(t *testing.T, test func(t *testing.T, s *Store)) {
	for _, kind := range stores {
		t.Run(kind.kind, func(t *testing.T) { test(t, open(t, kind.name(t))) })
	}
}

func open(t testing.TB, name string) *Store {
	t.Helper()
	s, err := Open(t.Context(), name, Options{Instance: "a1", Version: "0.1.0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

const (
	sound = "GET %s HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	refusal = "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n"
)

// exchange returns an exchange with that request and response, at the current time.
func exchange(request, answer string) *wire.Exchange {
	now := time.Now()
	x := &wire.Exchange{
		ID: ulid.MustNew(ulid.Timestamp(now), rand.Reader).String(), Final: true, Complete: true, Origin: wire.OriginLive, Route: "default",
		Client: "127.0.0.1:5", Backend: "127.0.0.1:3000", Time: now, Took: 1800 * time.Microsecond, BodyDone: true,
		Request: wire.ReadRequest([]byte(request)), Response: wire.ReadResponse([]byte(answer)), Outcome: wire.Switched,
	}
	if x.Response.Status != 101 {
		x.Outcome = wire.Refused
	}
	return x
}

// good returns a valid switch at an endpoint, bad an unsafe one, and refused a rejection that is
// the client's fault.
func good(target string) *wire.Exchange { return exchange(fmt.Sprintf(sound, target), switching) }

func bad(target string) *wire.Exchange {
	return exchange(strings.Replace(fmt.Sprintf(sound, target), "GET", "POST", 1), switching)
}

func refused(target string) *wire.Exchange {
	return exchange(strings.Replace(fmt.Sprintf(sound, target), "GET", "POST", 1), refusal)
}

// judged returns the ruling of an exchange.
func judged(x *wire.Exchange) *rules.Ruling {
	r := rules.Classify(rules.Case{X: x})
	r.Instance = "a1"
	return r
}

// after returns the ruling of the next report of an exchange.
func after(before *rules.Ruling, x *wire.Exchange) *rules.Ruling {
	r := judged(x)
	if before != nil {
		r.Before = before.Before.Then(before)
	}
	return r
}

// write writes rulings and returns when the store has them.
func write(t testing.TB, s *Store, all ...*rules.Ruling) {
	t.Helper()
	w := &Writer{Store: s}
	for _, r := range all {
		w.Write(r)
	}
	finish(t, w)
}

// finish makes a writer write everything that it has.
func finish(t testing.TB, w *Writer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.Drain = time.Minute
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// read returns the results of a query.
func read(t testing.TB, s *Store, q Query) (all []*rules.Ruling) {
	t.Helper()
	err := s.Rulings(t.Context(), q, func(r *rules.Ruling) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ids returns the IDs of exchanges, in order.
func ids(all []*rules.Ruling) (names []string) {
	for _, r := range all {
		names = append(names, r.X.ID)
	}
	return names
}

func findings(t testing.TB, s *Store, q Query) []Finding {
	t.Helper()
	all, err := s.Findings(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// corpus returns the rulings of all transcripts of the rulebook, each with its own ID and time.
func corpus(t testing.TB) (all []*rules.Ruling) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("../../rules/testdata"), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".wire" {
			return err
		}
		text, err := os.ReadFile("../../rules/testdata/" + name)
		if err != nil {
			return err
		}
		transcript, err := wire.ParseTranscript(text)
		if err != nil {
			return err
		}
		for _, x := range transcript.Exchanges(wire.Common{}) {
			x.Time, x.Route = time.Now().Add(time.Duration(len(all))*time.Millisecond), "default"
			x.ID = fmt.Sprintf("%s %s %s", ulid.MustNew(ulid.Timestamp(x.Time), rand.Reader), name, x.ID) // IDs grow with time
			all = append(all, judged(x))
		}
		return nil
	})
	if err != nil || len(all) < 300 {
		t.Fatalf("%d rulings, %v", len(all), err)
	}
	return all
}
