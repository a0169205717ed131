package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/interlock-proxy/interlock/internal/tunnel"
)

// The events about open tunnels. They have no id, as only the latest one counts.
const (
	eventTunnel  = "tunnel"  // one tunnel has carried more
	eventTunnels = "tunnels" // one of the latest tunnels has, or there are others
)

// listTunnels lists the tunnels that are open now.
func (s *Server) listTunnels(w http.ResponseWriter, q *http.Request) {
	most, bad := limit(q)
	if badRequest(w, bad) {
		return
	}
	all, open := s.openTunnels(most)
	answer(w, http.StatusOK, tunnelsJSON{open, all})
}

// tunnelsJSON are open tunnels, the latest first.
type tunnelsJSON struct {
	Open    int           `json:"open"` // how many there are in all
	Tunnels []tunnel.Open `json:"tunnels"`
}

func (s *Server) openTunnels(most int) ([]tunnel.Open, int) {
	if s.Tunnels == nil {
		return []tunnel.Open{}, 0
	}
	return tunnel.List(s.Tunnels, s.Audit.OptionsOf, most)
}

// A watch follows open tunnels for one stream of events.
type watch struct {
	id   string // of an exchange; empty: the latest tunnels
	name string // of the event
	said []byte
	last time.Time // when that was
}

// sayAgain is how long after an event the same is said again, because the time goes on.
const sayAgain = 5 * time.Second

// watchOf returns what a request wants to follow; nil if it does not follow tunnels.
func (s *Server) watchOf(q *http.Request) *watch {
	switch {
	case s.Tunnels == nil || s.Tunnel == nil:
		return nil
	case q.FormValue("tunnel") != "":
		return &watch{id: q.FormValue("tunnel"), name: eventTunnel}
	case q.FormValue("tunnels") == "true":
		return &watch{name: eventTunnels}
	}
	return nil
}

// look returns the text of an event, or nil if there is nothing new to say.
func (w *watch) look(s *Server) []byte {
	var is any
	if w.id == "" {
		all, open := s.openTunnels(perPage)
		is = tunnelsJSON{open, all}
	} else if x := s.Tunnel(w.id); x != nil {
		is = tunnel.NewOpen(x, s.Audit.OptionsOf(x.Route))
	} else {
		return nil // its end is an event of the exchange
	}
	text, err := json.Marshal(is)
	if err != nil || bytes.Equal(text, w.said) && time.Since(w.last) < sayAgain {
		return nil
	}
	w.said, w.last = text, time.Now()
	return text
}
