//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// TestChainReachesWhatNginxProtects names a path that nginx rejects. Where nginx forwards offers of h2c,
// the backend gets a request for that path in the tunnel; where it rejects them, it does not.
func TestChainReachesWhatNginxProtects(t *testing.T) {
	t.Parallel()
	const protected = "location /admin { return 403; }\n"
	for name, test := range map[string]struct {
		config func(sink string) string
		broken string
		status int
	}{
		"every offer": {func(sink string) string { return fmt.Sprintf(recipe, sink, "") }, "CHAIN-DENIED-H2C: UPGRADE-HOP-FORWARDED", 1},
		"no offer of h2c": {func(sink string) string {
			return fmt.Sprintf(recipe, sink, `if ($http_upgrade ~* "h2c") { return 426; }`)
		}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sink, err := ports.Free(1)
			if err != nil {
				t.Fatal(err)
			}
			hop, got := nginx(t, "", protected+test.config(sink[0])), ""
			for _, timeout := range []string{"1s", "3s", "9s"} { // a proxy that a busy machine delays looks like another one
				r := run(t, "interlock", "chain", "--via", "http://"+hop, "--listen", sink[0], "--protected", "/admin", "--only", "CHAIN-DENIED-*", "--timeout", timeout, "--store", "memory", "-o", "json")
				var d struct {
					Hops []struct {
						Results []struct {
							Probe, Verdict string
							Faults         []struct{ Verdict, Rule string }
						}
					}
				}
				if err := json.Unmarshal([]byte(r.stdout), &d); err != nil || len(d.Hops) != 1 {
					t.Fatalf("%v: %s%s", err, r.stdout, r.stderr)
				}
				var broken []string
				judged := 0
				for _, is := range d.Hops[0].Results {
					if strings.HasPrefix(is.Probe, "CHAIN-DENIED-") && is.Verdict != "n/a" {
						judged++
					}
					for _, f := range is.Faults {
						if strings.HasPrefix(is.Probe, "CHAIN-DENIED-") && f.Verdict == "fail" {
							broken = append(broken, is.Probe+": "+f.Rule)
						}
					}
				}
				if got = strings.Join(broken, ", "); got == test.broken && r.status == test.status && judged == 5 {
					return
				}
				if got = fmt.Sprintf("status %d, %d of 5 probes judged, %q: %s%s", r.status, judged, got, r.stdout, r.stderr); timeout == "9s" {
					t.Errorf("got %s", got)
				}
			}
		})
	}
}
