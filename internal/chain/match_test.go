package chain

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
)

// TestRequestsWithoutAnIDAreMatchedByTime sends probes through a sound hop that writes every target anew.
// What reaches the sink must be the same as through one that does not.
func TestRequestsWithoutAnIDAreMatchedByTime(t *testing.T) {
	probes, err := Select([]string{"CHAIN-CONN-*", "CHAIN-PIPELINE", "CHAIN-PREMATURE", "CHAIN-BODY-CL", "CHAIN-POOL-LEFTOVER"}, nil, false, HTTP1)
	if err != nil {
		t.Fatal(err)
	}
	cells := func(name string, times Times) (all []string) {
		sink := listening(t)
		hop, err := lab.StartHop(name, sink.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer hop.Close()
		for _, r := range inOrder(t, hop.Addr, sink, times, probes...) {
			all = append(all, fmt.Sprintf("%s %v, at the sink: %t", r.Probe.ID, r.Verdict, r.Far != nil))
		}
		return all
	}
	var want, got []string
	for factor := time.Duration(1); factor <= 16; factor *= 4 { // on a busy machine what must come may be late
		want, got = cells("sound", quick(factor)), cells("rewrites-targets", quick(factor))
		if slices.Equal(want, got) {
			return
		}
	}
	t.Errorf("got other results than without: %q", missing(got, want))
}

// TestFaultsAreFoundWithoutAnID sends an offer of h2c through a real proxy that writes every target anew
// and forwards any offer.
func TestFaultsAreFoundWithoutAnID(t *testing.T) {
	sink := listening(t)
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.URL.Path = "http", sink.Addr, "/one/for/all"
	}})
	defer proxy.Close()
	address := proxy.Listener.Addr().String()
	hop := &Hop{Address: address, Host: address}
	if err := Await(t.Context(), hop, sink, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	probes, err := Select([]string{"CHAIN-H2C"}, nil, false, HTTP1)
	if err != nil {
		t.Fatal(err)
	}
	var found Result
	_, err = Run(t.Context(), hop, sink, Settings{Times: quick(4)}, probes, func(r Result) {
		if r.Probe.ID == "CHAIN-H2C" {
			found = r
		}
	})
	if err != nil || found.Verdict != rules.Fail || found.Far == nil || found.Far.Request.Target != "/one/for/all" || !found.Far.Request.Has("Upgrade") {
		t.Errorf("got %v, %+v", err, found)
	}
}

// TestRequestsOfOthersAreNotMatched has a request come that the hop sends for itself.
func TestRequestsOfOthersAreNotMatched(t *testing.T) {
	sink := listening(t)
	p := &part{Sink: sink}
	p.plan("0123456789abcdef", plan{})
	sink.match(byTime)
	p.begin()
	stranger := httptest.NewRequest("GET", "http://"+sink.Addr+"/health", nil)
	stranger.RequestURI = ""
	answer, err := new(http.Transport).RoundTrip(stranger)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if all := sink.all("0123456789abcdef"); len(all) > 0 {
		t.Error("a request that no one has sent is matched")
	}
}
