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

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/wire"
)

// stripped is a handshake that lost its offer on the way, at a target and that long ago.
func stripped(target string, before time.Duration) *wire.Exchange {
	q := "GET " + target + " HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	return &wire.Exchange{
		Origin: wire.OriginLive, Route: "default", Backend: "192.0.2.9:80", Client: "192.0.2.7:4", Time: time.Now().Add(-before), Outcome: wire.Refused,
		Request: wire.ReadRequest([]byte(q)), Response: wire.ReadResponse([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")), Final: true, Complete: true,
	}
}

// TestDiagnosesLeadToTheirExchanges holds that the page counts exchanges by diagnosis and endpoint,
// and that each count is that of the list that it leads to.
func TestDiagnosesLeadToTheirExchanges(t *testing.T) {
	f := fill(t, []*wire.Exchange{
		stripped("/chat", time.Minute), stripped("/chat", 2*time.Hour), stripped("/a,b", time.Hour+time.Minute), stripped(`/"\`, time.Minute),
		stripped("/chat", 3*24*time.Hour), stripped("/*", time.Minute),
	}, "")
	for path, want := range map[string]int64{"/diagnoses.json": 5, "/diagnoses.json?range=1h": 3, "/diagnoses.json?range=7d&of=all": 6, "/diagnoses/stripped-upgrade.json?range=7d": 6} {
		status, twin := f.get(t, path)
		var v struct {
			Diagnoses []struct {
				ID, Filter string
				Count      int64
				Trend      struct{ Counts []int64 }
				Places     []struct {
					Endpoint, Filter string
					Count            int64
				}
			}
		}
		if err := json.Unmarshal([]byte(twin), &v); err != nil || status != http.StatusOK || len(v.Diagnoses) != 1 {
			t.Fatalf("%s: %d, %v\n%s", path, status, err, twin)
		}
		d := v.Diagnoses[0]
		sum := int64(0)
		for _, n := range d.Trend.Counts {
			sum += n
		}
		if d.ID != "stripped-upgrade" || d.Count != want || sum != want {
			t.Errorf("%s: got %s %d times and %d in the trend, want %d", path, d.ID, d.Count, sum, want)
		}
		all := []struct {
			Endpoint, Filter string
			Count            int64
		}{{"", d.Filter, want}}
		for _, p := range append(all, d.Places...) {
			ids, _, _ := f.page(t, "/exchanges.json?q="+url.QueryEscape(p.Filter))
			if p.Endpoint == "/*" { // a glob in the filter
				continue
			}
			if int64(len(ids)) != p.Count {
				t.Errorf("%s: %q leads to %d exchanges, want %d", path, p.Filter, len(ids), p.Count)
			}
		}
	}
	_, page := f.get(t, "/diagnoses")
	if page = html.UnescapeString(page); !strings.Contains(page, "1 kind, seen 5 times") || !strings.Contains(page, `aria-label="Trend over 24h: at most 3 in 30 min 0 s"`) {
		t.Errorf("got %s", content(page))
	}
	if !strings.Contains(page, "<b>Usual cause</b> A proxy that leaves no trace") || !strings.Contains(page, "<b>Fix</b> <span class=\"id\">") {
		t.Errorf("no cause and fix in %s", content(page))
	}
	if _, page := f.get(t, "/diagnoses?range=30d"); strings.Contains(page, "Nothing to explain") || !strings.Contains(page, "<h2>Catalogue</h2>") {
		t.Errorf("got %s", content(page))
	}
}

// TestAnExchangeIsExplainedFirst holds that its diagnosis comes before everything else about it, and
// that a diagnosis of another release does no harm.
func TestAnExchangeIsExplainedFirst(t *testing.T) {
	f := fill(t, []*wire.Exchange{stripped("/chat", time.Minute)}, "")
	_, page := f.get(t, "/exchanges/"+f.ids[0])
	page = html.UnescapeString(page)
	at := -1
	for _, want := range []string{
		`<section class="why" aria-label="Diagnosis: stripped-upgrade">`, "The handshake reached Interlock", "<b>Cause</b> The proxy in front of Interlock", `class="tag">likely<`,
		`X-Forwarded-For: "192.0.2.7"`, "What to change", "nginx: ", "/rules/UPGRADE-WS-KEY-STRAY", `href="/diagnoses/stripped-upgrade"`, "On the wire", "explained by <a",
	} {
		i := strings.Index(page, want)
		if i < at {
			t.Errorf("no %q, or not in this order, in %s", want, content(page))
		}
		at = max(at, i)
	}
	if _, page := f.get(t, "/exchanges"); !strings.Contains(page, `<a class="tag why" href="/exchanges?q=why:stripped-upgrade">`) {
		t.Errorf("the list does not show it: %s", content(page))
	}
}

// TestTheCatalogueCanBeRead holds that every entry has a page, with the store or without it.
func TestTheCatalogueCanBeRead(t *testing.T) {
	f := fill(t, nil, "")
	bare := &fixture{handler: (&Pages{}).Handler()}
	_, all := f.get(t, "/diagnoses")
	for _, k := range diagnose.All() {
		if !strings.Contains(all, fmt.Sprintf(`href="/diagnoses/%s"`, k.ID)) {
			t.Errorf("%s is not in the catalogue", k.ID)
		}
		for name, is := range map[string]*fixture{"with the store": f, "without it": bare} {
			status, page := is.get(t, "/diagnoses/"+k.ID)
			page = html.UnescapeString(page)
			if status != http.StatusOK || !strings.Contains(page, k.Title+".") || !strings.Contains(page, k.Causes[0].Text) {
				t.Errorf("%s %s: %d %s", k.ID, name, status, content(page))
			}
		}
	}
	for path, want := range map[string]int{"/diagnoses/nosuch": 404, "/diagnoses/nosuch.json": 404} {
		if status, _ := f.get(t, path); status != want {
			t.Errorf("%s: status %d, want %d", path, status, want)
		}
	}
}
