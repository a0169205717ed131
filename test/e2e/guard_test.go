//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"
)

// TestGuardBehindProbes sends every probe through serve, as if it were client traffic, to a backend
// that accepts every upgrade. With the guard the valid handshakes are accepted and no unsafe switch
// gets through; without it many do.
func TestGuardBehindProbes(t *testing.T) {
	t.Parallel()
	for _, guard := range []string{"off", "unsafe"} {
		t.Run(guard, func(t *testing.T) {
			t.Parallel()
			p := serve(t, labServer(t, "switches-on-anything"), "--guard", guard)
			got := run(t, "interlock", "probe", p.url("/chat"), "--exact", "-o", "json=-")
			var report struct {
				Endpoints []struct {
					Controls []struct {
						Probe    string
						Accepted bool
					}
					Results []struct{ Probe string }
				}
			}
			if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || len(report.Endpoints) != 1 {
				t.Fatalf("%v\n%s%s", err, clip(got.stdout), got.stderr)
			}
			accepted := map[string]bool{}
			for _, c := range report.Endpoints[0].Controls {
				accepted[c.Probe] = c.Accepted
			}
			if !accepted["CTRL-WS"] {
				t.Errorf("the valid handshake was not accepted: %v", accepted)
			}
			if n := len(report.Endpoints[0].Results); n < 195 {
				t.Errorf("there are %d results", n)
			}
			p.stop()
			through, blocked := 0, 0
			for _, l := range p.lines { // nothing writes to it any more
				switch l.Message {
				case "unsafe switch":
					through++
				case "blocked switch":
					blocked++
				}
			}
			if guard == "off" && (through < 20 || blocked > 0) || guard == "unsafe" && (through > 0 || blocked < 20) {
				t.Errorf("%d unsafe switches got through, %d were blocked", through, blocked)
			}
		})
	}
}
