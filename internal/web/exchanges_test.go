package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/wire"
)

// many is a server with that many exchanges, some of them at the same time; X00 is the oldest.
func many(t *testing.T, n int) *Server {
	t.Helper()
	s, err := store.Open(t.Context(), "memory", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := &store.Writer{Store: s, Drain: time.Minute}
	a := &audit.Audit{Each: w.Write}
	from := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for i := range n {
		x := exchangeOf(fmt.Sprintf("X%02d", i), []string{"GET", "POST"}[i%2], "/chat", wire.OriginLive)
		x.Time = from.Add(time.Duration(i/3) * time.Second)
		a.Observe(x)
	}
	ctx, stop := contextThatEnded(t)
	defer stop()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return &Server{Store: s, Audit: a}
}

// pageOf asks for a page of exchanges.
func pageOf(t *testing.T, at string, query url.Values) (ids []string, older, newer string) {
	t.Helper()
	status, text := call(t, "GET", at+"/api/v1/exchanges?"+query.Encode(), "")
	var page struct {
		Exchanges    []struct{ ID string }
		Older, Newer string
	}
	if err := json.Unmarshal([]byte(text), &page); err != nil || status != 200 {
		t.Fatalf("%v: %d %.300s: %v", query, status, text, err)
	}
	for _, x := range page.Exchanges {
		ids = append(ids, x.ID)
	}
	return ids, page.Older, page.Newer
}

// TestPagesHaveEachExchangeOnce walks to the oldest exchange and back, where the store answers the
// filter and where it does not.
func TestPagesHaveEachExchangeOnce(t *testing.T) {
	at := serve(t, many(t, 20))
	for filter, n := range map[string]int{"": 20, "verdict:fail": 10, "-verdict:fail": 10, "method:P*": 10, "method:NOSUCH": 0} {
		var there, back []string
		q := url.Values{"q": {filter}, "limit": {"3"}}
		ids, older, newer := pageOf(t, at, q)
		if newer != "" {
			t.Errorf("%q: something is newer than the newest page", filter)
		}
		last := ids
		for there = ids; older != ""; {
			q["older"] = []string{older}
			if ids, older, newer = pageOf(t, at, q); newer == "" {
				t.Errorf("%q: nothing is newer than %v", filter, ids)
			}
			there, last = append(there, ids...), ids
		}
		delete(q, "older")
		for back = slices.Clone(last); newer != ""; {
			q["newer"] = []string{newer}
			if ids, older, newer = pageOf(t, at, q); len(ids) > 0 && older == "" {
				t.Errorf("%q: nothing is older than %v", filter, ids)
			}
			back = append(ids, back...)
		}
		if len(there) != n || !slices.Equal(there, back) || !slices.IsSortedFunc(there, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("%q: there %v and back %v", filter, there, back)
		}
	}
}

// TestExportsAreDownloaded holds that every format is written, and that no browser shows it in our
// name.
func TestExportsAreDownloaded(t *testing.T) {
	at := serve(t, filled(t))
	for _, format := range exportFormats() {
		for _, rest := range []string{"", "&q=is:unsafe", "&id=X2"} {
			p, err := http.Get(at + "/api/v1/export?format=" + format + rest)
			if err != nil {
				t.Fatal(err)
			}
			text := make([]byte, 10)
			n, _ := p.Body.Read(text)
			p.Body.Close()
			if p.StatusCode != 200 || n == 0 || !strings.HasPrefix(p.Header.Get("Content-Disposition"), "attachment; filename=\"interlock.") || p.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s%s: %s %v", format, rest, p.Status, p.Header)
			}
		}
	}
}
