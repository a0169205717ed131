package web

import (
	"fmt"
	"net/http"
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

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	is := readyJSON{Reasons: []Lack{}}
	if s.Lacking != nil {
		is.Reasons = append(is.Reasons, s.Lacking(r.Context())...)
	}
	is.Ready = len(is.Reasons) == 0
	status := http.StatusOK
	if !is.Ready {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, is)
}
