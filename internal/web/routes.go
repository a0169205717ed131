package web

import (
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/interlock-proxy/interlock/internal/web/filter"
	"github.com/interlock-proxy/interlock/internal/web/ui"
)

// A route is a method and a path, and what answers there.
type route struct {
	pattern string
	handler http.HandlerFunc
}

// open are the routes that need no token.
func (s *Server) open() []route {
	all := []route{{"GET /healthz", s.health}, {"GET /readyz", s.ready}}
	if s.Metrics != nil {
		all = append(all, route{"GET /metrics", s.Metrics.ServeHTTP})
	}
	return all
}

// api are the routes of the API. The description has just these.
func (s *Server) api() []route {
	return []route{
		{"GET /api/v1/openapi.json", serveOpenAPI},
		{"GET /api/v1/status", s.showStatus},
		{"GET /api/v1/exchanges", s.listExchanges},
		{"GET /api/v1/exchanges/{id}", s.showExchange},
		{"GET /api/v1/tunnels", s.listTunnels},
		{"GET /api/v1/findings", s.listFindings},
		{"GET /api/v1/diagnoses", s.listDiagnoses},
		{"GET /api/v1/endpoints", s.listEndpoints},
		{"GET /api/v1/instances", s.listInstances},
		{"GET /api/v1/rules", s.listRules},
		{"GET /api/v1/rules/{id}", s.showRule},
		{"GET /api/v1/runs", s.listStored},
		{"GET /api/v1/runs/{id}", s.showStored},
		{"GET /api/v1/compare", s.compare},
		{"GET /api/v1/export", s.export},
		{"GET /api/v1/events", s.followEvents},
		{"GET /api/v1/probe-runs", s.listRuns},
		{"POST /api/v1/probe-runs", s.startRun},
		{"GET /api/v1/probe-runs/{run}", s.showRun},
		{"DELETE /api/v1/probe-runs/{run}", s.cancelRun},
		{"GET /api/v1/probe-runs/{run}/events", s.followRun},
		{"POST /api/v1/replays", s.replay},
		{"POST /api/v1/accepts", s.accept},
		{"POST /api/v1/reload", s.reload},
		{"POST /api/v1/evidence", s.pause},
	}
}

// profiles are the routes of net/http/pprof.
func profiles() []route {
	return []route{
		{"GET /debug/pprof/", pprof.Index},
		{"GET /debug/pprof/cmdline", pprof.Cmdline},
		{"GET /debug/pprof/profile", pprof.Profile},
		{"GET /debug/pprof/symbol", pprof.Symbol},
		{"GET /debug/pprof/trace", pprof.Trace},
	}
}

// mux serves everything that needs authentication.
func (s *Server) mux(d *authenticator) http.Handler {
	mux := http.NewServeMux()
	all := append(s.open(), s.api()...)
	all = append(all, route{"GET /login", d.showLogin}, route{"POST /login", d.login}, route{"POST /logout", d.logout})
	if s.Profile {
		all = append(all, profiles()...)
	}
	for _, r := range all {
		mux.HandleFunc(r.pattern, r.handler)
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "there is nothing here; /api/v1/openapi.json says what there is")
	})
	mux.Handle("/", s.pages().Handler())
	return mux
}

// pages are the screens, with the functions of the API.
func (s *Server) pages() *ui.Pages {
	p := &ui.Pages{
		Store: s.Store, Session: s.Session, Audit: s.Audit, Tunnels: s.Tunnels, Tunnel: s.Tunnel, Status: s.Status, Accepted: s.Accepted, Filter: filter.Parse, Terms: filter.Terms,
		Events: "/api/v1/events", EventNames: []string{eventExchange, eventGap},
		Progress: "/api/v1/probe-runs/{run}/events", ProgressNames: []string{"progress", "ruling", "finished"},
		Accept: s.Accept, Reload: s.Reload, Running: s.running,
	}
	if s.Probe != nil {
		p.Probe, p.Cancel = s.probeByPage, s.cancelByPage
	}
	if s.Replay != nil {
		p.Replay = s.replayByPage
	}
	if s.Pause != nil {
		p.Pause = s.pauseByPage
	}
	return p
}

// isOpen reports whether a path is served to anyone, under any Host.
func isOpen(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }

// isPublic reports whether a path is needed before the login. None of these shows findings.
func isPublic(path string) bool { return path == "/login" || strings.HasPrefix(path, "/assets/") }
