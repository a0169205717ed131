//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// TestChainThroughRealProxies sends all probes of interlock chain through real proxies, most of them
// with the configurations that --recipe prints. testdata/chain.golden has every fault that it must
// find, and nothing else may be found.
func TestChainThroughRealProxies(t *testing.T) {
	want, err := os.ReadFile("testdata/chain.golden")
	if err != nil {
		t.Fatal(err)
	}
	hops := map[string]func(t *testing.T, sink string) (addr string){
		"nginx, Connection by map": func(t *testing.T, sink string) string {
			return nginxWith(t, func(_, addr string) string {
				return strings.TrimPrefix(recipeOf(t, "nginx", sink, addr), "events {}\n")
			})
		},
		"nginx, Connection: upgrade": func(t *testing.T, sink string) string { return nginx(t, "", fmt.Sprintf(recipe, sink, "")) },
		"nginx, no upgrades": func(t *testing.T, sink string) string {
			return nginx(t, "", "location / { proxy_pass http://"+sink+"; }")
		},
		"haproxy": func(t *testing.T, sink string) (addr string) {
			err := ports.Use(func(free string) error {
				addr = free
				config := file(t, "haproxy.cfg", []byte(recipeOf(t, "haproxy", sink, addr)))
				ended, err := begin(t, exec.Command(program(t, "haproxy", "haproxy"), "-db", "-f", config))
				if err != nil {
					return err
				}
				return comesUp(ended, func() bool { return listens(addr) })
			})
			if err != nil {
				t.Fatal(err)
			}
			return addr
		},
	}
	for name, start := range hops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sink, err := ports.Free(1)
			if err != nil {
				t.Fatal(err)
			}
			hop, expected := start(t, sink[0]), sectionOf(string(want), name)
			for _, timeout := range []string{"1s", "3s", "9s"} { // a proxy that a busy machine delays looks like another one
				r := run(t, "interlock", "chain", "--via", "http://"+hop, "--listen", sink[0], "--timeout", timeout, "--skip", "CHAIN-IDLE", "-o", "json")
				got := faultsOf(t, name, r.stdout)
				switch {
				case got == expected && r.status == 1:
					return
				case timeout == "9s":
					t.Errorf("status %d\n%s\ngot\n%s", r.status, missingLines(expected, got), got)
				}
			}
		})
	}
}

// TestChainThroughInterlock checks that the transparent proxy is no hop: it relays bytes, so that no
// probe finds a fault of its own.
func TestChainThroughInterlock(t *testing.T) {
	t.Parallel()
	sink, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, sink[0])
	r := run(t, "interlock", "chain", "--via", "http://"+p.listen, "--listen", sink[0], "--timeout", "1s", "--skip", "CHAIN-IDLE", "-o", "json")
	var d struct {
		Hops []struct{ Transport, Tunnels bool }
	}
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil || len(d.Hops) != 1 {
		t.Fatalf("%v: %s%s", err, r.stdout, r.stderr)
	}
	if got := faultsOf(t, "interlock", r.stdout); !d.Hops[0].Transport || !d.Hops[0].Tunnels || r.status != 0 || strings.Contains(got, "fail") || strings.Count(got, "warn") != 1 || !strings.Contains(got, "warn info CTRL-L4: UPGRADE-HOP-L4") {
		t.Errorf("transport %t, tunnels %t, status %d: %s", d.Hops[0].Transport, d.Hops[0].Tunnels, r.status, got)
	}
}

func listens(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// recipeOf is what --recipe prints, with another address to listen on.
func recipeOf(t *testing.T, name, sink, addr string) string {
	t.Helper()
	text := succeed(t, "interlock", "chain", "--recipe", name, "--listen", sink).stdout
	_, config, _ := strings.Cut(text, "\n")
	return strings.Replace(config, "127.0.0.1:8080", addr, 1)
}

// faultsOf returns the faults in a document of interlock chain, a line each.
func faultsOf(t *testing.T, name, document string) string {
	t.Helper()
	var d struct {
		Hops []struct {
			Failed  string
			Results []struct {
				Probe, Verdict string
				Faults         []struct{ Verdict, Severity, Rule string }
			}
		}
	}
	if err := json.Unmarshal([]byte(document), &d); err != nil || len(d.Hops) != 1 || d.Hops[0].Failed != "" {
		t.Fatalf("%v: %s", err, document)
	}
	var b strings.Builder
	without := 0
	for _, r := range d.Hops[0].Results {
		for _, f := range r.Faults {
			fmt.Fprintf(&b, "  %s %s %s: %s\n", f.Verdict, f.Severity, r.Probe, f.Rule)
		}
		if len(r.Faults) == 0 && r.Verdict != "pass" {
			without++
		}
	}
	lines := fmt.Sprintf("%s\n  not applicable: %d\n", name, without) + b.String()
	return lines
}

// sectionOf returns the lines about one hop.
func sectionOf(golden, name string) string {
	var b bytes.Buffer
	in := false
	for line := range strings.Lines(golden) {
		if !strings.HasPrefix(line, " ") {
			in = line == name+"\n"
		}
		if in {
			b.WriteString(line)
		}
	}
	return b.String()
}

// missingLines returns the lines that only one of two texts has.
func missingLines(want, got string) string {
	a, z := slices.Collect(strings.Lines(want)), slices.Collect(strings.Lines(got))
	var b strings.Builder
	for _, line := range a {
		if !slices.Contains(z, line) {
			b.WriteString("- " + line)
		}
	}
	for _, line := range z {
		if !slices.Contains(a, line) {
			b.WriteString("+ " + line)
		}
	}
	return b.String()
}
