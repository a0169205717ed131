package run

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/printed"
)

// announce says before the first byte where it goes, and how many requests there will be.
func (p *Probing) announce() {
	also := ""
	if d := p.direct; d != nil {
		also = fmt.Sprintf("; what fails goes once more to both, %s being at %s", d.place, d.target.Address)
	}
	fmt.Fprintf(p.Screen.Stderr, "interlock: %s is at %s: %s, run %s%s\n", p.place, p.target.Address, p.volume(), p.Run, also)
}

// volume is how many probes there are, and about how many requests.
func (p *Probing) volume() string {
	n := len(p.Probes)
	for _, q := range p.Probes {
		if q.Twin {
			n++
		}
	}
	return fmt.Sprintf("%s, about %s with controls and repeats", printed.Count(len(p.Probes), "probe"), printed.Count(n+n/10+8, "request"))
}

// announce says the same of what the running Interlock is to do, if it has learned the endpoint.
func (r *remote) announce(ctx context.Context, p *Probing, protocol string) error {
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
		return exit.Unknown("--admin %s: its endpoints cannot be read: %v", r.url, err)
	}
	var last handshakeSeen
	for _, e := range known {
		for _, l := range e.Learned {
			if e.Endpoint == p.Flags.Endpoint && (protocol == "" || protocol == l.Protocol) && last.before(l) {
				last = l
			}
		}
	}
	if last.Backend != "" {
		fmt.Fprintf(p.Screen.Stderr, "interlock: %s at %s, of %s: %s\n", printed.Line(p.Flags.Endpoint), printed.Line(last.Backend), r.url, p.volume())
	}
	return nil
}

// A handshakeSeen is one that a running Interlock has learned.
type handshakeSeen struct{ Protocol, Backend, Seen string }

// before reports whether the other one is rather made probes of: WebSocket comes first, then what was seen last.
func (l handshakeSeen) before(other handshakeSeen) bool {
	if a, b := l.Protocol == "websocket", other.Protocol == "websocket"; a != b {
		return b
	}
	return l.Seen <= other.Seen
}
