package store

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// hopRuling is a ruling on an exchange through a hop that has everything that a hop can have.
func hopRuling() *rules.Ruling {
	at := time.Date(2026, 11, 29, 1, 2, 3, 4_000_000, time.UTC)
	head := func(line string) *wire.Request {
		return wire.ReadRequest([]byte(line + " HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"))
	}
	refused := wire.ReadResponse([]byte("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
	x := &wire.Exchange{
		ID: "01HOP", Final: true, Complete: true, BodyDone: true, Origin: wire.OriginChain, Probe: "CHAIN-POOL-PREFIX", Route: "lab", Backend: "127.0.0.1:8080", Time: at, Took: time.Millisecond,
		Request: head("GET /c/1"), Response: refused, Outcome: wire.Refused, Early: []byte("GET /early HTTP/1.1\r\n"), EarlyBytes: 2000, Next: wire.Next{Bytes: []byte("GET /next HTTP/1.1\r\n"), HTTP: true},
	}
	x.Hop = &wire.Hop{
		Name: "lab", Clock: true, Within: wire.WithinHeaders, Stray: []byte("GET /c/2 HTTP/1.1\r\n"),
		Far:    &wire.Exchange{Final: true, Complete: true, Time: at, Took: time.Millisecond, Request: head("GET /far"), Response: refused, Outcome: wire.Refused},
		Before: &wire.Exchange{Final: true, Complete: true, Time: at, Request: head("GET /before"), Response: refused, Outcome: wire.Refused},
		Seen:   []wire.Sighting{{What: wire.SightSplit, Detail: "502"}},
	}
	r := rules.Classify(rules.Case{X: x})
	r.Run, r.Endpoint = "RUN", "/"
	return r
}

// TestBothSidesOfAHopAreKept holds that the store returns an exchange through a hop as it was written, and
// that another one does after an export and import.
func TestBothSidesOfAHopAreKept(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		other := open(t, filepath.Join(t.TempDir(), "other.db"))
		want, err := hopRuling().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		write(t, s, hopRuling())
		var export bytes.Buffer
		if err := s.Export(t.Context(), &export); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Import(t.Context(), &export); err != nil {
			t.Fatal(err)
		}
		for _, from := range []*Store{s, other} {
			r, err := from.Ruling(t.Context(), "01HOP")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := r.MarshalJSON(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got\n%s, %v, want\n%s", got, err, want)
			}
			h := r.X.Hop
			if h == nil || h.Far == nil || h.Before == nil || h.Before.Request.Target != "/before" || h.Within != wire.WithinHeaders || len(h.Seen) != 1 || r.X.EarlyBytes != 2000 || !slices.Equal(h.Stray, []byte("GET /c/2 HTTP/1.1\r\n")) {
				t.Errorf("got %+v", h)
			}
			results, err := from.Results(t.Context(), "RUN")
			if err != nil || len(results) != 1 || results[0].Probe != "CHAIN-POOL-PREFIX" {
				t.Errorf("got %+v, %v", results, err)
			}
		}
	})
}
