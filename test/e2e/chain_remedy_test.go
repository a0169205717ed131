//go:build e2e

package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// TestProxyRemediesWork configures real proxies as the diagnosis of forwarded offers says, word for
// word: valid handshakes pass, and no other offer reaches the backend.
func TestProxyRemediesWork(t *testing.T) {
	t.Parallel()
	change := map[string]string{}
	for _, c := range diagnose.Find("proxy-forwards-offer").Causes {
		for _, r := range c.Fix {
			change[r.Product] = r.Change
		}
	}
	sink, err := ports.Free(2)
	if err != nil {
		t.Fatal(err)
	}
	maps, location, found := strings.Cut(strings.TrimPrefix(change["nginx"], "in http { }: "), "in the location: ")
	if !found {
		t.Fatalf("got %q", change["nginx"])
	}
	hops := map[string]string{sink[0]: nginxWith(t, func(_, addr string) string {
		return "http { " + maps + " server { listen " + addr + "; location / { proxy_pass http://" + sink[0] + "; proxy_http_version 1.1; proxy_set_header Host $http_host; " + location + " } } }"
	})}
	err = ports.Use(func(addr string) error {
		hops[sink[1]] = addr
		config := strings.Replace(recipeOf(t, "haproxy", sink[1], addr), "bind "+addr, "bind "+addr+"\n    "+strings.ReplaceAll(change["HAProxy"], ", then ", "\n    "), 1)
		ended, err := begin(t, exec.Command(program(t, "haproxy", "haproxy"), "-db", "-f", file(t, "haproxy.cfg", []byte(config))))
		if err != nil {
			return err
		}
		return comesUp(ended, func() bool { return listens(addr) })
	})
	if err != nil {
		t.Fatal(err)
	}
	for sink, hop := range hops {
		r := run(t, "interlock", "chain", "--via", "http://"+hop, "--listen", sink, "--timeout", "4s", "-o", "json", "--store", "memory",
			"--only", "CHAIN-CONN-KEEPALIVE,CHAIN-H2C,CHAIN-H2C-LIST,CHAIN-H2C-LINES,CHAIN-TLS,CHAIN-HTTP10")
		var d struct{ Hops []struct{ Tunnels bool } }
		if err := json.Unmarshal([]byte(r.stdout), &d); err != nil || r.status != 0 || len(d.Hops) != 1 || !d.Hops[0].Tunnels {
			t.Errorf("status %d, %v: %s%s", r.status, err, faultsOf(t, hop, r.stdout), r.stderr)
		}
	}
}
