package ui

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/web/filter"
	"github.com/interlock-proxy/interlock/rules"
)

// TestEveryScreenOpens, as a page and as JSON.
func TestEveryScreenOpens(t *testing.T) {
	f := fill(t, append(soundRun(), corpus(t)...), "01JRUN")
	for _, path := range f.screens() {
		status, page := f.get(t, path)
		if status != http.StatusOK || !strings.HasSuffix(page, "</html>\n") {
			t.Errorf("%s: status %d, %d bytes: %.300q", path, status, len(page), page)
		}
		if strings.HasPrefix(path, "/accept") {
			continue
		}
		at, query, _ := strings.Cut(path, "?")
		if at == "/" {
			at = "/index"
		}
		status, twin := f.get(t, at+".json?"+query)
		if status != http.StatusOK || !json.Valid([]byte(twin)) || strings.Contains(twin, "<html") {
			t.Errorf("%s as JSON: status %d: %.300q", path, status, twin)
		}
	}
}

// TestScreensSayWhatIsKept.
func TestScreensSayWhatIsKept(t *testing.T) {
	f := fill(t, append(soundRun(), corpus(t)...), "01JRUN")
	for path, wants := range map[string][]string{
		"/exchanges?q=rule:UPGRADE-POST+origin:probe": {"01JPROBE000000000000000001", "UPGRADE-POST", "unsafe"},
		"/exchanges/01JPROBE000000000000000001":       {"<mark class=\"m", "POST", "RFC 6455 §4.1", "Probe this endpoint", "Accept…", "Server accepted a WebSocket handshake with method"},
		"/probes/01JRUN":                              {"CTRL-WS", "UPGRADE-POST", "/exchanges/01JPROBE000000000000000001", "192.0.2.9:80", "Not safe: /chat accepts 1 kind of malformed handshake.", `name="q" value="run:01JRUN"`, "2 results: "},
		"/probes":                                     {"Not safe: /chat accepts 1 kind of malformed handshake.", `href="/probes/01JRUN"`, "✖ 1 fail"},
		"/findings?by=endpoint&severity=critical":     {`<span class="id">/chat</span>`, "UPGRADE-POST", "critical"},
		"/glossary":                                   {`id="unsafe"`, `id="control"`},
		"/findings?source=both":                       {"UPGRADE-POST", "reproduced"},
		"/rules?q=UPGRADE-POST":                       {fmt.Sprintf("1 of %d", len(rules.All())), "UPGRADE-POST"},
		"/exchanges?q=nonsense:1":                     {`aria-invalid="true"`},
		"/exchanges?q=path:/nowhere":                  {"No exchange matches this filter"},
	} {
		status, page := f.get(t, path)
		for _, want := range wants {
			if status != http.StatusOK || !strings.Contains(page, want) {
				t.Errorf("%s: status %d, no %q in %.2000q", path, status, want, content(page))
			}
		}
	}
	for _, path := range []string{"/nowhere", "/exchanges/nope", "/rules/nope", "/probes/nope", "/exchanges?older=x"} {
		if status, page := f.get(t, path); status != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404: %.200q", path, status, page)
		}
	}
}

// TestARunHasItsOwnAddress, and the one that it had leads there.
func TestARunHasItsOwnAddress(t *testing.T) {
	f := fill(t, soundRun(), "01JRUN")
	for path, want := range map[string]string{"/probes?run=01JRUN": "/probes/01JRUN", "/probes.json?run=01JRUN": "/probes/01JRUN.json"} {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got := w.Header().Get("Location"); w.Code != http.StatusMovedPermanently || got != want {
			t.Errorf("%s: %d to %q, want %q", path, w.Code, got, want)
		}
	}
}

