package web

import (
	"context"
	"errors"
	"slices"

	"github.com/interlock-proxy/interlock/internal/web/ui"
)

// probeByPage starts a run for a page.
func (s *Server) probeByPage(_ context.Context, a ui.Ask) (string, error) {
	asked := Ask(a)
	job, err := s.Probe.Prepare(asked)
	if err != nil {
		return "", err
	}
	r, err := s.runs.start(asked, job)
	if err != nil {
		return "", err
	}
	return r.Run, nil
}

func (s *Server) cancelByPage(_ context.Context, run string) error {
	r := s.runs.find(run)
	if r == nil {
		return errors.New("there is no such run")
	}
	r.cancel()
	return nil
}

// running are the runs for a page, the latest first.
func (s *Server) running() []ui.Running {
	s.runs.mu.Lock()
	defer s.runs.mu.Unlock()
	var all []ui.Running
	for _, r := range slices.Backward(s.runs.all) {
		at := r.progress()
		all = append(all, ui.Running{
			ID: r.Run, State: r.State, Endpoint: r.Asked.Endpoint, Started: r.Started, Done: at.Done, Total: at.Total, Probe: at.Probe, Note: at.Note, Error: r.Error,
		})
	}
	return all
}
