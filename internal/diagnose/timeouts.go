package diagnose

import (
	"fmt"
	"time"
)

// A timeout is a usual limit of products for tunnels without a byte.
type timeout struct {
	after    time.Duration
	products string
}

// timeouts are the limits that products have by default, or usually.
func timeouts() []timeout {
	return []timeout{
		{30 * time.Second, "HAProxy with timeout client or timeout server 30s, and a Google Cloud load balancer (timeout of the backend service, 30 s)"},
		{50 * time.Second, "HAProxy with the timeouts of its packages (timeout client and timeout server 50000, and no timeout tunnel)"},
		{55 * time.Second, "The router of Heroku (55 s)"},
		{60 * time.Second, "nginx (proxy_read_timeout, 60 s), an AWS application load balancer (idle_timeout, 60 s), Apache (ProxyTimeout, 60 s), Kong (read_timeout, 60 s) and Varnish (pipe_timeout, 60 s)"},
		{100 * time.Second, "Cloudflare (100 s)"},
		{120 * time.Second, "A proxy with a timeout of two minutes, such as IIS (connectionTimeout)"},
		{240 * time.Second, "Load balancers of Azure (4 minutes)"},
		{300 * time.Second, "Envoy and Istio (stream_idle_timeout, 5 minutes)"},
		{350 * time.Second, "An AWS network load balancer or NAT gateway (350 s)"},
		{600 * time.Second, "CloudFront and the AWS API Gateway (10 minutes)"},
		{3600 * time.Second, "Envoy (idle_timeout, 1 hour), HAProxy with timeout tunnel 1h, and nginx with proxy_read_timeout 3600s"},
	}
}

// timeoutAt returns the limit that a tunnel has reached that was idle for so long; 0 if there is
// none. Timers are late, and rarely early.
func timeoutAt(idle time.Duration) time.Duration {
	const early, late = 300 * time.Millisecond, 1200 * time.Millisecond
	if idle < 10*time.Second {
		return 0 // no product has so short a limit
	}
	for _, t := range timeouts() {
		if idle >= t.after-early && idle <= t.after+late {
			return t.after
		}
	}
	return 0
}

// LongerTimeouts is how the products are told to let tunnels be idle for longer.
func LongerTimeouts() []Remedy {
	return []Remedy{
		{"nginx", "proxy_read_timeout 1h; proxy_send_timeout 1h; in the location of the endpoint"},
		{"HAProxy", "timeout tunnel 1h in the defaults section or in the backend"},
		{"AWS ALB", "idle_timeout.timeout_seconds = 3600 in the attributes of the load balancer"},
		{"Envoy", "idle_timeout: 3600s and timeout: 0s in the route, or stream_idle_timeout: 3600s in the HttpConnectionManager"},
		{"Apache", "ProxyTimeout 3600, or timeout=3600 in the ProxyPass of the endpoint"},
		{"Traefik", "entryPoints.NAME.transport.respondingTimeouts: {readTimeout: 0s, idleTimeout: 1h}"},
		{"Kong", "read_timeout and write_timeout of the service: 3600000"},
	}
}

// pings is how to keep a tunnel from being idle for that long.
func pings(idle time.Duration) []Remedy {
	n := max(int(idle.Round(time.Second).Seconds()*0.4), 1)
	return []Remedy{
		{"", fmt.Sprintf("Send a WebSocket ping every %d s, from the server or from the client: every byte restarts the timeout", n)},
		{"Node (ws)", fmt.Sprintf("setInterval(() => server.clients.forEach((c) => c.ping()), %d)", n*1000)},
		{"Python (websockets)", fmt.Sprintf("serve(handler, host, port, ping_interval=%d)", n)},
		{"Go (gorilla/websocket)", fmt.Sprintf("conn.WriteControl(websocket.PingMessage, nil, deadline) from a time.NewTicker(%d * time.Second)", n)},
	}
}

// keepAlive is pings for the tunnel of an exchange.
func keepAlive(v *View) []Remedy { return pings(v.finish().Idle) }