// TestSeverityAndGroupingOfFindings: nothing milder is shown than was asked for, and the same findings are there by endpoint.
func TestSeverityAndGroupingOfFindings(t *testing.T) {
	f := fill(t, append(soundRun(), corpus(t)...), "01JRUN")
	var all, by [2]struct {
		Findings int
		Rules    []struct {
			Rule, Endpoint string
			Places         []struct{ Severity string }
		}
	}
	for i, severity := range []string{"", "high"} {
		for way, v := range map[string]any{"rule": &all[i], "endpoint": &by[i]} {
			_, twin := f.get(t, "/findings.json?by="+way+"&severity="+severity)
			if err := json.Unmarshal([]byte(twin), v); err != nil {
				t.Fatal(err)
			}
		}
		if all[i].Findings != by[i].Findings || by[i].Rules[1].Endpoint == "" || by[i].Rules[1].Rule != "" || all[i].Rules[0].Rule == "" {
			t.Errorf("%d by rule, %d by endpoint", all[i].Findings, by[i].Findings)
		}
	}
	for _, g := range all[1].Rules {
		for _, p := range g.Places {
			if p.Severity != "high" && p.Severity != "critical" {
				t.Errorf("%s: %s is shown", g.Rule, p.Severity)
			}
		}
	}
	if all[1].Findings >= all[0].Findings || all[1].Findings == 0 {
		t.Errorf("%d of %d findings are high or worse", all[1].Findings, all[0].Findings)
	}
}

// TestPagingReachesEveryExchangeOnce, forwards and back again.
func TestPagingReachesEveryExchangeOnce(t *testing.T) {
	f := fill(t, corpus(t), "")
	for _, wanted := range []string{"", "proto:websocket -is:benign"} {
		seen := map[string]bool{}
		pages := [][]string{}
		at, back := "/exchanges.json?q="+url.QueryEscape(wanted), ""
		for at != "" && len(pages) < 100 {
			ids, older, newer := f.page(t, at)
			for _, id := range ids {
				if seen[id] {
					t.Errorf("%q: %s twice", wanted, id)
				}
				seen[id] = true
			}
			pages, back, at = append(pages, ids), newer, ""
			if older != "" {
				at = "/exchanges.json" + older
			}
		}
		q, match, err := filter.Parse(wanted)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if err := f.Store.Rulings(t.Context(), q, func(r *rules.Ruling) error {
			if match == nil || match(r) {
				want++
			}
			return nil
		}); err != nil || len(seen) != want {
			t.Errorf("%q: got %d exchanges, want %d: %v", wanted, len(seen), want, err)
		}
		if len(pages) < 3 {
			t.Fatalf("%q: got %d pages", wanted, len(pages))
		}
		for i := len(pages) - 2; i >= 0; i-- {
			var ids []string
			ids, _, back = f.page(t, "/exchanges.json"+back)
			if fmt.Sprint(ids) != fmt.Sprint(pages[i]) {
				t.Errorf("%q: back on page %d got %q, want %q", wanted, i, ids, pages[i])
			}
		}
		if back != "" {
			t.Errorf("%q: something is newer than the first page: %q", wanted, back)
		}
	}
}

func (f *fixture) page(t *testing.T, path string) (ids []string, older, newer string) {
	t.Helper()
	status, twin := f.get(t, path)
	var v struct {
		Exchanges    []struct{ ID string }
		Older, Newer string
	}
	if err := json.Unmarshal([]byte(twin), &v); err != nil || status != http.StatusOK {
		t.Fatal(path, status, err)
	}
	for _, x := range v.Exchanges {
		ids = append(ids, x.ID)
	}
	return ids, v.Older, v.Newer
}

