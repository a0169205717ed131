//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"text/template"

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
	sink, err := ports.Free(3)
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
	_, headers, found := strings.Cut(change["Apache"], "with mod_headers: ")
	if !found {
		t.Fatalf("got %q", change["Apache"])
	}
	hops[sink[2]] = apacheWith(t, sink[2], headers)
	names := map[string]string{sink[0]: "nginx", sink[1]: "HAProxy", sink[2]: "Apache"}
	for listen, hop := range hops {
		only := "CHAIN-CONN-KEEPALIVE,CHAIN-H2C,CHAIN-H2C-LIST,CHAIN-H2C-LINES,CHAIN-TLS,CHAIN-HTTP10"
		if names[listen] != "nginx" { // what becomes of a 101 that no one asked for is no matter of headers there
			only += ",CHAIN-CONN-FABRICATED"
		}
		t.Run(names[listen], func(t *testing.T) {
			t.Parallel()
			r := run(t, "interlock", "chain", "--via", "http://"+hop, "--listen", listen, "--timeout", "4s", "-o", "json", "--store", "memory", "--only", only)
			var d struct{ Hops []struct{ Tunnels bool } }
			err := json.Unmarshal([]byte(r.stdout), &d)
			if faults := faultsOf(t, hop, r.stdout); err != nil || r.status != 0 || len(d.Hops) != 1 || !d.Hops[0].Tunnels || strings.Count(faults, "\n") != 2 { // a line for each fault, after two
				t.Errorf("status %d, %v: %s%s", r.status, err, faults, r.stderr)
			}
		})
	}
}

// apacheWith runs Apache with the recipe of chain and a line of mod_headers.
func apacheWith(t *testing.T, sink, headers string) (addr string) {
	t.Helper()
	err := ports.Use(func(free string) error {
		addr = free
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o777); err != nil { // its workers do not run as root
			return err
		}
		recipe := "LoadModule headers_module modules/mod_headers.so\n" + recipeOf(t, "apache", sink, addr) + headers + "\n"
		var config bytes.Buffer
		base := template.Must(template.New("").Delims("@{", "}@").ParseFiles("chain/apache-upgrade.conf"))
		if err := base.ExecuteTemplate(&config, "apache-upgrade.conf", map[string]string{"Dir": dir, "Recipe": recipe}); err != nil {
			return err
		}
		cmd := exec.Command(program(t, "apache2", "apache2"), "-X", "-f", file(t, "httpd.conf", config.Bytes()))
		ended, err := begin(t, cmd)
		if err != nil {
			return err
		}
		return comesUp(ended, serves(cmd, dir, addr))
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
