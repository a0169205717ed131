package web

import (
	"fmt"
	"net/http"
	"slices"
)

// health says that the process is alive.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "ok")
}

// readyJSON reports whether the process is ready, and what is missing.
type readyJSON struct {
	Ready   bool   `json:"ready"`
	Reasons []Lack `json:"reasons"`
}

// ready answers 503 while something is missing, except for the parts that the request excludes: with
// /readyz?exclude=store, traffic does not depend on the store.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	excluded := r.URL.Query()["exclude"]
	for _, part := range excluded {
		if part != "store" && part != "backend" {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("exclude: %q is neither store nor backend", part))
			return
		}
	}
	is := readyJSON{Reasons: []Lack{}}
	if s.Lacking != nil {
		is.Reasons = append(is.Reasons, s.Lacking(r.Context())...)
	}
	is.Reasons = slices.DeleteFunc(is.Reasons, func(l Lack) bool { return slices.Contains(excluded, l.Part) })
	is.Ready = len(is.Reasons) == 0
	status := http.StatusOK
	if !is.Ready {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, is)
}
