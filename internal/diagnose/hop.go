package diagnose

import (
	"fmt"
	"slices"

	"github.com/interlock-proxy/interlock/rules"
)

// A product is a proxy or a server that leaves its name in the messages that pass it.
type product struct {
	name   string // as remedies have it
	header string
	value  string // part of the header's value; empty: any
}

// hops are the marks of proxies in requests and in responses. The first that is found names the hop.
func hops() []product {
	return []product{
		{"Envoy", "X-Envoy-External-Address", ""},
		{"Envoy", "X-Envoy-Expected-Rq-Timeout-Ms", ""},
		{"Envoy", "X-Envoy-Internal", ""},
		{"Envoy", "X-Envoy-Upstream-Service-Time", ""},
		{"Envoy", "X-Envoy-Decorator-Operation", ""},
		{"Varnish", "X-Varnish", ""},
		{"Heroku", "X-Request-Start", "t="},
		{"ingress-nginx", "X-Scheme", ""},
		{"Nginx Proxy Manager", "X-Forwarded-Scheme", ""},
		{"Kong", "X-Kong-Request-Id", ""},
		{"Kong", "X-Kong-Proxy-Latency", ""},
		{"Varnish", "Via", "varnish"},
		{"Squid", "Via", "squid"},
		{"Caddy", "Via", "caddy"},
		{"Heroku", "Via", "vegur"},
		{"Heroku", "Via", "heroku"},
		{"Kong", "Via", "kong"},
		{"Tinyproxy", "Via", "tinyproxy"},
	}
}

// edges are the marks of proxies that are the first on the way from a client. Others may follow
// them, and pass their headers on.
func edges() []product {
	return []product{
		{"Cloudflare", "CF-Ray", ""},
		{"CloudFront", "X-Amz-Cf-Id", ""},
		{"AWS ALB", "X-Amzn-Trace-Id", ""},
		{"Fastly", "Fastly-Client-IP", ""},
		{"Azure Front Door", "X-Azure-Ref", ""},
		{"Google Cloud load balancer", "X-Cloud-Trace-Context", ""},
		{"Google Cloud load balancer", "Via", "google"},
		{"CloudFront", "Via", "cloudfront"},
	}
}

// anonymous are headers that proxies add and that do not tell which proxy it was.
func anonymous() []string {
	return []string{
		"Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Server", "X-Real-IP", "X-Cache", "X-Served-By",
	}
}

// proxies are the products that say in Server that a response passed them, or comes from them.
func proxies() []product {
	return []product{
		{"Cloudflare", "Server", "cloudflare"},
		{"API Gateway", "X-Amzn-Requestid", ""},
		{"Envoy", "Server", "envoy"},
		{"AWS ALB", "Server", "awselb"},
		{"nginx", "Server", "nginx"},
		{"nginx", "Server", "openresty"},
		{"Caddy", "Server", "caddy"},
		{"Apache", "Server", "apache/"},
		{"Apache", "Server", "apache ("},
		{"IIS", "Server", "microsoft-iis"},
		{"IIS", "X-Powered-By", "arr/"},
		{"Google Cloud load balancer", "Server", "gws"},
		{"CloudFront", "Server", "cloudfront"},
		{"HAProxy", "Server", "haproxy"},
		{"Squid", "Server", "squid"},
		{"Varnish", "Server", "varnish"},
	}
}

// HopBefore returns the name of the proxy between the client and Interlock, and the header that
// shows it; of several the last one. Both are empty if no header of the request shows one. The name
// is empty if the headers do not tell which proxy it is.
func (v *View) HopBefore() (name, basis string) {
	s := v.sideOf(rules.InRequest)
	if !s.asked {
		s.asked = true
		s.hop, s.basis = v.hopBefore()
	}
	return s.hop, s.basis
}

func (v *View) hopBefore() (name, basis string) {
	q := rules.InRequest
	name, basis = v.product(q, hops())
	if shown := basis + v.proxied(q); shown != "" && name != "Nginx Proxy Manager" && v.nginxDefaults() {
		return "nginx", "HTTP/1.0 with Connection: close, as nginx sends it by default"
	}
	if name != "" {
		return name, basis
	}
	switch server := v.sent("X-Forwarded-Server"); {
	case server != "" && v.Request.Has("X-Forwarded-Port") && v.Request.Has("X-Real-IP"):
		return "Traefik", server + " with X-Forwarded-Port and X-Real-IP"
	case server != "" && v.Request.Has("X-Forwarded-Host") && (!v.Request.Has("X-Forwarded-Proto") || v.has(q, "Connection", "keep-alive")):
		return "Apache", server + " with X-Forwarded-Host" // Jetty adds them too, with X-Forwarded-Proto
	case server != "":
		return "", server
	case v.Request.Has("X-Real-IP"): // no edge adds it: this is another proxy
		return "", v.sent("X-Real-IP")
	}
	if name, basis = v.product(q, edges()); name != "" {
		return name, basis
	}
	return "", v.proxied(q)
}

// HopAfter is HopBefore for the proxy between Interlock and the server that gave the response.
func (v *View) HopAfter() (name, basis string) {
	s := v.sideOf(rules.InResponse)
	if !s.asked {
		s.asked = true
		s.hop, s.basis = v.product(rules.InResponse, slices.Concat(proxies(), hops(), edges()))
		if s.hop == "" {
			s.basis = v.proxied(rules.InResponse)
		}
	}
	return s.hop, s.basis
}

// product returns the first of the products that a message names.
func (v *View) product(p rules.Part, among []product) (name, basis string) {
	for _, known := range among {
		if basis := v.field(p, known.header, known.value); basis != "" {
			return known.name, basis
		}
	}
	return "", ""
}

// proxied returns the first header in which a proxy tells that it passed a message on.
func (v *View) proxied(p rules.Part) string {
	for _, name := range anonymous() {
		if basis := v.field(p, name, ""); basis != "" {
			return basis
		}
	}
	return ""
}

// nginxDefaults reports whether a request has the version and the Connection header that nginx
// sends to a backend if it is not told otherwise. No other common proxy does.
func (v *View) nginxDefaults() bool {
	return v.Request.Version == "HTTP/1.0" && v.has(rules.InRequest, "Connection", "close")
}

// before is the mark of a proxy of that name between the client and Interlock.
func before(name string) mark {
	return func(v *View) string {
		if found, basis := v.HopBefore(); found == name {
			return basis
		}
		return ""
	}
}

// after is the mark of a proxy of that name between Interlock and the server.
func after(name string) mark {
	return func(v *View) string {
		if found, basis := v.HopAfter(); found == name {
			return basis
		}
		return ""
	}
}

// beforeAny is the mark of any proxy between the client and Interlock.
func beforeAny(v *View) string {
	_, basis := v.HopBefore()
	return basis
}

// afterAny is the mark of any proxy between Interlock and the server.
func afterAny(v *View) string {
	_, basis := v.HopAfter()
	return basis
}

// named are the causes of one kind for each of the products, likely ones: the text has a %s for the
// product.
func named(text string, at func(string) mark, fix []Remedy, products ...string) []Cause {
	var causes []Cause
	for _, p := range products {
		causes = append(causes, Cause{Text: fmt.Sprintf(text, p), Certainty: rules.Likely, Mark: at(p), Fix: only(fix, p)})
	}
	return causes
}
