package run

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/report"
)

// TestChainOverHTTP2 sends credentials through a gateway that applies its access rules to GET only. All formats
// have the finding, and neither they nor the store have a credential, compressed or not.
func TestChainOverHTTP2(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	values := []string{"s3cret-0815", "Bearer tok-4711", "sid=crumb-99"}
	secrets := []string{"s3cret-0815", "tok-4711", "crumb-99"}
	for _, v := range values {
		secrets = append(secrets, string(hpack.AppendHuffmanString(nil, v)))
	}
	status := chainInto(t, "h2-guards-get", func(c *Chaining) {
		c.HTTP, c.Protected = "2", lab.HopDemands
		c.Flags.Fields = []string{"X-Deploy: " + values[0], "Authorization: " + values[1], "Cookie: " + values[2]}
		c.Flags.Only = []string{"CHAIN-H2-WS", "CHAIN-H2-COOKIES", "CHAIN-H2-401", "CHAIN-H2-DENIED-*"}
		c.Flags.Timeout = 5 * time.Second
		c.Flags.Outputs = outputsIn(dir)
		c.Flags.Verbose = true
		c.Config.Store = filepath.Join(dir, "store.db")
	})
	if status != exit.StatusFound {
		t.Errorf("got status %d, want %d", status, exit.StatusFound)
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text := readFile(t, name)
		for _, secret := range secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s has %q: %q", name, secret, text[max(0, i-200):i+len(secret)])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Formats() {
		if f.Name == "wire" || f.Name == "pcapng" {
			continue // a folder, and bytes
		}
		if text := readFile(t, filepath.Join(dir, f.Name)); !strings.Contains(text, "CHAIN-H2-DENIED-CONNECT") || !strings.Contains(text, "UPGRADE-H2-ACCESS") {
			t.Errorf("%s has no finding", f.Name)
		}
	}
}

// TestChainInBothVersions holds that one run has both versions of HTTP, and says what fails in one of them only.
func TestChainInBothVersions(t *testing.T) {
	t.Parallel()
	for _, each := range []struct {
		hop, version string
		only         []string
		status       int
		want         []string
	}{
		{"h2-forwards-early", "both", []string{"CHAIN-PREMATURE-RAW", "CHAIN-H2-EARLY"}, exit.StatusFound, []string{
			" HTTP/2: a WebSocket over HTTP/2 passes\n", " fails in HTTP/2 only: CHAIN-H2-EARLY (passes as CHAIN-PREMATURE-RAW)\n",
			`"streams": true`, "\"holds\": \"1.1\",\n     \"passed\": \"CHAIN-PREMATURE-RAW\",\n     \"failed\": \"CHAIN-H2-EARLY\"",
		}},
		{"forwards-early", "both", []string{"CHAIN-PREMATURE-RAW", "CHAIN-H2-EARLY"}, exit.StatusFound, []string{" HTTP/2: it does not speak HTTP/2\n", `"streams": false`}},
		{"h2-no-tunnels", "2", []string{"CHAIN-H2-401"}, exit.StatusClean, []string{"little was tested: no WebSocket over HTTP/2 passes, and what needs one is n/a."}},
		{"sound", "2", []string{"CHAIN-H2-401"}, exit.StatusUnknown, []string{"Could not tell whether ", ": it does not speak HTTP/2, by prior knowledge or in TLS; try --http 1.1."}},
	} {
		text, document, status := chained(t, each.hop, func(c *Chaining) {
			c.HTTP, c.Flags.Only, c.Flags.Timeout = each.version, each.only, 5*time.Second
		})
		if status != each.status {
			t.Errorf("%s: got status %d, want %d\n%s", each.hop, status, each.status, text)
		}
		for _, want := range each.want {
			if !strings.Contains(text+document, want) {
				t.Errorf("%s: %q is not in %s%.800s", each.hop, want, text, document)
			}
		}
	}
	c := Chaining{Via: []string{"http://127.0.0.1:1"}, HTTP: "3", Flags: &ProbeFlags{Timeout: time.Second}, Accepting: new(Accepting)}
	if err := c.aim(t.Context()); err == nil || err.Error() != `--http: "3" must be 1.1, 2 or both` {
		t.Errorf("got %v", err)
	}
}

// TestHeadersThatHTTP2DoesNotAllow checks that they are named before anything is sent.
func TestHeadersThatHTTP2DoesNotAllow(t *testing.T) {
	t.Parallel()
	for header, allowed := range map[string]bool{"Connection: close": false, "TE: gzip": false, "TE: trailers": true, "X-A: b": true} {
		c := Chaining{Via: []string{"http://127.0.0.1:1"}, HTTP: "2", Flags: &ProbeFlags{Timeout: time.Second, Fields: []string{header}}, Accepting: new(Accepting)}
		if err := c.aim(t.Context()); (err == nil) != allowed {
			t.Errorf("%s: %v", header, err)
		}
	}
}
