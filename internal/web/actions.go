package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/web/ui"
	"github.com/interlock-proxy/interlock/rules"
)

func (s *Server) showStatus(w http.ResponseWriter, _ *http.Request) {
	if s.Status == nil {
		refuse(w, http.StatusNotFound, "this process does not say how it is")
		return
	}
	answer(w, http.StatusOK, s.Status())
}

// replayJSON is the result of sending an exchange again.
type replayJSON struct {
	Was    string        `json:"was"` // the exchange
	ID     string        `json:"id"`  // the new exchange
	Ruling *rules.Ruling `json:"ruling"`
}

func (s *Server) replay(w http.ResponseWriter, q *http.Request) {
	if s.Replay == nil {
		refuse(w, http.StatusNotFound, "this process sends nothing again")
		return
	}
	var asked struct {
		Exchange string            `json:"exchange"`
		Values   map[string]string `json:"values"`
	}
	if err := readJSON(q, &asked); err != nil {
		refuse(w, http.StatusBadRequest, "read the request: "+err.Error())
		return
	}
	var given []probe.Field
	for name, value := range asked.Values {
		given = append(given, probe.Field{Name: name, Value: value})
	}
	r, err := s.Replay(q.Context(), asked.Exchange, given)
	switch {
	case errors.Is(err, store.ErrNotFound):
		unserved(w, err)
	case err != nil:
		refuse(w, http.StatusUnprocessableEntity, err.Error())
	default:
		w.Header().Set("Location", "/api/v1/exchanges/"+r.X.ID)
		answer(w, http.StatusCreated, replayJSON{asked.Exchange, r.X.ID, r})
	}
}

// acceptJSON is the entry that accepts a finding, written or proposed.
type acceptJSON struct {
	File    string `json:"file"`
	Diff    string `json:"diff"`
	Applied bool   `json:"applied"`
}

// accept shows the diff first, and writes it when the same is asked for again with confirmed.
func (s *Server) accept(w http.ResponseWriter, q *http.Request) {
	if s.Accept == nil {
		refuse(w, http.StatusNotFound, "this process has no file of what is accepted")
		return
	}
	var asked struct {
		accept.Written
		Confirmed bool `json:"confirmed"`
	}
	if err := readJSON(q, &asked); err != nil {
		refuse(w, http.StatusBadRequest, "read the request: "+err.Error())
		return
	}
	file, diff, err := s.Accept(q.Context(), asked.Written, asked.Confirmed)
	switch {
	case errors.Is(err, accept.ErrAccepted), errors.Is(err, accept.ErrChanged):
		refuse(w, http.StatusConflict, err.Error())
	case err != nil:
		refuse(w, http.StatusUnprocessableEntity, err.Error())
	default:
		answer(w, http.StatusOK, acceptJSON{file, diff, asked.Confirmed})
	}
}

// reloadJSON lists the changes of the configuration.
type reloadJSON struct {
	Changed []string    `json:"changed"` // the keys at the top
	Changes []ui.Change `json:"changes"` // secrets are blanked out
	Applied bool        `json:"applied"`
}

// reload reads the configuration again. An empty request puts it into effect, as does one without
// dryRun.
func (s *Server) reload(w http.ResponseWriter, q *http.Request) {
	if s.Reload == nil {
		refuse(w, http.StatusNotFound, "this process has no configuration that could change")
		return
	}
	var asked struct {
		DryRun bool `json:"dryRun"`
	}
	if err := readJSON(q, &asked); err != nil && !errors.Is(err, io.EOF) {
		refuse(w, http.StatusBadRequest, "read the request: "+err.Error())
		return
	}
	changes, err := s.Reload(q.Context(), !asked.DryRun)
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	is := reloadJSON{Changed: []string{}, Changes: append([]ui.Change{}, changes...), Applied: !asked.DryRun}
	for _, c := range changes {
		if top := c.Key[:(strings.IndexAny(c.Key+".", ".["))]; !slices.Contains(is.Changed, top) {
			is.Changed = append(is.Changed, top)
		}
	}
	answer(w, http.StatusOK, is)
}

// pause stops to keep exchanges, or goes on.
func (s *Server) pause(w http.ResponseWriter, q *http.Request) {
	if s.Pause == nil {
		refuse(w, http.StatusNotFound, "this process keeps nothing that could be paused")
		return
	}
	var asked struct {
		Paused *bool `json:"paused"`
	}
	err := readJSON(q, &asked)
	if err == nil && asked.Paused == nil {
		err = errors.New("paused is missing: true or false")
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "read the request: "+err.Error())
		return
	}
	s.Pause(*asked.Paused)
	answer(w, http.StatusOK, map[string]bool{"paused": *asked.Paused})
}

func (s *Server) pauseByPage(_ context.Context, paused bool) error {
	s.Pause(paused)
	return nil
}

func (s *Server) replayByPage(ctx context.Context, exchange string, given []probe.Field) (id string, err error) {
	r, err := s.Replay(ctx, exchange, given)
	if err != nil {
		return "", err
	}
	return r.X.ID, nil
}
