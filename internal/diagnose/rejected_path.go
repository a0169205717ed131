package diagnose

import (
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
)

var _ = register(Kind{
	ID: "rejected-404", Family: Rejected, Stages: Answered, Over: EveryVersion,
	Title: "The server rejects a valid handshake with 404",
	Why: `The server knows no such path, or knows it only in requests of another kind: Express answers
a handshake as any GET if no WebSocket server is attached, Rails answers 404 to an Origin that it
does not accept, and SignalR to a connection ID of another server.`,
	Refs: mayReject(), See: rejects(404),
	Causes: []Cause{
		{Text: "SignalR does not know the connection ID: the load balancer has no session affinity", Certainty: rules.Likely, Mark: signalR,
			Fix: append([]Remedy{{"SignalR", "skipNegotiation: true with transport: WebSockets in the client needs no affinity"}}, only(affinity(), "nginx", "ingress-nginx", "AWS ALB", "HAProxy")...)},
		{Text: "Action Cable does not accept the Origin", Certainty: rules.Likely, Mark: all(path("/cable"), sent("Origin", "")), Fix: originFix("Rails")},
		{Text: "Express answers as for a page: no WebSocket server is attached to the HTTP server that listens, or the path differs", Certainty: rules.Likely,
			Mark: got("X-Powered-By", "express"), Fix: only(mount(), "Express", "npm ws")},
		{Text: "No route of Envoy has this host and path", Certainty: rules.Likely, Mark: all(server("envoy"), noBody, notFromUpstream),
			Fix: []Remedy{{"Envoy", "a route whose match has this path in a virtual host whose domains have this host"}}},
		{Text: "No rule of the load balancer has this path", Certainty: rules.Likely, Mark: server("awselb"), Fix: []Remedy{{"AWS ALB", "a listener rule with this path that forwards to the target group"}}},
		{Text: "A Go server, or Traefik, has no route for this path", Certainty: rules.Likely, Mark: all(goError, got("Content-Length", "19")),
			Fix: []Remedy{{"Go", `http.HandleFunc("/ws", ...): the pattern must have this path`}, {"Traefik", "a router whose rule has this host and path, on this entry point"}}},
		{Text: "The Python server has no route for this path", Certainty: rules.Likely, Mark: either(server("aiohttp/"), server("tornadoserver"), server("werkzeug")),
			Fix: []Remedy{{"aiohttp", `app.router.add_get("/ws", handler) with this path`}, {"Tornado", `(r"/ws", Handler) with this path`}, {"Flask", "flask-sock or Flask-SocketIO for the path; a route alone speaks HTTP only"}}},
		{Text: "nginx has no location with proxy_pass for this path, or its backend has no such path", Certainty: rules.Possible, Mark: after("nginx"), Fix: only(mount(), "nginx", "")},
		{Text: "The path is not the one of the WebSocket server", Certainty: rules.Possible, Fix: mount()},
	},
})

// signalR is the mark of a handshake of SignalR, which has a connection ID in its query.
func signalR(v *View) string {
	if v.at("?id=") && (v.at("hub") || v.at("signalr") || v.at("_blazor")) {
		return "path " + v.target()
	}
	return ""
}

var _ = register(Kind{
	ID: "rejected-405", Family: Rejected, Stages: Answered,
	Title: "The server rejects a valid handshake with 405",
	Why: `A handshake is a GET. A 405 says that the path exists for other methods only: it belongs to
an ordinary API, not to a WebSocket server.`,
	Refs: append(mayReject(), rules.Ref{RFC: "9110", Section: "15.5.6", Text: "a 405 lists the methods of the path in Allow"}),
	See: func(v *View) string {
		if v.Status() != 405 || !v.Valid() {
			return ""
		}
		if v.Response.Has("Allow") {
			return v.rejection() + " and " + v.got("Allow")
		}
		return v.rejection()
	},
	Causes: []Cause{
		{Text: "The path belongs to an HTTP endpoint for other methods", Certainty: rules.Likely, Mark: otherMethods, Fix: mount()},
		{Text: "The path belongs to an HTTP endpoint for other methods, or a firewall allows no upgrades", Certainty: rules.Possible, Fix: mount()},
	},
})

// otherMethods is the mark of a 405 whose Allow lists methods, and GET is not one of them.
func otherMethods(v *View) string {
	if v.Response == nil || names(&v.Response.Head, "Allow", "GET") {
		return ""
	}
	if allow, ok := v.Response.Value("Allow"); !ok || allow == "" {
		return ""
	}
	return v.got("Allow")
}

var _ = register(Kind{
	ID: "rejected-otherwise", Family: Rejected, Stages: Answered,
	Title: "The server rejects a valid handshake with a less usual status",
	Why: `Servers answer 410 and 421 if the host or the path belongs elsewhere, 413, 414 and 431 if the
request is too large, which cookies make it, and others by a rule of their own.`,
	Refs: mayReject(),
	See: func(v *View) string {
		if v.Status() < 400 || !v.Valid() || cloudflareStatus(v.Status()) != "" {
			return ""
		}
		switch v.Status() {
		case 400, 401, 403, 404, 405, 407, 426, 429, 500, 501, 502, 503, 504:
			return ""
		}
		return v.rejection()
	},
	Causes: []Cause{
		{Text: "The headers are too large: cookies, or a token", Certainty: rules.Likely, Mark: status(431, when(func(*View) bool { return true }, "status 431")),
			Fix: []Remedy{{"nginx", "large_client_header_buffers 4 32k;"}, {"Node.js", "node --max-http-header-size=32768"}, {"", "give the WebSocket a host or a path of its own, so that fewer cookies are sent"}}},
		{Text: "The host or the path belongs to another server", Certainty: rules.Likely, Mark: either(status(421, there("Host")), status(410, there("Host"))), Fix: passHost()},
		{Text: "A rule of the server or of a proxy in front of it", Certainty: rules.Possible, Fix: firewall()},
	},
})

