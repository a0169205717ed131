package diagnose

import (
	"fmt"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Kind{
	ID: "tunnel-idle-timeout", Family: Ended, Stages: Over, Over: EveryVersion,
	Title: "The tunnel ended without a Close frame after a time without a byte that is typical of a timeout",
	Why: `Proxies and load balancers end connections on which no byte passes for some time. They end
both sides of the tunnel without a Close frame, so a browser reports code 1006 and the server sees a
client that vanished. If many tunnels of an endpoint end after the same time of silence, it is such
a timeout; if one does, it may be.`,
	Refs: []rules.Ref{
		{RFC: "6455", Section: "7.1.5", Text: "code 1006 means that the connection ended without a Close frame"},
		{RFC: "6455", Section: "5.5.2", Text: "a ping serves as a keepalive"},
	},
	See: func(v *View) string {
		f := v.endsAs("tunnel-idle-timeout")
		switch c := v.Seen.Idle; {
		case f == nil:
			return ""
		case c != nil:
			return fmt.Sprintf("%d of %d tunnels to %s ended after %s ± %s of silence, closed by %s without a Close frame: a browser reports code 1006",
				c.Count, c.Of, wire.Escape([]byte(v.Ruling.Endpoint)), seconds(c.At), fmt.Sprintf("%.1f s", c.Spread.Seconds()), f.by)
		}
		return fmt.Sprintf("%s ended the tunnel %s%s, %s", capital(f.by), f.lasted(), f.pinged(), noClose)
	},
	Causes: idleCauses(),
})

func idleCauses() []Cause {
	all := []Cause{
		{Text: "nginx ended it: proxy_read_timeout", Certainty: rules.Likely, Mark: idleAt("nginx"), Fix: only(LongerTimeouts(), "nginx"), More: keepAlive},
		{Text: "Envoy ended it: idle_timeout or stream_idle_timeout", Certainty: rules.Likely, Mark: idleAt("Envoy"), Fix: only(LongerTimeouts(), "Envoy"), More: keepAlive},
		{Text: "The AWS load balancer ended it: idle_timeout", Certainty: rules.Likely, Mark: idleAt("AWS ALB"), Fix: only(LongerTimeouts(), "AWS ALB"), More: keepAlive},
		{Text: "Cloudflare ended it: it ends tunnels after 100 s without a byte", Certainty: rules.Likely, Mark: idleAt("Cloudflare"), Fix: []Remedy{{"Cloudflare", "the timeout cannot be changed below the Enterprise plan: send pings"}}, More: keepAlive},
		{
			Text:      "An idle timeout of a proxy or load balancer, such as nginx (proxy_read_timeout), HAProxy (timeout tunnel) or an AWS load balancer (idle_timeout)",
			Certainty: rules.Likely, Mark: manyIdle, Fix: LongerTimeouts(), More: keepAlive,
		},
	}
	for _, t := range timeouts() {
		all = append(all, Cause{
			Text: "An idle timeout: " + t.products, Certainty: rules.Possible, Fix: LongerTimeouts(), More: keepAlive,
			Mark: func(v *View) string {
				if timeoutAt(v.finish().Idle) == t.after {
					return fmt.Sprintf("%s without a byte", seconds(v.finish().Idle))
				}
				return ""
			},
		})
	}
	return append(all, Cause{Text: "An idle timeout of the client, or of a proxy that leaves no trace", Certainty: rules.Possible, Fix: LongerTimeouts(), More: keepAlive})
}

// manyIdle is the mark of many tunnels that ended after the same time of silence. If clients ended
// them, and no header shows a proxy, the clients themselves may have a timeout.
func manyIdle(v *View) string {
	if v.Seen.Idle == nil {
		return ""
	}
	many := fmt.Sprintf("%d of %d tunnels", v.Seen.Idle.Count, v.Seen.Idle.Of)
	if v.finish().by == "the backend" {
		return many
	}
	if _, basis := v.HopBefore(); basis != "" {
		return many + ", " + basis
	}
	return ""
}

