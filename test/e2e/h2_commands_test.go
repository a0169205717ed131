//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestCommandsInHTTP2 explains, probes and replays WebSockets over HTTP/2 of real gateways, in TLS by ALPN and in
// plain text.
func TestCommandsInHTTP2(t *testing.T) {
	t.Parallel()
	backend := labServer(t, "gorilla")
	for url, each := range map[string]struct {
		args []string
		says string
	}{
		"wss://" + nghttpx(t, backend, newTLSPair(t)) + "/chat":        {[]string{"--insecure"}, "It works in HTTP/1.1 and HTTP/2: wss://"},
		"h2c://" + nghttpx(t, backend, tlsPair{}) + "/chat":            {nil, "It works in HTTP/2: h2c://"},
		"h2c://" + haproxyHTTP2(t, backend, tlsPair{}, true) + "/chat": {nil, "It works in HTTP/2: h2c://"},
	} {
		got := succeed(t, "interlock", append([]string{"why", url, "--ascii"}, each.args...)...)
		if !strings.Contains(got.stdout, " + "+each.says) {
			t.Errorf("%s: %s", url, got.stdout)
		}
	}
	got := run(t, "interlock", "why", "h2c://"+h2Gateways()["nginx"](t, backend, tlsPair{})+"/chat", "--ascii")
	if got.status != 1 || !strings.Contains(got.stdout, "What to change (h2-setting-missing)") {
		t.Errorf("nginx: status %d\n%s", got.status, got.stdout)
	}
}

// TestProbesInHTTP2AtWhatServeLearned has serve learn an endpoint in HTTP/2 over TLS, probes it in both versions, and
// sends the exchange again.
func TestProbesInHTTP2AtWhatServeLearned(t *testing.T) {
	t.Parallel()
	p := auditTLS(t, nghttpx(t, labServer(t, "gorilla"), newTLSPair(t)), "")
	succeed(t, "interlock", "why", "wss://"+p.listen+"/chat", "--insecure", "--http", "2")
	x := p.await(t, "WebSocket over HTTP/2", func(l line) bool {
		return l.Message == "exchange" && l.Method == "CONNECT" && l.Outcome == "switched"
	})
	const only = "UPGRADE-POST,UPGRADE-H2-PROTO-EMPTY,UPGRADE-H2-CHECK-VERSION"
	got := run(t, "interlock", "probe", "--admin", p.admin, "--endpoint", "/chat", "--ascii", "--verbose", "--only", only)
	if !strings.Contains(got.stdout, "control + websocket 101   + websocket over HTTP/2 200") {
		t.Errorf("status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	for id := range strings.SplitSeq(only, ",") {
		if !strings.Contains(got.stdout, " "+id+" ") {
			t.Errorf("%s was not sent: %s", id, got.stdout)
		}
	}
	a := &admin{t: t, client: client(t), at: "http://" + p.admin}
	var again struct {
		Ruling struct {
			Outcome  string
			Protocol string
			Status   int
		}
	}
	text := a.ask("POST", "/api/v1/replays", fmt.Sprintf(`{"exchange": %q}`, x.Exchange), http.StatusCreated)
	if err := json.Unmarshal([]byte(text), &again); err != nil || !strings.Contains(text, `"outcome":"switched"`) || !strings.Contains(text, `"version":"HTTP/2"`) && !strings.Contains(text, `"stream"`) {
		t.Errorf("%v: %s", err, clip(text))
	}
}
