package chain

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// TestCredentialsThatAProxyChecks sends a handshake that nominates credentials through proxies that
// let in only who has theirs. Where those of the probe are rejected, nothing reaches the backend, and
// nothing is known of what the proxy would do to them.
func TestCredentialsThatAProxyChecks(t *testing.T) {
	sink := listening(t)
	probes, err := Select([]string{"CHAIN-NOMINATE-AUTH"}, nil, false, HTTP1)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		own  [2]string
		want rules.Verdict
		says string
	}{
		{[2]string{"Authorization", "Basic YWRhOnNlY3JldA=="}, rules.Pass, "Authorization removed"},
		{[2]string{"X-Token", "YWRhOnNlY3JldA=="}, rules.NotApplicable, "401"},
	} {
		to := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: sink.Addr})
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := r.Header.Get("Authorization")
			if r.Header.Get(test.own[0]) != test.own[1] || a != "" && a != test.own[1] {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			to.ServeHTTP(w, r)
		}))
		defer proxy.Close()
		address := proxy.Listener.Addr().String()
		hop := &Hop{Address: address, Host: address, Fields: [][2]string{test.own}, TLSFlags: []string{"--insecure"}}
		if err := Await(t.Context(), hop, sink, 30*time.Second); err != nil {
			t.Fatal(err)
		}
		seen := ""
		_, err := Run(t.Context(), hop, sink, Settings{Times: quick(2)}, probes, func(r Result) {
			if r.Probe.ID != "CHAIN-NOMINATE-AUTH" {
				return
			}
			if flags := r.Near.TLSFlags; len(flags) != 1 || r.Far != nil && len(r.Far.TLSFlags) > 0 {
				t.Errorf("%s: the flags of the command are %q on the side of the client", test.own[0], flags)
			}
			if seen = strings.Join(append(r.Facts, r.Why), "; "); r.Verdict != test.want {
				t.Errorf("%s: %v, want %v: %s", test.own[0], r.Verdict, test.want, seen)
			}
		})
		if err != nil || !strings.Contains(seen, test.says) {
			t.Errorf("%s: %v, %q does not say %q", test.own[0], err, seen, test.says)
		}
	}
}
