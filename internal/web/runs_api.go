package web

import (
	"net/http"
	"slices"
)

func (s *Server) startRun(w http.ResponseWriter, q *http.Request) {
	if s.Probe == nil {
		refuse(w, http.StatusNotFound, "this process runs no probes")
		return
	}
	var a Ask
	if err := readJSON(q, &a); err != nil {
		refuse(w, http.StatusBadRequest, "read the request: "+err.Error())
		return
	}
	job, err := s.Probe.Prepare(a)
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	r, err := s.runs.start(a, job)
	if err != nil {
		refuse(w, http.StatusConflict, err.Error())
		return
	}
	at := "/api/v1/probe-runs/" + r.Run
	w.Header().Set("Location", at)
	answer(w, http.StatusAccepted, map[string]string{"run": r.Run, "state": running, "events": at + "/events"})
}

func (s *Server) listRuns(w http.ResponseWriter, _ *http.Request) {
	s.runs.mu.Lock()
	all := make([]run, 0, len(s.runs.all))
	for _, r := range s.runs.all {
		copied := *r
		copied.Result = nil
		all = append(all, copied)
	}
	s.runs.mu.Unlock()
	slices.Reverse(all)
	answer(w, http.StatusOK, all)
}

func (s *Server) showRun(w http.ResponseWriter, q *http.Request) {
	r := s.runs.find(q.PathValue("run"))
	if r == nil {
		refuse(w, http.StatusNotFound, "there is no such run")
		return
	}
	s.runs.mu.Lock()
	copied := *r
	s.runs.mu.Unlock()
	answer(w, http.StatusOK, copied)
}

func (s *Server) cancelRun(w http.ResponseWriter, q *http.Request) {
	r := s.runs.find(q.PathValue("run"))
	if r == nil {
		refuse(w, http.StatusNotFound, "there is no such run")
		return
	}
	r.cancel()
	w.WriteHeader(http.StatusNoContent)
}
