//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/rules"
)

// TestInterlockIsATransportRelay sends all probes of interlock chain through serve and its forward listener.
// Each cell is the same as without a hop, but where the forward listener rejects a target itself.
func TestInterlockIsATransportRelay(t *testing.T) {
	t.Parallel()
	t.Run("serve", func(t *testing.T) {
		t.Parallel()
		equal(t, throughTo(t, func(sink string) *chain.Hop { return &chain.Hop{Address: serve(t, sink).listen, Host: sink} }),
			throughTo(t, func(sink string) *chain.Hop { return &chain.Hop{Address: sink, Host: sink} }))
	})
	t.Run("forward", func(t *testing.T) {
		t.Parallel()
		equal(t, throughTo(t, func(sink string) *chain.Hop { return forwarding(t, sink) }),
			throughTo(t, func(sink string) *chain.Hop { return &chain.Hop{Address: sink, Host: sink, Path: "http://" + sink} }),
			"CTRL-L4", "CTRL-L4-END", "CHAIN-CONNECT", "CHAIN-SSRF-ABS", "CHAIN-SSRF-ABS-PLAIN", "CHAIN-SSRF-AT", "CHAIN-SSRF-WS")
	})
}

// equal compares the cells of Interlock with those without a hop. Those of rejects need only pass. A
// cell that differs is looked at again, twice: on a busy machine what must come may be late once.
func equal(t *testing.T, interlock, none path, rejects ...string) {
	t.Helper()
	want, got := none.cells(t), interlock.cells(t)
	if len(got) != len(want) || len(got) < 90 || rejects == nil && got["CTRL-L4"] != "warn UPGRADE-HOP-L4 relay [L4]" {
		t.Errorf("%d and %d cells, CTRL-L4 %s", len(got), len(want), got["CTRL-L4"])
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		differs := func() bool {
			return got[id] != want[id] && !(slices.Contains(rejects, id) && strings.HasPrefix(got[id], "pass "))
		}
		for again := 0; differs() && again < 2; again++ {
			want[id], got[id] = none.cells(t, id)[id], interlock.cells(t, id)[id]
		}
		if differs() {
			t.Errorf("%s: got %s, without a hop %s", id, got[id], want[id])
		}
	}
}

func forwarding(t *testing.T, sink string, flags ...string) *chain.Hop {
	p := serve(t, sink, append(flags, "--forward", "127.0.0.1:0")...)
	return &chain.Hop{Address: p.forward, Host: sink, Path: "http://" + sink}
}

// TestTheGuardIsASoundHop sends all probes through serve and its forward listener with the guard: no byte
// reaches the backend early, no tunnel opens after a rejection, no wrong 101 opens one, and no client gets
// what is another's.
func TestTheGuardIsASoundHop(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T, sink string) *chain.Hop{
		"serve": func(t *testing.T, sink string) *chain.Hop {
			return &chain.Hop{Address: serve(t, sink, "--guard", "unsafe").listen, Host: sink}
		},
		"forward": func(t *testing.T, sink string) *chain.Hop { return forwarding(t, sink, "--guard", "unsafe") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := throughTo(t, func(sink string) *chain.Hop { return start(t, sink) }).cells(t)
			for id, cell := range all {
				bad := slices.ContainsFunc([]string{"UPGRADE-HOP-TUNNEL-NON101", "UPGRADE-HOP-TARGET", "raw-early", "raw-late", "poisoned", "pooled", "glued", "into-body", "body-smuggled", "body-poisons", "canary-hit"}, func(code string) bool {
					return slices.Contains(strings.Fields(cell), code)
				})
				early := strings.Contains(cell, "UPGRADE-HOP-PREMATURE") && id != "CHAIN-POOL-PREFIX" // which comes after the rejection
				if bad || early || strings.HasPrefix(id, "CHAIN-101-") && strings.HasPrefix(cell, "fail") {
					t.Errorf("%s: %s", id, cell)
				}
			}
			if len(all) < 90 || all["CTRL-WS"] != "pass [tunnel]" {
				t.Errorf("%d cells, CTRL-WS %s", len(all), all["CTRL-WS"])
			}
		})
	}
}

// A path is a hop, or none, in front of a sink.
type path struct {
	hop  *chain.Hop
	sink *chain.Sink
}

func throughTo(t *testing.T, start func(sink string) *chain.Hop) path {
	t.Helper()
	sink, err := chain.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	return path{start(sink.Addr), sink}
}

// cells are the verdict, the rules broken, the sightings and the facts of each probe, or of those probes and some controls.
// The control by which chain sees a relay is sent in a run of its own: after it nothing else is judged.
func (p path) cells(t *testing.T, only ...string) map[string]string {
	t.Helper()
	const transport = "CTRL-L4"
	rest := slices.DeleteFunc(chain.Probes(), func(p *chain.Probe) bool {
		control := p.ID == "CTRL-PLAIN" || p.ID == "CTRL-WS"
		return p.ID == transport || len(only) > 0 && !control && !slices.Contains(only, p.ID)
	})
	times := chain.Times{Not: 400 * time.Millisecond, Hold: 400 * time.Millisecond, Idle: 2 * time.Second}
	all, began := map[string]string{}, time.Now()
	for _, probes := range [][]*chain.Probe{{chain.FindProbe(transport)}, rest} {
		_, err := chain.Run(t.Context(), p.hop, p.sink, chain.Settings{Times: times}, probes, func(r chain.Result) {
			codes := ""
			for _, f := range r.Ruling.Findings {
				if f.Verdict < rules.Pass {
					codes += " " + f.Rule.ID
				}
			}
			for _, s := range r.Near.Hop.Seen {
				codes += " " + string(s.What)
			}
			all[r.Probe.ID] = fmt.Sprintf("%v%s %v", r.Verdict, codes, r.Facts)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d probes in %.0f s", len(all), time.Since(began).Seconds())
	return all
}
