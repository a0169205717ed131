package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestNoSecretIsKeptWhereAHopCopiesIt has a hop copy a header of the user's into others, both ways.
func TestNoSecretIsKeptWhereAHopCopiesIt(t *testing.T) {
	const secret = "hunter2zzz"
	sink := listening(t)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: sink.Addr})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Copy", r.Header.Get("X-Api-Thing"))
		w.Header().Set("X-Echo", "for "+r.Header.Get("X-Api-Thing"))
		proxy.ServeHTTP(w, r)
	}))
	defer server.Close()
	var probes []*Probe
	for _, id := range []string{"CTRL-L4", "CTRL-PLAIN", "CTRL-WS", "CHAIN-WS-FIELDS", "CHAIN-426"} {
		probes = append(probes, FindProbe(id))
	}
	address := server.Listener.Addr().String()
	hop := &Hop{Address: address, Host: address, Fields: [][2]string{{"X-Api-Thing", "Bearer " + secret}}}
	shown := 0
	_, err := Run(t.Context(), hop, sink, Settings{Times: quick(4)}, probes, func(r Result) {
		text, err := json.Marshal([]any{r.Near, r.Far, r.Ruling.Findings})
		if err != nil {
			t.Error(err)
		}
		for _, raw := range [][]byte{text, r.Near.Request.Raw, headOf(r.Near), headOf(r.Far)} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s: %s", r.Probe.ID, raw)
			}
		}
		if r.Far != nil && bytes.Contains(r.Far.Request.Raw, []byte("X-Copy: Bearer **********\r\n")) || bytes.Contains(headOf(r.Near), []byte("X-Echo: for *****************\r\n")) {
			shown++
		}
	})
	if err != nil || shown < 3 {
		t.Errorf("%v, the copies are in %d results", err, shown)
	}
}

// headOf is the head of a response; nil if there is none.
func headOf(x *wire.Exchange) []byte {
	if x == nil || x.Response == nil {
		return nil
	}
	return x.Response.Raw
}

func TestASecretInPartsIsMasked(t *testing.T) {
	events := []event{{bytes: []byte("a: tok-")}, {ours: true, bytes: []byte("tok-")}, {bytes: []byte("4711\r\nb: tok-4711")}}
	var got string
	for _, e := range maskedEvents(events, (&Hop{Fields: [][2]string{{"Cookie", "sid=tok-4711; a=b"}}}).secrets()) {
		got += string(e.bytes) + "|"
	}
	if want := "a: ****|tok-|****\r\nb: ********|"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if string(events[0].bytes) != "a: tok-" {
		t.Errorf("the events were changed: %q", events[0].bytes)
	}
}

// TestAFailThatIsNotRepeatedIsUnclear ends the run before a probe that failed is sent once more.
func TestAFailThatIsNotRepeatedIsUnclear(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	sink := listening(t)
	fails := &Probe{ID: "CHAIN-CLOSE-CLIENT", run: func(t *attempt) { t.see(wire.SightLeaks, "") }}
	ends := &Probe{ID: "CHAIN-VIA", run: func(*attempt) { stop() }}
	proxy := httptest.NewServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: sink.Addr}))
	defer proxy.Close()
	address := proxy.Listener.Addr().String()
	var found []Result
	times := Times{Come: 30 * time.Second, Alone: 20 * time.Millisecond, Empty: 3 * time.Millisecond}
	_, err := Run(ctx, &Hop{Address: address, Host: address}, sink, Settings{Times: times}, []*Probe{fails, ends}, func(r Result) { found = append(found, r) })
	if err == nil || len(found) == 0 || found[0].Verdict != rules.Unclear || found[0].Why != "the run ended before it could be repeated" {
		t.Errorf("%v, %+v", err, found)
	}
}
