package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/interlock-proxy/interlock/internal/store"
)

// A sheet is the content of one screen.
type sheet struct {
	Title  string
	Follow string   // path of the events at which it is brought up to date
	Names  []string // of these events
	View   any      // the data of the template and of the JSON twin
	Wide   bool     // it takes all the room there is
}

// A frame is a sheet with the layout around it.
type frame struct {
	sheet
	Tab    string // the path of the screen in the menu
	Twin   string // where the same is JSON
	Status Status
}

// errMissing means that an object does not exist.
var errMissing = errors.New("there is no such page")

// Handler serves the screens, their actions and their assets: the paths of the contracts, each also
// with .json appended, and /assets/, /accept, /replay, /probe, /cancel, /pause and /reload. Exports
// are part of the API.
func (p *Pages) Handler() http.Handler {
	u := &site{Pages: p, assets: loadAssets()}
	u.templates = u.load()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", u.show("/", "overview", u.overview))
	mux.HandleFunc("GET /exchanges", u.show("/exchanges", "exchanges", u.exchanges))
	mux.HandleFunc("GET /exchanges/{id}", u.show("/exchanges", "exchange", u.exchange))
	mux.HandleFunc("GET /connections/{id}", u.show("/exchanges", "connection", u.connection))
	mux.HandleFunc("GET /tunnels", u.show("/tunnels", "tunnels", u.tunnels))
	mux.HandleFunc("GET /findings", u.show("/findings", "findings", u.findings))
	mux.HandleFunc("GET /diagnoses", u.show("/diagnoses", "diagnoses", u.diagnoses))
	mux.HandleFunc("GET /diagnoses/{id}", u.show("/diagnoses", "diagnosis", u.diagnosis))
	mux.HandleFunc("GET /probes", u.redirected(u.show("/probes", "probes", u.probes)))
	mux.HandleFunc("GET /probes/{run}", u.show("/probes", "run", u.run))
	mux.HandleFunc("GET /chain", u.show("/chain", "chain", u.chain))
	mux.HandleFunc("GET /chain/{run}", u.show("/chain", "chain", u.chain))
	mux.HandleFunc("GET /compare", u.show("/compare", "compare", u.compare))
	mux.HandleFunc("GET /rules", u.show("/rules", "rules", u.rulebook))
	mux.HandleFunc("GET /rules/{id}", u.show("/rules", "rule", u.rule))
	mux.HandleFunc("GET /instances", u.show("/instances", "instances", u.instances))
	mux.HandleFunc("GET /status", u.show("/status", "status", u.status))
	mux.HandleFunc("GET /glossary", u.show("/glossary", "glossary", u.glossary))
	mux.HandleFunc("GET /accept", u.accepting)
	mux.HandleFunc("POST /accept", u.accepting)
	mux.HandleFunc("POST /reload", u.reloading)
	mux.HandleFunc("GET /replay", u.replaying)
	mux.HandleFunc("POST /replay", u.replaying)
	mux.HandleFunc("POST /probe", u.act("/probes", u.probe))
	mux.HandleFunc("POST /cancel", u.act("/probes", u.cancel))
	mux.HandleFunc("POST /pause", u.act("/status", u.pause))
	mux.HandleFunc("GET /assets/{name}", u.asset)
	mux.HandleFunc("GET /", u.show("/", "failure", func(*http.Request) (sheet, error) { return sheet{}, errMissing }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", Policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin")
		if path, ok := strings.CutSuffix(r.URL.Path, ".json"); ok {
			if path == "/index" {
				path = "/"
			}
			r = r.Clone(context.WithValue(r.Context(), asJSON{}, true))
			r.URL.Path, r.URL.RawPath = path, ""
		}
		mux.ServeHTTP(w, r)
	})
}

// asJSON is the key in a context under which it is said that the JSON twin of a page is wanted.
type asJSON struct{}

// show makes a handler of a screen.
func (u *site) show(tab, name string, look func(*http.Request) (sheet, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := look(r)
		if err != nil {
			u.fail(w, r, tab, err)
			return
		}
		if r.Context().Value(asJSON{}) != nil {
			w.Header().Set("Content-Type", "application/json")
			e := json.NewEncoder(w)
			e.SetIndent("", " ")
			_ = e.Encode(s.View) // a caller that is gone wants no answer
			return
		}
		u.render(w, http.StatusOK, name, u.frame(r, tab, s))
	}
}

// redirected sends those who ask for a run at the address that it had once to the one that it has.
func (u *site) redirected(show http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		run := r.URL.Query().Get("run")
		if run == "" {
			show(w, r)
			return
		}
		to := "/probes/" + url.PathEscape(run)
		if r.Context().Value(asJSON{}) != nil {
			to += ".json"
		}
		http.Redirect(w, r, to, http.StatusMovedPermanently)
	}
}

// frame adds the layout to a sheet.
func (u *site) frame(r *http.Request, tab string, s sheet) frame {
	f := frame{sheet: s, Tab: tab, Twin: r.URL.Path + ".json"}
	if r.URL.Path == "/" {
		f.Twin = "/index.json"
	}
	if r.URL.RawQuery != "" {
		f.Twin += "?" + r.URL.RawQuery
	}
	if u.Status != nil {
		f.Status = u.Status()
	}
	return f
}

// fail responds with an error, as a page or as JSON.
func (u *site) fail(w http.ResponseWriter, r *http.Request, tab string, err error) {
	status := http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, errMissing), errors.Is(err, store.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, context.Canceled), errors.Is(err, store.ErrUnreachable), errors.Is(err, errNothingKept):
		status = http.StatusServiceUnavailable
	}
	if r.Context().Value(asJSON{}) != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
		return
	}
	title := "That did not work"
	if status == http.StatusNotFound {
		title = "Nothing here"
	}
	u.render(w, status, "failure", u.frame(r, tab, sheet{Title: title, View: err.Error()}))
}

// render writes a page. It is complete before its first byte leaves, so that no half page does.
func (u *site) render(w http.ResponseWriter, status int, name string, f frame) {
	var page bytes.Buffer
	if err := u.templates[name].ExecuteTemplate(&page, "layout", f); err != nil {
		http.Error(w, "the page cannot be written: "+text(err.Error()), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the reader may be gone
}

// errNothingKept is said where the store would be asked.
var errNothingKept = errors.New("nothing is kept: start serve with --store PATH to see exchanges and findings here")

// kept is the store, or an error that says that there is none.
func (u *site) kept() (*store.Store, error) {
	if u.Store == nil {
		return nil, errNothingKept
	}
	return u.Store, nil
}
