package run

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/rules"
)

// announce prints the target and the number of requests before the first byte is sent.
func (p *Probing) announce(s *site) {
	if p.Flags.Quiet {
		return
	}
	also := ""
	if d := s.direct; d != nil {
		also = fmt.Sprintf("; what fails goes once more to both, %s being at %s", d.place, d.target.Address)
	}
	fmt.Fprintf(p.Screen.Stderr, "interlock: %s is at %s: %s, run %s%s\n", s.place, s.target.Address, volume(s.probes), p.Run, also)
}

// volume describes the number of probes and the approximate number of requests.
func volume(probes []*rules.Probe) string {
	n := len(probes)
	for _, q := range probes {
		n += len(q.Twins) + 2*len(q.Sizes)
	}
	return fmt.Sprintf("%s, about %s with controls and repeats", printed.Count(results(probes), "probe"), printed.Count(n+n/10+8, "request"))
}

// announce describes the run of a running Interlock, if it has learned the endpoint.
func (r *remote) announce(ctx context.Context, p *Probing, a *web.Ask) error {
	answer, err := r.call(ctx, http.MethodGet, "/api/v1/endpoints", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var known []struct {
		Route, Endpoint string
		Learned         []handshakeSeen
	}
	if err := json.NewDecoder(answer.Body).Decode(&known); err != nil {
		return exit.Unknown("--admin %s: its endpoints cannot be read: %v", r.url, err)
	}
	var last handshakeSeen
	var routes []string // the routes that have learned the endpoint
	for _, e := range known {
		if e.Endpoint != a.Endpoint || a.Route != "" && e.Route != a.Route {
			continue
		}
		for _, l := range e.Learned {
			if a.Protocol != "" && a.Protocol != l.Protocol {
				continue
			}
			if last.before(l) {
				last = l
			}
			if !slices.Contains(routes, e.Route) {
				routes = append(routes, e.Route)
			}
		}
	}
	if len(routes) > 1 {
		var choices []string
		for _, route := range routes {
			choices = append(choices, "--route "+printed.Line(route))
		}
		return exit.Usage("%s is an endpoint of %d routes: choose one with %s", printed.Line(a.Endpoint), len(routes), strings.Join(choices, " or "))
	}
	if last.Backend != "" && !p.Flags.Quiet {
		fmt.Fprintf(p.Screen.Stderr, "interlock: %s at %s, of %s: %s\n", printed.Line(p.Flags.Endpoint), printed.Line(last.Backend), r.url, volume(last.probes(p)))
	}
	return nil
}

// A handshakeSeen is a handshake that a running Interlock has learned.
type handshakeSeen struct {
	Protocol, Backend, Seen string
	HTTP                    []string
	TLS                     bool
}

// probes returns the probes that can be sent there.
func (l handshakeSeen) probes(p *Probing) []*rules.Probe {
	version, _ := probe.ParseHTTP(p.Flags.HTTP) // it was checked
	if p.Flags.HTTP == "" && slices.Contains(l.HTTP, "2") {
		version = probe.Seen
	}
	return probe.Speaking(p.Probes, version, l.TLS)
}

// before reports whether probes should prefer this handshake to the other: WebSocket comes first,
// then the most recent one.
func (l handshakeSeen) before(other handshakeSeen) bool {
	if a, b := l.Protocol == "websocket", other.Protocol == "websocket"; a != b {
		return b
	}
	return l.Seen <= other.Seen
}
