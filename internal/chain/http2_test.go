package chain

import (
	"crypto/tls"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
)

// TestHTTP2ProbesFindFaults sends the probes of HTTP/2 through the gateways of the lab: none fails at the
// correct one, and at each other one those that its fault is for. What a busy machine delays is sent again with
// more time.
func TestHTTP2ProbesFindFaults(t *testing.T) {
	const golden = "testdata/gateways.golden"
	compareFaults(t, golden, lab.H2Gateways(), func(name string, times Times) string { return faultsOverHTTP2(t, name, nil, times) })
}

// faultsOverHTTP2 returns what the probes of HTTP/2 find at a gateway of the lab, a line each.
func faultsOverHTTP2(t *testing.T, name string, secure *tls.Config, times Times) string {
	t.Helper()
	sink := listening(t)
	gateway, err := lab.RunHop(name, lab.HopConfig{Backend: sink.Addr, TLS: secure})
	if err != nil {
		t.Fatal(err)
	}
	defer gateway.Close()
	probes, err := Select(nil, nil, false, HTTP2)
	if err != nil {
		t.Fatal(err)
	}
	hop := &Hop{Address: gateway.Addr, Host: gateway.Addr}
	if secure != nil {
		hop.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	found := ""
	report, err := Run(t.Context(), hop, sink, Settings{Times: times}, probes, func(r Result) {
		checkRuling(t, name, r)
		if strings.HasPrefix(r.Probe.ID, "CHAIN-H2-") && name != "h2-no-tunnels" && (r.Verdict == rules.NotApplicable || r.Far == nil || !r.Near.Request.HTTP2() || r.Far.Request.HTTP2()) {
			t.Errorf("%s at %s: %v, %s", r.Probe.ID, name, r.Verdict, r.Why)
		}
		for _, f := range r.Ruling.Findings {
			if f.Verdict < rules.Pass {
				found += fmt.Sprintf("  %v %s %v %s\n", f.Verdict, r.Probe.ID, f.Severity, f.Rule.ID)
			}
		}
	})
	if err != nil {
		return fmt.Sprintf("%s: %v\n", name, err)
	}
	return fmt.Sprintf("%s transport=%t tunnels=%t http2=%t streams=%t\n", name, report.Transport, report.Tunnels, report.HTTP2, report.Streams) + found
}

// TestHTTP2ProbesInTLS sends the probes over TLS, where a gateway chooses HTTP/2 by ALPN: they find the same.
func TestHTTP2ProbesInTLS(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/gateways.golden")
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewTLSServer(nil)
	site.Close()
	var all sync.WaitGroup
	for _, name := range [...]string{"h2-gateway", "h2-forwards-early", "h2-opens-any-101", "h2-loses-first"} {
		all.Go(func() {
			want, got := sectionOf(string(golden), name), ""
			for factor := time.Duration(1); factor <= 16 && got != want; factor *= 4 {
				got = faultsOverHTTP2(t, name, site.TLS, quick(factor))
			}
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	all.Wait()
}

// TestHopsWithoutHTTP2 sends the probes to proxies that speak HTTP/1.1 only: all of HTTP/2 are not applicable, and
// the reason says so.
func TestHopsWithoutHTTP2(t *testing.T) {
	t.Parallel()
	site := httptest.NewTLSServer(nil)
	site.Close()
	for _, each := range []struct {
		name   string
		secure *tls.Config
		why    string
	}{
		{"sound", nil, "it sends no SETTINGS"},
		{"relay", nil, "it sends no SETTINGS"},
		{"sound", site.TLS, "no application protocol"},
	} {
		sink := listening(t)
		hop, err := lab.RunHop(each.name, lab.HopConfig{Backend: sink.Addr, TLS: each.secure})
		if err != nil {
			t.Fatal(err)
		}
		probes, err := Select([]string{"CHAIN-H2-401", "CHAIN-H2-DENIED-GET"}, nil, true, HTTP2)
		if err != nil {
			t.Fatal(err)
		}
		to := &Hop{Address: hop.Addr, Host: hop.Addr, Protected: lab.HopRejects}
		if each.secure != nil {
			to.TLS = &tls.Config{InsecureSkipVerify: true}
		}
		n := 0
		_, err = Run(t.Context(), to, sink, Settings{Times: quick(4)}, probes, func(r Result) {
			if !r.Probe.InHTTP2() {
				return
			}
			n++
			if r.Verdict != rules.NotApplicable || !strings.HasPrefix(r.Why, "the hop does not speak HTTP/2") || r.Probe.ID == overHTTP2ID && !strings.Contains(r.Why, each.why) {
				t.Errorf("%s at %s: %v, %s", r.Probe.ID, each.name, r.Verdict, r.Why)
			}
		})
		if err != nil || n != 3 {
			t.Errorf("%s: %v, %d results in HTTP/2", each.name, err, n)
		}
		hop.Close()
	}
}

// TestProbesOfBothVersions checks that twins are probes in HTTP/1.1, and that both versions are sent in one run.
func TestProbesOfBothVersions(t *testing.T) {
	t.Parallel()
	for _, p := range HTTP2Probes() {
		if twin := p.Twin(); twin != "" && (FindProbe(twin) == nil || FindProbe(twin).InHTTP2()) {
			t.Errorf("the twin of %s is %s", p.ID, twin)
		}
	}
	all, err := Select(nil, nil, true, BothVersions)
	if err != nil || len(all) != len(EveryProbe()) || all[len(all)-1].ID != "CTRL-WS-END" {
		t.Errorf("%v, %d of %d probes", err, len(all), len(EveryProbe()))
	}
	results := []Result{
		{Probe: FindProbe("CHAIN-200"), Verdict: rules.Pass}, {Probe: FindProbe("CHAIN-H2-200"), Verdict: rules.Fail},
		{Probe: FindProbe("CHAIN-426"), Verdict: rules.Fail}, {Probe: FindProbe("CHAIN-H2-426"), Verdict: rules.Pass},
		{Probe: FindProbe("CHAIN-302"), Verdict: rules.NotApplicable}, {Probe: FindProbe("CHAIN-H2-302"), Verdict: rules.Fail},
		{Probe: FindProbe("CHAIN-H2-204"), Verdict: rules.Fail},
	}
	if got, want := Differences(results), []Difference{{HTTP1, "CHAIN-200", "CHAIN-H2-200"}, {HTTP2, "CHAIN-H2-426", "CHAIN-426"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestHTTP2ProbesAreChosen checks which probes a run over HTTP/2 has, and that a probe of it needs the flag.
func TestHTTP2ProbesAreChosen(t *testing.T) {
	t.Parallel()
	chosen, err := Select(nil, []string{"CHAIN-H2-101-*"}, false, HTTP2)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range chosen {
		if !strings.HasPrefix(p.ID, "CTRL-") && (!strings.HasPrefix(p.ID, "CHAIN-H2-") || strings.HasPrefix(p.ID, "CHAIN-H2-101-")) {
			t.Errorf("%s is chosen", p.ID)
		}
	}
	if _, err := Select([]string{"CHAIN-H2-EARLY"}, nil, false, HTTP1); err == nil || !strings.Contains(err.Error(), "--http 2") {
		t.Errorf("got %v, want the flag that is missing", err)
	}
	if len(chosen) != len(HTTP2Probes())-8-len(deniedHTTP2())+6 || FindProbe("CHAIN-H2-EARLY") == nil {
		t.Errorf("%d probes are chosen", len(chosen))
	}
}