// idleAt is a mark of a proxy on the side that ended the tunnel, if the tunnel was idle for as long
// as its default is, or if many were for the same time.
func idleAt(product string) mark {
	usual := map[string]time.Duration{"nginx": time.Minute, "Envoy": 5 * time.Minute, "AWS ALB": time.Minute, "Cloudflare": 100 * time.Second}
	return func(v *View) string {
		f := v.finish()
		if v.Seen.Idle == nil && timeoutAt(f.Idle) != usual[product] {
			return ""
		}
		name, basis := v.HopBefore()
		if f.by == "the backend" {
			name, basis = v.HopAfter()
		}
		if name != product {
			return ""
		}
		return basis
	}
}

var _ = register(Kind{
	ID: "tunnel-lifetime", Family: Ended, Stages: Over, Over: EveryVersion,
	Title: "The tunnels of an endpoint end after the same time, whether they are idle or not",
	Why: `Some load balancers and platforms limit how long a request may take, and count a tunnel as
one: busy or idle, it ends after that time.`,
	Refs: []rules.Ref{{RFC: "6455", Section: "7.2.3", Text: "a client that reconnects after an abnormal end waits for a random and then growing time"}},
	See: func(v *View) string {
		f, c := v.endsAs("tunnel-lifetime"), v.Seen.Life
		if f == nil {
			return ""
		}
		return fmt.Sprintf("%d of %d tunnels to %s ended %s ± %s after the 101, whether idle or not, closed by %s without a Close frame: a browser reports code 1006",
			c.Count, c.Of, wire.Escape([]byte(v.Ruling.Endpoint)), seconds(c.At), fmt.Sprintf("%.1f s", c.Spread.Seconds()), f.by)
	},
	Causes: []Cause{
		{
			Text: "A limit for the whole request, such as the timeout of a Google Cloud backend service (30 s), the request timeout of Cloud Run (300 s), or timeout of an Envoy route (15 s)", Certainty: rules.Likely,
			Mark: func(v *View) string {
				if c := v.Seen.Life; c != nil {
					return fmt.Sprintf("%d of %d tunnels", c.Count, c.Of)
				}
				return ""
			},
			Fix: wholeRequest(),
		},
		{Text: "A limit for the whole request", Certainty: rules.Possible, Fix: wholeRequest()},
	},
})

// wholeRequest is how products are told to let a request last.
func wholeRequest() []Remedy {
	return []Remedy{
		{"Google Cloud", "timeoutSec: 86400 in the backend service"},
		{"Cloud Run", "gcloud run services update NAME --timeout=3600"},
		{"Envoy", "timeout: 0s in the route of the endpoint"},
		{"Gunicorn", "--timeout 0 with an asynchronous worker class"},
		{"", "Let clients reconnect with a back-off: they have to in any case"},
	}
}

var _ = register(Kind{
	ID: "tunnel-unanswered-ping", Family: Ended, Stages: Over, Over: EveryVersion,
	Title: "The last frame of the tunnel is a ping that the other side never answered",
	Why: `The receiver of a ping answers with a pong. A peer that does not is gone, or does not read:
its event loop is blocked, its machine is asleep, or a device between the two has forgotten the
connection. Clients and servers that send pings end such a tunnel themselves.`,
	Refs: []rules.Ref{{RFC: "6455", Section: "5.5.2", Text: "an endpoint that receives a ping answers with a pong"}},
	See: func(v *View) string {
		f := v.endsAs("tunnel-unanswered-ping")
		if f == nil {
			return ""
		}
		return fmt.Sprintf("%s sent a ping and got no byte in answer for %s; then %s ended the tunnel", f.unanswered(), seconds(f.Idle), f.by)
	},
	Causes: []Cause{
		{
			Text: "The backend does not read from the tunnel: its event loop or thread is blocked, or the proxy in front of it has lost the connection", Certainty: rules.Possible,
			Mark: func(v *View) string {
				if v.finish().unanswered() == "The client" {
					return "the ping came from the client"
				}
				return ""
			},
			Fix: []Remedy{{"", "Look for work that blocks the event loop of the backend at that time, and for a handler that stops reading while it writes"}},
		},
		{Text: "The client is gone without a word: its machine sleeps, its network changed, or a NAT gateway forgot the connection", Certainty: rules.Possible, Fix: []Remedy{
			{"", "Nothing to change at the server: a ping that ends dead tunnels is right. Let the client reconnect when it is back"},
		}},
	},
})