var _ = register(Kind{
	ID: "rejected-426", Family: Rejected, Stages: Answered,
	Title: "The server answers a valid handshake with 426",
	Why: `A 426 asks for an upgrade to what its Upgrade header names. If that is websocket, the server
asks for what it was just offered: it did not see the offer, because a proxy after Interlock removed
it or because it compares Connection as one string. If it is TLS, the server wants https.`,
	Refs:  append(mayReject(), rules.Ref{RFC: "9110", Section: "15.5.22", Text: "a 426 names the required protocol in Upgrade"}),
	Rules: []string{"UPGRADE-426-SELF", "UPGRADE-426-NO-UPGRADE"},
	See: func(v *View) string {
		if v.Status() != 426 || !v.Valid() {
			return ""
		}
		if v.Response.Has("Upgrade") {
			return fmt.Sprintf("%s, which asks for %s", v.rejection(), v.got("Upgrade"))
		}
		return v.rejection() + ", which does not say what it asks for"
	},
	Causes: []Cause{
		{Text: "The server wants TLS", Certainty: rules.Certain, Mark: got("Upgrade", "tls/"), Fix: []Remedy{{"", "use wss://, and https:// for the backend"}}},
		{Text: "The server speaks HTTP/2 only, as gRPC servers do", Certainty: rules.Likely, Mark: either(got("Upgrade", "h2c"), got("Upgrade", "http/2")),
			Fix: advice("this port serves no WebSocket: use another port, or a gRPC client")},
		{Text: "The server speaks another version of WebSocket", Certainty: rules.Likely, Mark: otherVersion, Fix: advice("update the WebSocket library of the server: version 13 is RFC 6455")},
		{Text: "nginx between Interlock and the server removed the offer", Certainty: rules.Likely, Mark: after("nginx"), Fix: only(forwardUpgrades(), "nginx")},
		{Text: "The proxy between Interlock and the server removed the offer", Certainty: rules.Likely, Mark: afterAny, Fix: usual(forwardUpgrades())},
		{Text: "The server compares Connection as one string; Firefox sends keep-alive, Upgrade", Certainty: rules.Likely, Mark: manyOptions, Fix: listOfOptions()},
		{Text: "A proxy between Interlock and the server removed the offer, or the path is that of another server", Certainty: rules.Possible, Fix: usual(forwardUpgrades())},
	},
})

// otherVersion is the mark of a response that lists versions of WebSocket, but not 13.
func otherVersion(v *View) string {
	if !v.Response.Has("Sec-WebSocket-Version") || v.has(rules.InResponse, "Sec-WebSocket-Version", "13") {
		return ""
	}
	return v.got("Sec-WebSocket-Version")
}

var _ = register(Kind{
	ID: "http10-426", Family: Rejected, Stages: Answered,
	Title: "The server answers an HTTP/1.0 request with 426",
	Why: `Envoy, and with it Istio, accepts no HTTP/1.0 and answers 426 Upgrade Required: it means the
version of HTTP, not WebSocket. nginx in front speaks HTTP/1.0 to its backend unless it is told
otherwise.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "15.5.22", Text: "a 426 may ask for a later version of HTTP"}},
	Rules: []string{"UPGRADE-426-NO-UPGRADE", "UPGRADE-426-BODY"},
	See: func(v *View) string {
		if v.Status() != 426 || v.Request.Version != "HTTP/1.0" {
			return ""
		}
		return "The server answered an HTTP/1.0 request with 426"
	},
	Causes: []Cause{
		{Text: "Envoy does not accept HTTP/1.0, which nginx speaks by default", Certainty: rules.Likely, Mark: server("envoy"), Fix: http11()},
		{Text: "The server requires HTTP/1.1", Certainty: rules.Possible, Fix: http11()},
	},
})

var _ = register(Kind{
	ID: "plain-to-websocket", Family: Rejected, Stages: Answered,
	Title: "An ordinary request reached a server that speaks WebSocket only",
	Why: `The request has no header of a handshake, and the server asks for an upgrade to websocket.
Health checks, crawlers and people who open the URL in a browser tab cause this; it is no failure of
a WebSocket client, unless a proxy removed every header of the handshake.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "15.5.22", Text: "a 426 names the required protocol in Upgrade"}},
	Rules: []string{"UPGRADE-426-BODY"},
	See: func(v *View) string {
		q := v.Request
		if v.Status() != 426 || !v.Response.Offers("websocket") || q.Has("Upgrade") || q.Has("Sec-WebSocket-Key") || q.HasOption("upgrade") || !v.Whole() {
			return ""
		}
		return "An ordinary request for " + v.target() + " was answered with 426 and " + v.got("Upgrade")
	},
	Causes: []Cause{
		{Text: "It is a health check", Certainty: rules.Likely, Mark: either(sent("User-Agent", "kube-probe"), sent("User-Agent", "healthcheck"), sent("User-Agent", "googlehc"), sent("User-Agent", "health check")),
			Fix: advice("let the check use a path of its own, or a TCP check; or let it accept 426")},
		{Text: "A health check, a crawler or a browser tab asked for the URL", Certainty: rules.Possible, Fix: advice("give health checks a path of their own; connect with a WebSocket client")},
	},
})
