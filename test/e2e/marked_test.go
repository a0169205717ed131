//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestProbesOfAnotherInterlockAreNoTraffic sends every probe, on this machine, to an Interlock in
// front of an unsafe backend, directly and through nginx. Interlock recognizes them as probes: it
// raises no alert for live traffic and learns no endpoint from them. With --exact it treats them as
// live traffic.
func TestProbesOfAnotherInterlockAreNoTraffic(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nginx bool
		flags []string
		live  bool
	}{
		"straight": {}, "through nginx": {nginx: true}, "exact": {nginx: true, flags: []string{"--exact", "--only", "CTRL-WS,UPGRADE-WS-KEY-*"}, live: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, labServer(t, "switches-on-anything"))
			url := p.url("/chat")
			if c.nginx {
				url = "http://" + nginx(t, "", fmt.Sprintf(recipe, strings.TrimPrefix(p.url(""), "http://"), "")) + "/chat"
			}
			found := probe(t, url, c.flags...)
			if accepted, _ := found.accepted("websocket"); !accepted || found.status != 1 {
				t.Fatalf("got status %d, accepted %t\n%s", found.status, accepted, found.stderr)
			}
			a := &admin{t: t, client: client(t), at: "http://" + p.admin}
			metrics := a.ask("GET", "/metrics", "", http.StatusOK)
			live, probes := unsafeSwitches(t, metrics, "live"), unsafeSwitches(t, metrics, "probe")
			if c.live != (live > 0) || c.live != (probes == 0) {
				t.Errorf("got %d unsafe switches of live traffic and %d of probes", live, probes)
			}
			var endpoints []struct{ Learned []struct{ Protocol string } }
			a.read("/api/v1/endpoints", &endpoints)
			for _, e := range endpoints {
				if !c.live && len(e.Learned) > 0 {
					t.Errorf("learned %+v from probes", e)
				}
			}
		})
	}
}

// unsafeSwitches returns the number of unsafe switches from a source.
func unsafeSwitches(t *testing.T, metrics, source string) (n int) {
	t.Helper()
	for _, found := range regexp.MustCompile(`(?m)^interlock_unsafe_switches_total\{([^}]*)\} (\d+)`).FindAllStringSubmatch(metrics, -1) {
		if !strings.Contains(found[1], `source="`+source+`"`) {
			continue
		}
		count, err := strconv.Atoi(found[2])
		if err != nil {
			t.Fatal(err)
		}
		n += count
	}
	return n
}
