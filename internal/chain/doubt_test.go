package chain

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

// TestAHopThatBreaksMakesResultsUnclear has a hop cease to pass upgrades, or plain requests, after the
// first controls. A last control that passes when it is repeated leaves no doubt.
func TestAHopThatBreaksMakesResultsUnclear(t *testing.T) {
	for _, c := range []struct {
		name       string
		breaks     func(*http.Request) bool
		last, says string
		most       int32 // of the requests that the hop does not pass; 0: all
	}{
		{"upgrades", func(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }, "CTRL-WS-END", "any more", 0},
		{"plain", func(r *http.Request) bool { return r.Header.Get("Upgrade") == "" }, "CTRL-END", "does not forward a GET", 0},
		{"neither", func(*http.Request) bool { return false }, "", "", 0},
		{"one upgrade", func(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }, "", "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sink := listening(t)
			var broken atomic.Bool
			var failed atomic.Int32
			proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: sink.Addr})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if broken.Load() && c.breaks(r) && (failed.Add(1) <= c.most || c.most == 0) {
					http.Error(w, "broken", http.StatusServiceUnavailable)
					return
				}
				proxy.ServeHTTP(w, r)
			}))
			defer server.Close()
			between := Probe{ID: "CHAIN-VIA", run: func(*attempt) { broken.Store(true) }}
			var probes []*Probe
			for _, p := range slices.Concat(inTurn(alone, controls()), []Probe{between}, inTurn(alone, lastControls())) {
				probes = append(probes, &p)
			}
			address := server.Listener.Addr().String()
			var results []Result
			_, err := Run(t.Context(), &Hop{Address: address, Host: address}, sink, Settings{Times: quick(4)}, probes, func(r Result) { results = append(results, r) })
			if c.last == "" && err != nil || c.last != "" && (err == nil || !strings.Contains(err.Error(), c.last)) || len(results) != len(probes) {
				t.Errorf("%d results of %d, %v, want one that names %q", len(results), len(probes), err, c.last)
			}
			for _, r := range results {
				want := rules.Pass
				switch {
				case c.last == "":
				case r.Probe.ID == c.last:
					want = rules.Fail
				case r.Probe.ID == "CHAIN-VIA":
					want = rules.Unclear
				}
				if r.Verdict != want || want == rules.Fail && !strings.Contains(r.Ruling.Worst().Detail, c.says) || want == rules.Unclear && r.Why == "" {
					t.Errorf("%s: got %v %q %+v, want %v", r.Probe.ID, r.Verdict, r.Why, r.Ruling.Findings, want)
				}
			}
		})
	}
}
