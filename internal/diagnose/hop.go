package diagnose

import "github.com/interlock-proxy/interlock/wire"

// A product is a proxy or a server that leaves its name in the messages that pass it.
type product struct {
	name   string // as remedies have it
	header string
	value  string // part of the header's value; empty: any
}

// hops are the marks of proxies in requests and in responses. The first that is found names the hop.
func hops() []product {
	return []product{
		{"Cloudflare", "CF-Ray", ""},
		{"CloudFront", "X-Amz-Cf-Id", ""},
		{"AWS ALB", "X-Amzn-Trace-Id", ""},
		{"Envoy", "X-Envoy-External-Address", ""},
		{"Envoy", "X-Envoy-Expected-Rq-Timeout-Ms", ""},
		{"Envoy", "X-Envoy-Internal", ""},
		{"Envoy", "X-Envoy-Upstream-Service-Time", ""},
		{"Envoy", "X-Envoy-Decorator-Operation", ""},
		{"Fastly", "Fastly-Client-IP", ""},
		{"Varnish", "X-Varnish", ""},
		{"Azure Front Door", "X-Azure-Ref", ""},
		{"Google Cloud load balancer", "X-Cloud-Trace-Context", ""},
		{"Heroku", "X-Request-Start", "t="},
		{"Varnish", "Via", "varnish"},
		{"Squid", "Via", "squid"},
		{"Caddy", "Via", "caddy"},
		{"Google Cloud load balancer", "Via", "google"},
		{"Heroku", "Via", "vegur"},
		{"Heroku", "Via", "heroku"},
		{"Kong", "Via", "kong"},
		{"Tinyproxy", "Via", "tinyproxy"},
	}
}

// anonymous are headers that proxies add and that do not tell which proxy it was.
func anonymous() []string {
	return []string{"Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Server", "X-Real-IP", "X-Cache", "X-Served-By"}
}

// HopBefore returns the name of the proxy between the client and Interlock, and the header that
// shows it. Both are empty if no header of the request shows one. The name is empty if the headers
// do not tell which proxy it is.
func (v *View) HopBefore() (name, basis string) { return hop(&v.Request.Head) }

// HopAfter is HopBefore for the proxy between Interlock and the server that gave the response.
func (v *View) HopAfter() (name, basis string) {
	if v.Response == nil {
		return "", ""
	}
	return hop(&v.Response.Head)
}

func hop(h *wire.Head) (name, basis string) {
	for _, p := range hops() {
		if basis := mark(h, p.header, p.value); basis != "" {
			return p.name, basis
		}
	}
	for _, header := range anonymous() {
		if h.Has(header) {
			return "", mark(h, header, "")
		}
	}
	return "", ""
}
