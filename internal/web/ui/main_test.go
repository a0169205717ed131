package ui

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/web/filter"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fixture is pages over a store with exchanges in it.
type fixture struct {
	*Pages
	handler http.Handler
	ids     []string
	asked   []Ask
	given   []probe.Field    // with the last replay
	written []accept.Written // that were confirmed
	paused  bool
}

// fill makes pages over the rulings of exchanges, all of which are judged and stored when it returns.
func fill(t testing.TB, all []*wire.Exchange, run string) *fixture {
	t.Helper()
	s, err := store.Open(t.Context(), "memory", store.Options{Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := &store.Writer{Store: s, Drain: time.Minute}
	a := &audit.Audit{Instance: "test", Each: w.Write}
	f := &fixture{}
	for i, x := range all {
		if x.ID == "" {
			x.ID = fmt.Sprintf("01J%023d", i)
		}
		f.ids = append(f.ids, x.ID)
		if x.Probe != "" {
			a.Enter(x, run)
		} else {
			a.Observe(x)
		}
	}
	if run != "" {
		w.Begin(store.Run{ID: run, Command: "probe", Origin: "probe", Began: time.Now(), Labels: map[string]string{"endpoint": "/chat"}})
	}
	store1(t, w)
	f.Pages = &Pages{
		Store: s, Audit: a, Filter: filter.Parse, Terms: filter.Terms, Events: "/api/v1/events", EventNames: []string{"exchange"}, Progress: "/api/v1/probe-runs/{run}/events", ProgressNames: []string{"progress"},
		Status: func() Status { return Status{State: "auditing", Instance: "test", Version: "0.1", Paused: f.paused} },
		Probe:  func(_ context.Context, a Ask) (string, error) { f.asked = append(f.asked, a); return "01JRUN", nil },
		Replay: func(_ context.Context, id string, given []probe.Field) (string, error) {
			f.given = given
			return id, nil
		},
		Accept: func(_ context.Context, w accept.Written, confirmed bool) (string, string, error) {
			if confirmed {
				f.written = append(f.written, w)
			}
			return "accept.yaml", "@@ -1 +1,2 @@\n accept:\n+  - rule: " + w.Rule + "\n", nil
		},
		Pause: func(_ context.Context, paused bool) error { f.paused = paused; return nil },
		Reload: func(context.Context, bool) ([]Change, error) {
			return []Change{{Key: "guard", Old: "off", New: "unsafe"}}, nil
		},
		Accepted: func() (all []accept.Entry) {
			for _, w := range f.written {
				e, _ := w.Entry()
				all = append(all, e)
			}
			return all
		},
	}
	f.handler = f.Handler()
	return f
}

// store1 has a writer write everything that it was given.
func store1(t testing.TB, w *store.Writer) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	stop() // what waits is written after the end
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// corpus are the exchanges of all transcripts of the rules.
func corpus(t testing.TB) (all []*wire.Exchange) {
	t.Helper()
	files, err := filepath.Glob("../../../rules/testdata/*/*.wire")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		transcript, err := wire.ParseTranscript(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range transcript.Exchanges(wire.Common{Route: "default", Client: "192.0.2.1:5000", Backend: "192.0.2.9:80", Origin: wire.OriginLive}) {
			x.ID, x.Time = "", time.Now().Add(-time.Duration(len(all))*time.Second)
			all = append(all, x)
		}
	}
	return all
}

// get asks for a page.
func (f *fixture) get(t testing.TB, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if got := w.Header().Get("Content-Security-Policy"); got != Policy {
		t.Errorf("%s: policy %q", path, got)
	}
	return w.Code, w.Body.String()
}

// post sends a form.
func (f *fixture) post(t testing.TB, path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	f.handler.ServeHTTP(w, r)
	return w
}

// screens are the paths of all screens, each with something on it.
func (f *fixture) screens() []string {
	all := []string{
		"/", "/?range=24h", "/exchanges", "/exchanges?q=verdict:fail", "/findings", "/probes", "/probes/01JRUN", "/probes/01JRUN?show=failing", "/findings?by=endpoint&severity=high", "/?by=protocol", "/glossary", "/compare", "/rules", "/rules/UPGRADE-POST",
		"/tunnels", "/instances", "/instances?state=silent&name=x", "/diagnoses", "/diagnoses?range=1h&of=all", "/diagnoses/stripped-upgrade?range=7d", "/status", "/accept?rule=UPGRADE-POST&endpoint=/chat",
	}
	for _, id := range f.ids[:min(len(f.ids), 40)] {
		for _, view := range []string{"wire", "hex", "fields"} {
			all = append(all, "/exchanges/"+url.PathEscape(id)+"?view="+view)
		}
	}
	return all
}

// soundRun are probes at one endpoint, one of which was answered as it must not be.
func soundRun() (all []*wire.Exchange) {
	for i, probe := range []string{"CTRL-WS", "UPGRADE-POST"} {
		head := rules.FindProbe(probe).On(rules.NewHandshake("http", "staging.test", "/chat", "AAAAAAAAAAAAAAAAAAAAAA==")).Head()
		answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n"
		all = append(all, &wire.Exchange{
			ID: fmt.Sprintf("01JPROBE%018d", i), Origin: wire.OriginProbe, Probe: probe, Aim: "/chat", Controls: wire.ControlsAccepted, Route: "default", Backend: "192.0.2.9:80",
			Time: time.Now(), Request: wire.ReadRequest([]byte(head)), Response: wire.ReadResponse([]byte(answer)), Outcome: wire.Switched, Final: true, Complete: true,
		})
	}
	return all
}

// content is what a page has in its main element.
func content(page string) string {
	_, main, _ := strings.Cut(page, "<main")
	return main
}
