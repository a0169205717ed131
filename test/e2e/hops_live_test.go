//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// TestLiveHopsAreJudged checks that an nginx that adds Connection: upgrade for every client is found in
// live traffic by two Interlocks with one store, and by one Interlock with a route on each side.
func TestLiveHopsAreJudged(t *testing.T) {
	t.Parallel()
	const rule = "UPGRADE-HOP-CONN-FABRICATED"
	for name, start := range map[string]func(t *testing.T, backend, store string) (edge *process, others []*process){
		"two processes": func(t *testing.T, backend, store string) (*process, []*process) {
			inner := serve(t, backend, "--hop", "inner", "--store", store)
			return serve(t, nginx(t, "", fmt.Sprintf(recipe, inner.listen, "")), "--hop", "edge", "--store", store), []*process{inner}
		},
		"one process": func(t *testing.T, backend, store string) (*process, []*process) {
			free, err := ports.Free(1)
			if err != nil {
				t.Fatal(err)
			}
			front := nginx(t, "", fmt.Sprintf(recipe, free[0], ""))
			config := file(t, "interlock.yaml", []byte("instance: edge\nlisteners:\n  - listen: "+free[0]+"\n"+
				"routes:\n  - {name: behind-nginx, hop: inner, listen: \""+free[0]+"\", backend: \"http://"+backend+"\"}\n"))
			return serve(t, front, "--config", config, "--store", store), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := filepath.Join(t.TempDir(), "hops.db")
			edge, others := start(t, newKeyed(t).addr(), store)
			request := "GET /chat HTTP/1.1\r\nHost: chat.test\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + freshKey() + "\r\n\r\n"
			if head, err := upgradeOnce(edge.listen, request, true); err != nil {
				t.Fatalf("%v after %q", err, head)
			}
			amended := edge.await(t, "the amended exchange", func(l line) bool { return l.Message == "exchange amended" })
			if amended.Verdict != "fail" || !slices.Equal(amended.Rules, []string{rule}) || !strings.Contains(amended.text, `"problem":"Proxy added Connection: upgrade `) {
				t.Errorf("got %s", amended.text)
			}
			if text := string(get(t, edge, "/metrics")); !strings.Contains(text, `interlock_findings_total{rule="`+rule+`",severity="critical",source="live"} 1`+"\n") {
				t.Errorf("the metrics have not the finding once:\n%s", text)
			}
			for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // it is stored a moment later
				text := string(get(t, edge, "/api/v1/exchanges/"+amended.Exchange))
				if strings.Contains(text, `"rule":"`+rule+`"`) && strings.Contains(text, `"hop":{`) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the exchange is %s", text)
				}
			}
			edge.stop()
			for _, p := range others {
				p.stop()
			}
			got := run(t, "interlock", "store", "export", "--store", store)
			n := 0
			for line := range strings.Lines(got.stdout) {
				if strings.Contains(line, `"UPGRADE-WS-KEY-REUSED"`) {
					t.Errorf("the key on both sides is a finding: %s", line)
				}
				if strings.Contains(line, `"table":"findings"`) && strings.Contains(line, `"`+rule+`"`) {
					if n++; !strings.Contains(line, `"count":1,`) || !strings.Contains(line, `"party":"intermediary"`) {
						t.Errorf("got %s", line)
					}
				}
			}
			if n != 1 {
				t.Errorf("%d findings of %s: %s%s", n, rule, got.stdout, got.stderr)
			}
		})
	}
}

// TestRunComparesBothSides checks that interlock run, as the Interlock before an nginx, reports what the
// nginx changed, once, and that its exit status counts that.
func TestRunComparesBothSides(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "hops.db")
	inner := serve(t, newKeyed(t).addr(), "--hop", "inner", "--store", store)
	front := nginx(t, "", fmt.Sprintf(recipe, inner.listen, ""))
	got := run(t, "interlock", "run", "--backend", "http://"+front, "--instance", "edge", "--store", store, "-o", "ndjson", "--",
		program(t, "sh", "dash"), "-c", program(t, "curl", "curl")+" -sS -o /dev/null -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: "+freshKey()+"' $INTERLOCK_URL/denied")
	if got.status != 1 || strings.Count(got.stdout, `{"rule":"UPGRADE-HOP-CONN-FABRICATED","verdict":"fail","severity":"high"`) != 1 || strings.Count(got.stdout, `"target":"/denied"`) != 1 {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}
