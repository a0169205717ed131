package chain

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
)

// TestAPathThatTheHopRejectsInHTTP1 sends requests in HTTP/2 for a path that each gateway rejects in
// HTTP/1.1: one that it always rejects, and one that demands credentials, which the probes have otherwise.
// What a busy machine delays is sent again with more time.
func TestAPathThatTheHopRejectsInHTTP1(t *testing.T) {
	t.Parallel()
	const (
		access = "critical UPGRADE-H2-ACCESS"
		late   = "critical UPGRADE-HOP-TUNNEL-NON101"
		early  = "critical UPGRADE-HOP-PREMATURE"
	)
	var all sync.WaitGroup
	for name, want := range map[string][4]string{ // a GET, a CONNECT, one for an unknown protocol, and a GET in DATA
		"h2-gateway":          {"pass", "pass", "pass", "pass"},
		"h2-unguarded":        {access, access, "pass", "pass"},
		"h2-guards-get":       {"pass", access, access, "pass"},
		"h2-forwards-early":   {"pass", "pass", "pass", early},
		"h2-forwards-refused": {"pass", "pass", "pass", late},
	} {
		for _, path := range [...]string{lab.HopRejects, lab.HopDemands} {
			all.Go(func() {
				var got [4]string
				for factor := time.Duration(1); factor <= 16; factor *= 4 {
					if got = deniedInStreams(t, name, path, factor); got == want {
						return
					}
				}
				t.Errorf("%s at %s: got %q, want %q", path, name, got, want)
			})
		}
	}
	all.Wait()
}

// deniedInStreams returns what the probes find at a gateway of the lab, to which all other requests have
// credentials.
func deniedInStreams(t *testing.T, name, path string, factor time.Duration) (found [4]string) {
	t.Helper()
	sink := listening(t)
	gateway, err := lab.StartHop(name, sink.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer gateway.Close()
	probes, err := Select([]string{"CHAIN-H2-DENIED-*"}, nil, true, HTTP2)
	if err != nil {
		t.Fatal(err)
	}
	all := deniedHTTP2()
	hop := &Hop{Address: gateway.Addr, Host: gateway.Addr, Protected: path, Fields: [][2]string{{"Authorization", "Bearer hunter2zzz"}}}
	_, err = Run(t.Context(), hop, sink, Settings{Times: quick(factor)}, probes, func(r Result) {
		checkRuling(t, name, r)
		i := slices.IndexFunc(all, func(p Probe) bool { return p.ID == r.Probe.ID })
		if i < 0 {
			return
		}
		if found[i] = r.Verdict.String(); r.Verdict < rules.Pass {
			f := r.Ruling.Worst()
			found[i] = f.Severity.String() + " " + f.Rule.ID
			if !strings.Contains(f.Detail, path) {
				t.Errorf("%s: %q does not name the path", r.Probe.ID, f.Detail)
			}
		}
		if without := slices.Contains(r.Facts, "without-headers"); without != (path == lab.HopDemands) {
			t.Errorf("%s at %s: without the headers given: %t", r.Probe.ID, path, without)
		}
		if r.Verdict == rules.NotApplicable {
			t.Errorf("%s: %s", r.Probe.ID, r.Why)
		}
	})
	if err != nil {
		t.Error(err)
	}
	return found
}

// TestNoSecretIsKeptInHTTP2 sends credentials in HTTP/2, has the sink repeat them in a header and in a body, and
// looks for them in all that is kept: on the connection they are compressed.
func TestNoSecretIsKeptInHTTP2(t *testing.T) {
	t.Parallel()
	const secret = "hunter2zzz"
	sink := listening(t)
	gateway, err := lab.StartHop("h2-gateway", sink.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer gateway.Close()
	repeats := &Probe{ID: "CHAIN-H2-401", run: func(t *attempt) {
		id := t.id(plan{func(a *arrival) reply {
			value, _ := a.request.Value("X-Api-Thing")
			return reply{body: bodyAfter, pieces: []piece{{0, respond(401, "you said "+value, "X-Echo: for "+value)}}}
		}})
		t.connect(id, "").answer()
	}}
	probes := append([]*Probe{FindProbe("CTRL-L4"), FindProbe("CTRL-PLAIN"), FindProbe("CTRL-WS")}, FindProbe("CHAIN-H2-WS"), repeats)
	hop := &Hop{Address: gateway.Addr, Host: gateway.Addr, Fields: [][2]string{{"X-Api-Thing", "Bearer " + secret}, {"Host", "other.test"}, {"Cookie", "sid=crumb-4711"}}}
	_, err = Run(t.Context(), hop, sink, Settings{Times: quick(4)}, probes, func(r Result) {
		text, err := json.Marshal([]any{r.Near, r.Far, r.Ruling.Findings, r.Facts, r.Why})
		if err != nil {
			t.Error(err)
		}
		for _, raw := range [][]byte{text, r.Near.Request.Raw, headOf(r.Near), headOf(r.Far)} {
			if bytes.Contains(raw, []byte(secret)) || bytes.Contains(raw, []byte("crumb-4711")) {
				t.Errorf("%s: %s", r.Probe.ID, raw)
			}
		}
		if r.Probe == repeats && (!bytes.Contains(headOf(r.Near), []byte("x-echo: for *****************\r\n")) || !bytes.Contains(r.Near.Request.Raw, []byte("x-api-thing: *****************\r\n"))) {
			t.Errorf("the headers are not masked: %s%s", r.Near.Request.Raw, headOf(r.Near))
		}
		if strings.HasPrefix(r.Probe.ID, "CHAIN-H2-") && (r.Far == nil || !bytes.Contains(r.Far.Request.Raw, []byte("Host: other.test\r\n")) || r.Verdict != rules.Pass && r.Probe != repeats) {
			t.Errorf("%s: %v, and the sink got %q", r.Probe.ID, r.Verdict, r.Far.Request.Raw)
		}
	})
	if err != nil {
		t.Error(err)
	}
}
