//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestLiveLinesNameTheCause has requests that are ordinary and look like upgrades, as people ask
// about them. The log line of Interlock names the diagnosis, interlock diagnoses has the line to
// change, and with that line there is no such diagnosis any more.
func TestLiveLinesNameTheCause(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ask  func(t *testing.T, p *process, target string, mended bool)
		id   string
		line string // of what to change
	}{
		"Apache HttpClient offers TLS": {askAsHTTPClient, "offer-tls-httpclient", "setProtocolUpgradeEnabled(false)"},
		"nginx with Connection upgrade for every request": {askThroughNginx, "connection-upgrade-always",
			"map $http_upgrade $connection_upgrade { default upgrade; '' close; }"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, site(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Upgrade", "h2c") // so that every exchange is about upgrades, and has a line
				w.Header().Set("Connection", "Upgrade")
				io.WriteString(w, "items")
			}))
			c.ask(t, p, "/broken", false)
			if got := diagnosesOf(t, p.exchange(t, "/broken")); !slices.Contains(got, c.id) {
				t.Errorf("got %q, want %s", got, c.id)
			}
			if got := succeed(t, "interlock", "diagnoses", c.id); !strings.Contains(strings.Join(strings.Fields(got.stdout), " "), c.line) {
				t.Errorf("it does not say %q:\n%s", c.line, got.stdout)
			}
			c.ask(t, p, "/mended", true)
			if got := diagnosesOf(t, p.exchange(t, "/mended")); slices.Contains(got, c.id) {
				t.Errorf("mended: got %q", got)
			}
		})
	}
}

// diagnosesOf are the IDs of the diagnoses of a log line.
func diagnosesOf(t *testing.T, l line) []string {
	t.Helper()
	var all struct{ Diagnoses []string }
	if err := json.Unmarshal([]byte(l.text), &all); err != nil {
		t.Fatal(err)
	}
	return all.Diagnoses
}

// askAsHTTPClient sends a request as Apache HttpClient 5.4 does, without the offer if it is mended.
func askAsHTTPClient(t *testing.T, p *process, target string, mended bool) {
	t.Helper()
	offer := "Upgrade: TLS/1.2\r\nConnection: Upgrade\r\n"
	if mended {
		offer = ""
	}
	conn := dial(t, p.listen)
	send(t, conn, "GET "+target+" HTTP/1.1\r\nHost: "+p.listen+"\r\nUser-Agent: Apache-HttpClient/5.4 (Java/21)\r\n"+offer+"\r\n")
	expect(t, conn, "HTTP/1.1 200 OK\r\n")
}

// askThroughNginx makes an ordinary request through nginx, whose Connection header follows Upgrade
// if it is mended.
func askThroughNginx(t *testing.T, p *process, target string, mended bool) {
	t.Helper()
	connection := `"upgrade"`
	if mended {
		connection = "$connection_upgrade"
	}
	front := nginxInFront(t, p.listen, fmt.Sprintf("proxy_http_version 1.1; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection %s;", connection))
	response, err := client(t).Get("http://" + front + target)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || string(text) != "items" {
		t.Errorf("got %q, %v", text, err)
	}
}
