//go:build e2e

package e2e

import (
	"bufio"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestHolesOfReleases probes releases of packages for Node.js with a published hole, and the release
// that mended it. The probes that are meant for the hole find it, and nothing at the mended release.
func TestHolesOfReleases(t *testing.T) {
	t.Parallel()
	const names, blanks, quoted = "UPGRADE-WS-*-PROTONAME", "UPGRADE-WS-PROTO-REDOS", "UPGRADE-WS-EXT-*"
	for _, c := range []struct {
		packages    []string
		only        string
		probe, rule string // that finds the hole; empty: it is mended
	}{
		{[]string{"ws-3.3.0"}, names, "UPGRADE-WS-EXT-PROTONAME", "UPGRADE-CRASH"},
		{[]string{"ws-3.3.1"}, names, "", ""},
		{[]string{"ws-7.4.5"}, blanks, "UPGRADE-WS-PROTO-REDOS", "UPGRADE-SLOW-HEADER"},
		{[]string{"ws-7.4.6"}, blanks, "", ""},
		{[]string{"faye-websocket", "websocket-extensions-0.1.3"}, quoted, "UPGRADE-WS-EXT-REDOS", "UPGRADE-SLOW-HEADER"},
		{[]string{"faye-websocket", "websocket-extensions-0.1.4"}, quoted, "", ""},
	} {
		t.Run(strings.Join(c.packages, " "), func(t *testing.T) {
			t.Parallel()
			p := probe(t, "http://127.0.0.1:"+oldServer(t, c.packages...)+"/", "--only", c.only, "--wait-backend", "1s")
			var failed []string
			for _, r := range p.results() {
				for _, f := range p.found(r.Probe, "fail") {
					failed = append(failed, r.Probe+" "+f.Rule)
				}
			}
			var want []string
			if c.probe != "" {
				want = []string{c.probe + " " + c.rule}
			}
			if !slices.Equal(failed, want) {
				t.Errorf("got %q, want %q\n%s", failed, want, p.text)
			}
		})
	}
}

// oldServer starts node/old-server.mjs and returns its port.
func oldServer(t *testing.T, packages ...string) string {
	t.Helper()
	// The size lets long values in: without it Node.js answers 431, and hides how long the package takes.
	cmd := exec.Command(program(t, "node", "nodejs"), append([]string{"--max-http-header-size=131072", "node/old-server.mjs"}, packages...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	port, _ := bufio.NewReader(stdout).ReadString('\n')
	t.Cleanup(func() {
		_ = stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait() // fails if the hole is a crash
	})
	if port == "" {
		t.Fatalf("node/old-server.mjs %q does not listen: %s", packages, &stderr)
	}
	return strings.TrimSpace(port)
}
