package ui

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestTheListShowsLiveTrafficFirst: probes are one click away, and the filters in use are shown, each to be removed.
func TestTheListShowsLiveTrafficFirst(t *testing.T) {
	f := fill(t, append(soundRun(), corpus(t)[:3]...), "01JRUN")
	for path, want := range map[string]int{"/exchanges.json": 3, "/exchanges.json?q=": 5, "/exchanges.json?q=origin:probe": 2, "/exchanges.json?q=upgrade-post+is:unsafe+origin:probe": 1} {
		if ids, _, _ := f.page(t, path); len(ids) != want {
			t.Errorf("%s: got %q, want %d", path, ids, want)
		}
	}
	_, page := f.get(t, "/exchanges")
	for _, want := range []string{`value="is:live "`, `<a href="/exchanges?q=origin%3aprobe">probes</a>`, `href="/exchanges?q=" aria-label="Remove the filter is:live"`, "192.0.2.1:5000"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in %.3000s", want, content(page))
		}
	}
	_, page = f.get(t, "/exchanges?q=chat+verdict:fail")
	if want := `href="/exchanges?q=chat" aria-label="Remove the filter verdict:fail"`; !strings.Contains(page, want) {
		t.Errorf("no %s in %.3000s", want, content(page))
	}
}

// TestTheWorstComeFirst where that is asked for.
func TestTheWorstComeFirst(t *testing.T) {
	f := fill(t, append(soundRun(), corpus(t)...), "01JRUN")
	status, twin := f.get(t, "/exchanges.json?q=&sort=worst")
	var v struct {
		Exchanges []struct {
			Unsafe  bool
			Verdict string
		}
		Looked int
	}
	if err := json.Unmarshal([]byte(twin), &v); err != nil || status != http.StatusOK || len(v.Exchanges) != maxRanked || v.Looked < 200 {
		t.Fatal(status, err, len(v.Exchanges), v.Looked)
	}
	for i, x := range v.Exchanges[1:] {
		if x.Unsafe && !v.Exchanges[i].Unsafe || x.Verdict == "fail" && v.Exchanges[i].Verdict == "pass" {
			t.Fatalf("row %d is worse than the one before it", i+1)
		}
	}
}

// TestNeighboursFollowTheFilter that the list had.
func TestNeighboursFollowTheFilter(t *testing.T) {
	f := fill(t, append(soundRun(), corpus(t)...), "01JRUN")
	ids, _, _ := f.page(t, "/exchanges.json?q=verdict:fail+chat")
	_, page := f.get(t, "/exchanges/"+ids[2]+"?q=verdict:fail+chat")
	for _, want := range []string{`rel="prev" href="/exchanges/` + ids[1] + `?q=verdict%3afail%20chat`, `rel="next" href="/exchanges/` + ids[3] + `?q=verdict%3afail%20chat`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in %.1500s", want, content(page))
		}
	}
	_, page = f.get(t, "/exchanges/"+ids[0]+"?q=verdict:fail+chat")
	if strings.Contains(page, `rel="prev"`) {
		t.Error("something is newer than the newest")
	}
}

// TestAProbeIsComparedWithTheValidHandshake of its run: what differs is marked, and not what is new in every request.
func TestAProbeIsComparedWithTheValidHandshake(t *testing.T) {
	f := fill(t, soundRun(), "01JRUN")
	_, page := f.get(t, "/exchanges/01JPROBE000000000000000001")
	page = html.UnescapeString(page)
	for _, want := range []string{
		`<span class="line minus">- GET /chat HTTP/1.1\r\n</span>`, `<span class="line plus">+ POST /chat HTTP/1.1\r\n</span>`,
		`<span class="line ">  Connection: Upgrade\r\n</span>`, "The server answered both the same way.", `/exchanges/01JPROBE000000000000000000"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in %s", want, content(page))
		}
	}
	if n := strings.Count(page, `class="line minus"`) + strings.Count(page, `class="line plus"`); n != 2 {
		t.Errorf("%d lines differ, want 2", n)
	}
	if _, page := f.get(t, "/exchanges/01JPROBE000000000000000000"); strings.Contains(page, "Compared with") {
		t.Error("the valid handshake is compared with itself")
	}
}

// TestReplayAsksForWhatWasRedacted and hands on what is given.
func TestReplayAsksForWhatWasRedacted(t *testing.T) {
	x := &wire.Exchange{
		ID: "01JSECRET", Origin: wire.OriginLive, Route: "default", Backend: "192.0.2.9:80", Time: time.Now(), Outcome: wire.Refused, Final: true, Complete: true,
		Request:  wire.ReadRequest([]byte("GET /chat?token=CANARY&room=1 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Bearer CANARY\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")),
	}
	f := fill(t, []*wire.Exchange{x}, "")
	if _, page := f.get(t, "/exchanges/01JSECRET"); !strings.Contains(page, `href="/replay?id=01JSECRET"`) || strings.Contains(page, "CANARY") {
		t.Errorf("the exchange does not lead to the form: %.2000s", content(page))
	}
	_, page := f.get(t, "/replay?id=01JSECRET")
	if strings.Count(page, `name="value" type="password"`) != 2 || !strings.Contains(page, "parameter token") || !strings.Contains(page, "Authorization") || strings.Contains(page, "CANARY") {
		t.Errorf("got %s", content(page))
	}
	w := f.post(t, "/replay", url.Values{"id": {"01JSECRET"}, "name": {"Authorization", "?token"}, "value": {"Bearer x", "y"}})
	if got := fmt.Sprint(f.given); w.Code != http.StatusSeeOther || got != "[{Authorization Bearer x} {?token y}]" {
		t.Errorf("%d, given %s", w.Code, got)
	}
}

// TestAnEmptyPageShowsHowToBegin instead of counters of zero.
func TestAnEmptyPageShowsHowToBegin(t *testing.T) {
	f := fill(t, nil, "")
	f.Status = func() Status {
		return Status{State: "auditing", Proxy: "http://0.0.0.0:8426", Backends: []Backend{{Route: "default", Address: "127.0.0.1:3000", Up: true}}}
	}
	f.handler = f.Handler()
	for _, path := range []string{"/", "/exchanges"} {
		_, page := f.get(t, path)
		page = html.UnescapeString(page)
		for _, want := range []string{"No traffic yet", "http://example.com:8426/", "npx wscat -c ws://example.com:8426/", "docker run ", "new WebSocket(", "127.0.0.1:3000"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q in %s", path, want, content(page))
			}
		}
		if strings.Contains(page, `class="tiles"`) {
			t.Errorf("%s: counters of zero", path)
		}
	}
}