// TestActionsTakeAPost and nothing else.
func TestActionsTakeAPost(t *testing.T) {
	f := fill(t, append(soundRun(), corpus(t)...), "01JRUN")
	for _, path := range []string{"/replay", "/probe", "/pause", "/cancel", "/reload"} {
		if status, _ := f.get(t, path); status != http.StatusMethodNotAllowed && status != http.StatusNotFound {
			t.Errorf("GET %s: status %d", path, status)
		}
	}
	at := url.Values{"route": {"default"}, "endpoint": {"/chat"}, "protocol": {"websocket"}, "host": {"staging.test"}}
	w := f.post(t, "/probe", url.Values{"at": {at.Encode()}, "only": {"UPGRADE-*  CTRL-WS"}, "http": {"both"}, "risky": {"yes"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/probes/01JRUN" {
		t.Errorf("probe: %d to %q", w.Code, w.Header().Get("Location"))
	}
	want := Ask{Route: "default", Endpoint: "/chat", Protocol: "websocket", Host: "staging.test", Only: []string{"UPGRADE-*", "CTRL-WS"}, Skip: []string{}, HTTP: "both", Risky: true}
	if len(f.asked) != 1 || fmt.Sprint(f.asked[0]) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", f.asked, want)
	}
	if w := f.post(t, "/probe", nil); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("no endpoint: %d", w.Code)
	}
	if w := f.post(t, "/cancel", url.Values{"run": {"x"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("what is not offered: %d", w.Code)
	}
	if w := f.post(t, "/pause", url.Values{"paused": {"yes"}}); w.Code != http.StatusSeeOther || !f.paused {
		t.Errorf("pause: %d, %v", w.Code, f.paused)
	}
	if w := f.post(t, "/replay", url.Values{"id": {"../x y"}}); w.Header().Get("Location") != "/exchanges/..%2Fx%20y" {
		t.Errorf("replay: %q", w.Header().Get("Location"))
	}
	if w := f.post(t, "/reload", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Put it into effect") {
		t.Errorf("reload: %d %.300q", w.Code, w.Body)
	}
}

// TestAcceptShowsTheDiffFirst, writes only what is confirmed, and takes effect.
func TestAcceptShowsTheDiffFirst(t *testing.T) {
	f := fill(t, append(soundRun(), corpus(t)...), "01JRUN")
	form := url.Values{"rule": {"UPGRADE-POST"}, "endpoint": {"/chat"}, "reason": {"looked <into> it"}}
	w := f.post(t, "/accept", form)
	page := html.UnescapeString(w.Body.String())
	if w.Code != http.StatusOK || !strings.Contains(page, "+  - rule: UPGRADE-POST") || !strings.Contains(page, "Write it") || len(f.written) != 0 {
		t.Fatalf("%d, written %v: %.500q", w.Code, f.written, page)
	}
	if !strings.Contains(page, `value="looked <into> it"`) {
		t.Errorf("the reason is not in the form: %q", page)
	}
	form.Set("confirmed", "yes")
	if w := f.post(t, "/accept", form); w.Code != http.StatusSeeOther || len(f.written) != 1 {
		t.Errorf("%d, written %v", w.Code, f.written)
	}
	if _, page := f.get(t, "/findings?state=accepted"); !strings.Contains(page, "UPGRADE-POST") {
		t.Errorf("nothing is accepted: %.500q", content(page))
	}
}

// TestNothingKept: without a store the pages say so, and none breaks.
func TestNothingKept(t *testing.T) {
	f := &fixture{handler: (&Pages{}).Handler()}
	for path, want := range map[string]int{"/": 200, "/exchanges": 503, "/findings": 503, "/diagnoses": 503, "/diagnoses/stripped-upgrade": 200, "/probes": 200, "/tunnels": 200, "/chain": 503, "/compare": 503, "/rules": 200, "/rules/UPGRADE-POST": 200, "/instances": 503, "/status": 200} {
		if status, page := f.get(t, path); status != want || !strings.HasSuffix(page, "</html>\n") {
			t.Errorf("%s: status %d, want %d", path, status, want)
		}
	}
}

// TestMenusLeadWhereTheySay follows the links of each menu of views: the page at the end has that
// view, and keeps the choices of the other menus.
func TestMenusLeadWhereTheySay(t *testing.T) {
	f := fill(t, append(soundRun(), corpus(t)...), "01JRUN")
	menu := regexp.MustCompile(`<nav class="views"[^>]*>(.*?)</nav>`)
	link := regexp.MustCompile(`<a href="([^"]*)"( aria-current="true")?>([^<]*)</a>`)
	for _, path := range []string{"/?range=24h&by=protocol", "/findings?severity=high&by=endpoint", "/diagnoses?range=7d&of=all", "/diagnoses/stripped-upgrade?range=1h"} {
		_, page := f.get(t, path)
		menus := menu.FindAllStringSubmatch(page, -1)
		for _, m := range menus {
			for _, l := range link.FindAllStringSubmatch(m[1], -1) {
				status, next := f.get(t, html.UnescapeString(l[1]))
				if want := ` aria-current="true">` + l[3] + `</a>`; status != http.StatusOK || !strings.Contains(next, want) {
					t.Errorf("%s: %s leads to %s, which has another view: %d", path, l[3], l[1], status)
				}
				if n := strings.Count(next, `aria-current="true"`); n != len(menus) {
					t.Errorf("%s: at %s %d views are chosen, want %d", path, l[1], n, len(menus))
				}
			}
		}
		if len(menus) == 0 {
			t.Errorf("%s has no menu", path)
		}
	}
}
