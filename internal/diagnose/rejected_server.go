package diagnose

import (
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
)

var _ = register(Kind{
	ID: "rejected-429", Family: Rejected, Stages: Answered, Over: EveryVersion,
	Title: "The server rejects a valid handshake with 429",
	Why: `The client connects too often. Clients that reconnect at once after each failure keep
themselves out: they have to wait longer after each attempt, with some randomness.`,
	Refs: append(mayReject(), rules.Ref{RFC: "6585", Section: "4", Text: "a 429 may say in Retry-After how long to wait"}),
	See:  retry(429),
	Causes: []Cause{
		{Text: "Envoy limits the rate", Certainty: rules.Likely, Mark: got("X-Envoy-Ratelimited", ""), Fix: backOff()},
		{Text: "Cloudflare limits the rate", Certainty: rules.Likely, Mark: server("cloudflare"), Fix: backOff()},
		{Text: "API Gateway limits the rate or the number of connections", Certainty: rules.Likely, Mark: got("X-Amzn-Errortype", ""), Fix: backOff()},
		{Text: "A rate limit of the server or of a proxy in front of it", Certainty: rules.Possible, Fix: backOff()},
	},
})

// retry is the observation of a valid handshake that is to be repeated later.
func retry(code int) func(*View) string {
	return func(v *View) string {
		switch {
		case v.Status() != code || !v.Valid():
			return ""
		case v.Response.Has("Retry-After"):
			return v.rejection() + " and " + v.got("Retry-After")
		}
		return v.rejection()
	}
}

func backOff() []Remedy {
	return advice("reconnect after 1 s, 2 s, 4 s … with a random part and a maximum, and not before Retry-After; raise the limit for the path of the WebSocket")
}

var _ = register(Kind{
	ID: "rejected-503", Family: Rejected, Stages: Answered, Over: EveryVersion,
	Title: "The server rejects a valid handshake with 503",
	Why: `No server took the request: the proxy that answered has no server that works, or the server is
overloaded or starting.`,
	Refs: append(mayReject(), rules.Ref{RFC: "9110", Section: "15.6.4", Text: "a 503 may say in Retry-After how long to wait"}),
	See:  retry(503),
	Causes: []Cause{
		{Text: "Envoy has no healthy endpoint, or could not connect to it", Certainty: rules.Likely, Mark: all(server("envoy"), notFromUpstream), Fix: upstreamUp()},
		{Text: "The target group has no healthy target", Certainty: rules.Likely, Mark: server("awselb"), Fix: upstreamUp()},
		{Text: "HAProxy has no server that is up", Certainty: rules.Likely, Mark: haproxyError, Fix: upstreamUp()},
		{Text: "Varnish could not get an answer of its backend", Certainty: rules.Likely, Mark: got("X-Varnish", ""), Fix: append(upstreamUp(), only(forwardUpgrades(), "Varnish")...)},
		{Text: "nginx limits requests or connections, or its backend answers so", Certainty: rules.Possible, Mark: after("nginx"),
			Fix: []Remedy{{"nginx", "look for limit_req and limit_conn, and for the reason in its error log"}}},
		{Text: "The server is overloaded, starting or stopping", Certainty: rules.Possible, Fix: append(backOff(), upstreamUp()...)},
	},
})

// haproxyError is the mark of an error that HAProxy wrote: two headers beside the length, and
// neither Server nor Date.
func haproxyError(v *View) string {
	p := v.Response
	if p.Has("Server") || p.Has("Date") || !v.has(rules.InResponse, "Cache-Control", "no-cache") || !v.has(rules.InResponse, "Content-Type", "text/html") {
		return ""
	}
	return "Cache-Control: no-cache, Content-Type: text/html and no Server"
}

func upstreamUp() []Remedy {
	return []Remedy{{"", "start the server that the proxy forwards to, and look at its address, its port and its health check"}}
}

var _ = register(Kind{
	ID: "rejected-500", Family: Rejected, Stages: Answered, Over: EveryVersion,
	Title: "The server fails at a valid handshake with 500 or 501",
	Why: `The handler ran and failed. In Go the usual reason is middleware: a wrapped ResponseWriter
for logs, metrics or compression has no Hijack method, and the WebSocket library cannot take over the
connection.`,
	Refs: mayReject(), See: rejects(500, 501),
	Causes: []Cause{
		{Text: "Middleware hides http.Hijacker from gorilla/websocket", Certainty: rules.Likely, Mark: status(500, gorilla), Fix: hijacker()},
		{Text: "Middleware hides http.Hijacker from coder/websocket", Certainty: rules.Likely, Mark: status(501, goError), Fix: hijacker()},
		{Text: "The ASGI application raised an exception before it accepted the connection", Certainty: rules.Likely,
			Mark: either(asgi, uvicornError), Fix: advice("look for the traceback in the log of the server")},
		{Text: "The application raised an error", Certainty: rules.Possible, Fix: advice("look for the error in the log of the application, at the time of the request")},
	},
})

// uvicornError is the mark of the 500 that uvicorn writes itself, without Server and Date.
func uvicornError(v *View) string {
	p := v.Response
	if length, _ := p.Value("Content-Length"); length != "21" || p.Has("Server") || p.Has("Date") || !p.HasOption("close") || !v.has(rules.InResponse, "Content-Type", "text/plain") {
		return ""
	}
	return "Connection: close, Content-Type: text/plain, Content-Length: 21 and no Date"
}

