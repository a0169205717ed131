package ui

import (
	"encoding/json"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// chained is a handshake without the connection option through a hop that adds it.
func chained(id, hop string, at time.Time) *rules.Ruling {
	far := &wire.Exchange{
		Final: true, Complete: true, Time: at, Outcome: wire.Switched,
		Request:  wire.ReadRequest([]byte("GET /c/1 HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")),
	}
	r := rules.Classify(rules.Case{X: &wire.Exchange{
		ID: id, Final: true, Complete: true, Origin: wire.OriginChain, Probe: "CHAIN-CONN-KEEPALIVE", Route: hop, Backend: "127.0.0.1:8080", Time: at, Outcome: wire.Switched,
		Request:  wire.ReadRequest([]byte("GET /c/1 HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nUpgrade: websocket\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")),
		Hop:      &wire.Hop{Name: hop, Far: far, Clock: true},
	}})
	r.Endpoint, r.Run = "/", "01JCHAIN"
	return r
}

// TestChainShowsBothSides holds that the page of a run of chain has a column for each proxy, and of
// what did not pass both sides, and that the page of the exchange has them too.
func TestChainShowsBothSides(t *testing.T) {
	f := fill(t, nil, "")
	_, page := f.get(t, "/chain")
	if !strings.Contains(page, "No proxy checked yet") {
		t.Errorf("got %s", content(page))
	}
	w := &store.Writer{Store: f.Store, Drain: time.Minute}
	began := time.Now().Add(-time.Minute)
	w.Begin(store.Run{ID: "01JCHAIN", Command: "chain", Target: "http://127.0.0.1:8080/", Origin: string(wire.OriginChain), Began: began})
	w.Write(chained("01JHOP1", "old", began))
	w.Write(chained("01JHOP2", "new", began))
	w.Result(store.Result{Run: "01JCHAIN", Backend: "127.0.0.1:8080", Route: "new", Endpoint: "/", Probe: "CHAIN-BULK", Verdict: "not-applicable", Reason: "no tunnel", Time: began})
	store1(t, w)
	both := []string{
		`aria-label="Request · client side"`, `aria-label="Request · server side"`,
		`<span class="line differs"><span class="sign">*></span>Connection: keep-alive</span>`,
		`<span class="line differs"><span class="sign">*>></span>Connection: upgrade</span>`,
		`<span class="line"><span class="sign">>></span>Upgrade: websocket</span>`,
	}
	for path, wants := range map[string][]string{
		"/chain": append([]string{
			`<span class="id">old</span>`, `<span class="id">new</span>`, `href="#x-01JHOP1"`, `id="x-01JHOP1"`, "A handshake with Connection: keep-alive", "UPGRADE-HOP-CONN-FABRICATED",
			"1 MiB", "n/a", "interlock chain --via old=http://127.0.0.1:8080/ --host a --only CHAIN-CONN-KEEPALIVE", `href="/chain/01JCHAIN"`, `name="q" value="run:01JCHAIN"`,
		}, both...),
		"/chain/01JCHAIN":              {"To blame: new, old.</p>", "1 probe failed at old. <span class=\"soft\">Worst: Proxy old added"},
		"/chain/01JCHAIN?show=failing": {`id="x-01JHOP2"`, `aria-current="true">did not pass`},
		"/exchanges/01JHOP1":           append([]string{"Both sides of the proxy"}, both...),
		"/probes/01JCHAIN":             {`href="/chain/01JCHAIN"`},
	} {
		status, page := f.get(t, path)
		page = html.UnescapeString(page)
		for _, want := range wants {
			if status != http.StatusOK || !strings.Contains(page, want) {
				t.Errorf("%s: status %d, no %q in %.6000s", path, status, want, content(page))
			}
		}
	}
	if _, page := f.get(t, "/chain/01JCHAIN?show=failing"); strings.Contains(page, "CHAIN-BULK") {
		t.Error("a probe that is not applicable is among those that did not pass")
	}
	_, twin := f.get(t, "/chain.json")
	var v struct {
		Run     string
		Answers []struct{ Text, Verdict string }
		Results []struct {
			Probe, Hop, Verdict string
			Sides               []struct {
				Near, Far struct{ Lines []struct{ Text string } }
			}
		}
	}
	if err := json.Unmarshal([]byte(twin), &v); err != nil || v.Run != "01JCHAIN" || len(v.Answers) != 3 || v.Answers[0].Text != "To blame: new, old." || len(v.Results) != 2 || len(v.Results[0].Sides) != 2 || v.Results[0].Sides[0].Far.Lines[2].Text != "Connection: upgrade" {
		t.Errorf("got %+v, %v", v, err)
	}
	if status, _ := f.get(t, "/chain/01JNONE"); status != http.StatusNotFound {
		t.Errorf("got status %d for a run that is not there, want 404", status)
	}
}

// TestChainSaysWhichProxyIsToBlame checks the first line of the page of a run.
func TestChainSaysWhichProxyIsToBlame(t *testing.T) {
	t.Parallel()
	result := func(hop, verdict, severity string) store.Result {
		return store.Result{Route: hop, Probe: "CHAIN-426", Rule: "UPGRADE-HOP-TUNNEL-NON101", Verdict: verdict, Severity: severity, Detail: "Proxy " + hop + " forwards"}
	}
	for _, each := range []struct {
		results []store.Result
		stopped bool
		verdict rules.Verdict
		want    string
	}{
		{[]store.Result{result("a", "pass", ""), result("b", "fail", "high"), result("c", "fail", "critical")}, false, rules.Fail, "To blame: c, b. Not to blame: a."},
		{[]store.Result{result("a", "pass", ""), result("b", "warn", "low")}, false, rules.Pass, "No proxy is to blame: nothing failed at a, b."},
		{[]store.Result{result("a", "pass", "")}, true, rules.Warn, "No proxy is to blame: nothing failed at a. The run was stopped early."},
		{[]store.Result{result("a", "not-applicable", "")}, false, rules.Unclear, "Could not tell whether a proxy is to blame: no probe was conclusive."},
	} {
		if got := blames(each.results, &store.Run{Stopped: each.stopped})[0]; got.Text != each.want || got.Mark.Verdict != each.verdict {
			t.Errorf("got %v %q, want %v %q", got.Mark.Verdict, got.Text, each.verdict, each.want)
		}
	}
}
