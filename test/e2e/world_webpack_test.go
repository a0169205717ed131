//go:build e2e && world

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWorldWebpackCrashes probes webpack-dev-server 5.2.5, which a malformed Origin or Host ends
// (CVE-2026-14631), and the release that mended it. Both switch before they look at Host. The other
// probes do no harm.
func TestWorldWebpackCrashes(t *testing.T) {
	const origin, host, hostSwitched = "UPGRADE-WS-ORIGIN-MALFORMED", "UPGRADE-HOST-MALFORMED", "UPGRADE-HOST-MALFORMED UPGRADE-HOST-INVALID"
	harmless := []string{"UPGRADE-METHOD-FOOBAR", "UPGRADE-METHOD-LOWER", "UPGRADE-WS-EXT-PROTONAME", "UPGRADE-WS-ORIGIN-SURROGATE", "UPGRADE-WS-PROTO-MANY"}
	for _, c := range []struct {
		folder  string // with the package.json
		probes  []string
		culprit string // empty: the server lives
		failed  []string
	}{
		{"open", []string{origin}, origin, []string{origin + " UPGRADE-CRASH"}},
		{"open", []string{host}, host, []string{host + " UPGRADE-CRASH", hostSwitched}},
		{"fixed", []string{origin, host}, "", []string{hostSwitched}},
	} {
		t.Run(c.folder+" "+strings.Join(c.probes, " "), func(t *testing.T) {
			project := t.TempDir()
			if err := os.WriteFile(filepath.Join(project, "index.js"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			port, end := nodeProgram(t, "webpack/server.mjs", "./"+c.folder, project)
			t.Cleanup(func() { end() })
			p := probe(t, "http://127.0.0.1:"+port+"/ws", "--only", strings.Join(slices.Concat(harmless, c.probes), ","), "--wait-backend", "1s")
			e := p.Endpoints[0]
			if accepted, _ := p.accepted("websocket"); !accepted || e.Gone != c.culprit || !slices.Equal(p.failed(), c.failed) {
				t.Errorf("got gone %q, %q; want gone %q, %q\n%s", e.Gone, p.failed(), c.culprit, c.failed, p.text)
			}
			status, stderr := end()
			if c.culprit == "" {
				if passed := p.with("pass"); len(passed) != len(harmless)+1 || len(e.Crashes) > 0 || status != 0 {
					t.Errorf("got %q passed, %+v, status %d\n%s", passed, e.Crashes, status, stderr)
				}
				return
			}
			if len(e.Crashes) != 1 || e.Crashes[0].Culprit != c.culprit || e.Crashes[0].Back || status == 0 || !strings.Contains(stderr, "ERR_INVALID_URL") {
				t.Errorf("got %+v, status %d\n%s", e.Crashes, status, stderr)
			}
		})
	}
}
