//go:build e2e

package e2e

import (
	"regexp"
	"strconv"
	"testing"
)

// TestProbesBringTheirOwnSession runs clients of libraries whose handshakes contain a session ID,
// then probes the endpoints that serve learned from them. The recorded session has ended by then,
// and the probes are still conclusive.
func TestProbesBringTheirOwnSession(t *testing.T) {
	t.Parallel()
	for library, step := range map[string]string{
		"socket.io": "a fresh socket.io session (no sid)",
		"signalr":   "a fresh SignalR connection (id from a negotiate request)",
		"sockjs":    "", // the server accepts the same session again
	} {
		t.Run(library, func(t *testing.T) {
			t.Parallel()
			backend := nodeListens(t, "node/session-server.mjs", library)
			got := run(t, "interlock", "run", "--backend", "http://"+backend, "--store", "memory", "--probe", "-o", "text", "--",
				program(t, "node", "nodejs"), "node/session-client.mjs", library)
			if got.status > 1 {
				t.Fatalf("got status %d\n%s%s", got.status, got.stdout, got.stderr)
			}
			probed := regexp.MustCompile(`(?m)^   (\S+) \(websocket\) +fail=(\d+) .* pass=(\d+) .*   control ✓ websocket 101(.*)$`).FindAllStringSubmatch(got.stdout, -1)
			if len(probed) != 1 {
				t.Fatalf("got %q, want one endpoint with an accepted control\n%s", probed, got.stdout)
			}
			if passed, _ := strconv.Atoi(probed[0][3]); passed < 60 {
				t.Errorf("%d probes passed: %s", passed, probed[0][0])
			}
			if want := " with " + step; step != "" && probed[0][4] != want && !regexp.MustCompile(`^`+regexp.QuoteMeta(want)+`( |$)`).MatchString(probed[0][4]) {
				t.Errorf("got %q, want %q", probed[0][4], want)
			}
		})
	}
}
