package web

import (
	"net/http"
	"time"
)

// endpointJSON is an endpoint that live traffic has shown. Nothing of it is a secret.
type endpointJSON struct {
	Route     string        `json:"route"`
	Endpoint  string        `json:"endpoint"`
	Exchanges int64         `json:"exchanges"`
	Switched  int64         `json:"switched"`
	Refused   int64         `json:"refused"`
	Ignored   int64         `json:"ignored"`
	Learned   []learnedJSON `json:"learned"` // valid handshakes, on which probes are based
}

type learnedJSON struct {
	Protocol    string   `json:"protocol"`
	HTTP        []string `json:"http"` // versions in which it was seen
	TLS         bool     `json:"tls"`  // the backend is spoken to over TLS
	Host        string   `json:"host"`
	Subprotocol string   `json:"subprotocol"`
	Target      string   `json:"target"`
	Backend     string   `json:"backend"`
	Client      string   `json:"client"`
	Seen        string   `json:"seen"`
	Count       int64    `json:"count"`
}

func (s *Server) listEndpoints(w http.ResponseWriter, _ *http.Request) {
	all := []endpointJSON{}
	if s.Audit != nil {
		all = s.endpoints()
	}
	answer(w, http.StatusOK, all)
}

func (s *Server) endpoints() []endpointJSON {
	learned := s.Audit.Learned()
	all := []endpointJSON{}
	for _, e := range s.Audit.Endpoints() {
		shown := endpointJSON{
			Route: e.Route, Endpoint: e.Template, Exchanges: e.Exchanges, Switched: e.Switched, Refused: e.Refused, Ignored: e.Ignored,
			Learned: []learnedJSON{},
		}
		for i := range learned {
			l := &learned[i]
			if l.Route != e.Route || l.Endpoint != e.Template {
				continue
			}
			redact := s.Audit.OptionsOf(l.Route).Redact
			shown.Learned = append(shown.Learned, learnedJSON{
				Protocol: l.Protocol, HTTP: l.Versions(), TLS: l.TLS, Host: l.Host, Subprotocol: redact.Subprotocol(l.Request, l.Subprotocol),
				Target:  redact.Target(l.Request.Target),
				Backend: l.Backend, Client: l.Client, Seen: l.Seen.UTC().Format(time.RFC3339), Count: l.Count,
			})
		}
		all = append(all, shown)
	}
	return all
}
