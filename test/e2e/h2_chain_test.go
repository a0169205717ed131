//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/rules"
)

// h2Chained has what the probes of chain over HTTP/2 find at each gateway, by the same code names.
const h2Chained = "http2/chain.txt"

// TestChainOverHTTP2 sends the probes of chain --http 2 through each gateway, and compares what they find with
// the table.
func TestChainOverHTTP2(t *testing.T) {
	t.Parallel()
	chainOverHTTP2(t, h2Rounds())
}

func chainOverHTTP2(t *testing.T, rounds int) {
	t.Helper()
	gateways := map[string]string{"gateway-a": "nghttpx", "gateway-b": "haproxy", "gateway-c": "apache", "gateway-d": "lighttpd"}
	compareWithTable(t, h2Chained, slices.Sorted(maps.Keys(gateways)), func(t *testing.T, code string, cells map[string]string) (rows string) {
		sink, err := chain.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		addr := h2Gateways()[gateways[code]](t, sink.Addr, tlsPair{})
		found := alternatives{}
		for range rounds {
			for id, got := range chainHTTP2(t, addr, sink) {
				found.take(t, cells, id, got, "")
			}
		}
		return found.rows(24)
	})
}

// chainHTTP2 sends the probes through a gateway, and returns what each finds.
func chainHTTP2(t *testing.T, addr string, sink *chain.Sink) map[string]string {
	t.Helper()
	probes, err := chain.Select(nil, nil, false, true)
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string]string{}
	_, err = chain.Run(t.Context(), &chain.Hop{Address: addr, Host: addr}, sink, chain.Settings{}, probes, func(r chain.Result) {
		if !strings.HasPrefix(r.Probe.ID, "CHAIN-H2-") {
			return // the controls are the same as in HTTP/1.1
		}
		cell := r.Verdict.String()
		for _, f := range r.Ruling.Findings {
			if f.Verdict < rules.Pass {
				cell += fmt.Sprintf(" %v %s", f.Severity, f.Rule.ID)
			}
		}
		if r.Verdict == rules.Pass && len(r.Facts) > 0 && strings.HasPrefix(r.Facts[0], "self") {
			cell = r.Facts[0]
		}
		cells[r.Probe.ID] = cell
	})
	if err != nil {
		t.Fatal(err)
	}
	return cells
}