func hijacker() []Remedy {
	return []Remedy{{"Go", `give the wrapper Unwrap() http.ResponseWriter or Hijack(), or leave the WebSocket path out of the middleware (logging, metrics, gzip, http.TimeoutHandler)`}}
}

var _ = register(Kind{
	ID: "rejected-502", Family: Rejected, Stages: Answered, Over: EveryVersion,
	Title: "A proxy answers a valid handshake with 502 or 504",
	Why: `The proxy after Interlock got no usable answer from its server: nothing listens there, the
server closed the connection, speaks TLS or another protocol, or did not answer in time. Go and Caddy
also answer 502 if the 101 lacks Upgrade or Connection.`,
	Refs: append(mayReject(), rules.Ref{RFC: "9110", Section: "15.6.3", Text: "a 502 says that a proxy got an invalid response"}),
	See:  rejects(502, 504),
	Causes: []Cause{
		{Text: "nginx could not reach its backend, or got no HTTP from it: the error log says which", Certainty: rules.Likely, Mark: status(502, after("nginx")), Fix: upstreamOf("nginx")},
		{Text: "The backend of nginx did not answer within proxy_read_timeout", Certainty: rules.Likely, Mark: status(504, after("nginx")), Fix: upstreamOf("nginx")},
		{Text: "The target closed the connection, or its answer is no valid 101", Certainty: rules.Likely, Mark: status(502, server("awselb")), Fix: upstreamUp()},
		{Text: "The target did not answer in time", Certainty: rules.Likely, Mark: status(504, server("awselb")), Fix: upstreamUp()},
		{Text: "Caddy could not reach its backend, or the 101 lacks Connection: Upgrade", Certainty: rules.Likely, Mark: after("Caddy"), Fix: append(upstreamUp(), keep101()[2])},
		{Text: "HAProxy got no valid response in time", Certainty: rules.Likely, Mark: haproxyError, Fix: upstreamOf("HAProxy")},
		{Text: "Cloudflare got no valid response from the origin", Certainty: rules.Likely, Mark: server("cloudflare"), Fix: upstreamUp()},
		{Text: "Go's ReverseProxy could not reach its backend, or the 101 lacks Upgrade or Connection", Certainty: rules.Likely, Mark: goProxy, Fix: append(upstreamUp(), keep101()[2])},
		{Text: "The proxy that answered could not reach its server, or got no HTTP from it", Certainty: rules.Possible, Fix: upstreamUp()},
	},
})

// goProxy is the mark of a 502 of Go's httputil.ReverseProxy: it has no body, and no header but Date
// and the length.
func goProxy(v *View) string {
	if v.Status() != 502 || len(v.Response.Fields) > 3 || !v.Response.Has("Date") || noBody(v) == "" || v.Response.Has("Server") {
		return ""
	}
	return "Date, an empty body and no Server"
}

func upstreamOf(product string) []Remedy {
	fix := upstreamUp()
	switch product {
	case "nginx":
		return append(fix, Remedy{"nginx", `look for connect() failed, upstream prematurely closed or upstream sent no valid HTTP/1.0 header in error.log; TLS: proxy_pass https://`})
	case "HAProxy":
		return append(fix, Remedy{"HAProxy", `look at the termination state in its log: SC-- no connection, SH-- no valid headers, sH-- no answer in time`})
	}
	return fix
}

var _ = register(Kind{
	ID: "rejected-52x", Family: Rejected, Stages: Answered, Over: EveryVersion,
	Title: "Cloudflare answers a valid handshake with a status of its own",
	Why: `Cloudflare uses 520 to 530 for what went wrong between itself and the origin. The request
never got an answer from the service.`,
	Refs: mayReject(),
	See: func(v *View) string {
		if said := cloudflareStatus(v.Status()); said != "" && v.Valid() {
			return fmt.Sprintf("%s: %s", v.rejection(), said)
		}
		return ""
	},
	Causes: []Cause{
		{Text: "The origin behind Cloudflare is the reason", Certainty: rules.Certain, Mark: either(server("cloudflare"), got("CF-Ray", "")), Fix: origin52x()},
		{Text: "A proxy uses the statuses of Cloudflare", Certainty: rules.Possible, Fix: origin52x()},
	},
})

func origin52x() []Remedy {
	return []Remedy{
		{"", "521 and 522: start the origin and let its firewall accept the addresses of Cloudflare"},
		{"", "525 and 526: give the origin a valid certificate, or set the encryption mode that it supports"},
		{"", "520: the 101 of the origin is invalid or too large; 524: the origin did not answer in time"},
	}
}

// cloudflareStatus says what Cloudflare means by a status; empty if it is not one of its own.
func cloudflareStatus(code int) string {
	switch code {
	case 520:
		return "the origin sent something unexpected"
	case 521:
		return "the origin refused the connection"
	case 522:
		return "the connection to the origin timed out"
	case 523:
		return "the origin cannot be reached"
	case 524:
		return "the origin did not answer in time"
	case 525:
		return "the TLS handshake with the origin failed"
	case 526:
		return "the certificate of the origin is not valid"
	case 530:
		return "the origin has no address"
	}
	return ""
}
