package chain

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

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
	probes, err := Select(nil, nil, false, true)
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
		if strings.HasPrefix(r.Probe.ID, "CHAIN-H2-") && (r.Verdict == rules.NotApplicable || r.Far == nil || !r.Near.Request.HTTP2() || r.Far.Request.HTTP2()) {
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
	return fmt.Sprintf("%s transport=%t tunnels=%t\n", name, report.Transport, report.Tunnels) + found
}

// TestHTTP2ProbesAreChosen checks which probes a run over HTTP/2 has, and that a probe of it needs the flag.
func TestHTTP2ProbesAreChosen(t *testing.T) {
	t.Parallel()
	chosen, err := Select(nil, []string{"CHAIN-H2-101-*"}, false, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range chosen {
		if !strings.HasPrefix(p.ID, "CTRL-") && (!strings.HasPrefix(p.ID, "CHAIN-H2-") || strings.HasPrefix(p.ID, "CHAIN-H2-101-")) {
			t.Errorf("%s is chosen", p.ID)
		}
	}
	if _, err := Select([]string{"CHAIN-H2-EARLY"}, nil, false, false); err == nil || !strings.Contains(err.Error(), "--http 2") {
		t.Errorf("got %v, want the flag that is missing", err)
	}
	if len(chosen) != len(HTTP2Probes())-8-len(deniedHTTP2())+6 || FindProbe("CHAIN-H2-EARLY") == nil {
		t.Errorf("%d probes are chosen", len(chosen))
	}
}
