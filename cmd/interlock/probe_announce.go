package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// announce says before the first byte where it goes, and how many requests there will be.
func (p *probing) announce() {
	also := ""
	if d := p.direct; d != nil {
		also = fmt.Sprintf("; what fails goes once more to both, %s being at %s", d.place, d.target.Address)
	}
	fmt.Fprintf(p.screen.stderr, "interlock: %s is at %s: %s, run %s%s\n", p.place, p.target.Address, p.volume(), p.run, also)
}

// volume is how many probes there are, and about how many requests.
func (p *probing) volume() string {
	n := len(p.probes)
	for _, q := range p.probes {
		if q.Twin {
			n++
		}
	}
	return fmt.Sprintf("%s, about %s with controls and repeats", count(len(p.probes), "probe"), count(n+n/10+8, "request"))
}

// announce says the same of what the running Interlock is to do, if it has learned the endpoint.
func (r *remote) announce(ctx context.Context, p *probing, protocol string) error {
	answer, err := r.call(ctx, http.MethodGet, "/api/v1/endpoints", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var known []struct {
		Endpoint string
		Learned  []handshakeSeen
	}
	if err := json.NewDecoder(answer.Body).Decode(&known); err != nil {
		return unknown("--admin %s: its endpoints cannot be read: %v", r.url, err)
	}
	var last handshakeSeen
	for _, e := range known {
		for _, l := range e.Learned {
			if e.Endpoint == p.flags.endpoint && (protocol == "" || protocol == l.Protocol) && last.before(l) {
				last = l
			}
		}
	}
	if last.Backend != "" {
		fmt.Fprintf(p.screen.stderr, "interlock: %s at %s, of %s: %s\n", shown(p.flags.endpoint), shown(last.Backend), r.url, p.volume())
	}
	return nil
}

// A handshakeSeen is one that a running Interlock has learned.
type handshakeSeen struct{ Protocol, Backend, Seen string }

// before tells whether the other one is rather made probes of: WebSocket comes first, then what was seen last.
func (l handshakeSeen) before(other handshakeSeen) bool {
	if a, b := l.Protocol == "websocket", other.Protocol == "websocket"; a != b {
		return b
	}
	return l.Seen <= other.Seen
}
