//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/rules"
)

// h2Chained has what the probes of chain over HTTP/2 find at each gateway, by the same code names.
const h2Chained = "http2/chain.txt"

// TestChainOverHTTP2 sends the probes of chain --http 2 through each gateway twice, and compares what they
// find with the table.
func TestChainOverHTTP2(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(h2Chained)
	if err != nil {
		t.Fatal(err)
	}
	table := h2Cells(t, string(text))
	gateways := map[string]string{"gateway-a": "nghttpx", "gateway-b": "haproxy", "gateway-c": "apache", "gateway-d": "lighttpd"}
	found := make(chan string, len(gateways))
	t.Run("all", func(t *testing.T) {
		for code, name := range gateways {
			t.Run(code, func(t *testing.T) {
				t.Parallel()
				if _, known := table[code]; !known && !*writeH2Table {
					t.Fatalf("%s has no %s", h2Chained, code)
				}
				sink, err := chain.Listen("127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer sink.Close()
				addr := h2Gateways()[name](t, sink.Addr)
				cells := map[string]string{}
				for range 2 {
					for id, got := range chainHTTP2(t, addr, sink) {
						want, listed := table[code][id]
						if !listed {
							want = "pass"
						}
						if !slices.Contains(strings.Split(want, " | "), got) && !*writeH2Table {
							t.Errorf("%s: got %s, want %s", id, got, want)
						}
						if got != "pass" && !strings.Contains(cells[id], got) {
							cells[id] = strings.TrimPrefix(cells[id]+" | "+got, " | ")
						}
					}
				}
				section := "\n" + code + "\n"
				for _, id := range slices.Sorted(maps.Keys(cells)) {
					section += fmt.Sprintf("  %-24s %s\n", id, cells[id])
				}
				found <- section
			})
		}
	})
	close(found)
	if *writeH2Table {
		writeSections(t, h2Chained, string(text), found)
	}
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
