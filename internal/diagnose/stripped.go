package diagnose

import (
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Kind{
	ID: "stripped-upgrade", Family: Stripped, Stages: Answered | Unanswered | Switched,
	Title: "The request has the Sec-WebSocket headers of a handshake, but no Upgrade header",
	Why: `Every WebSocket client sends Upgrade and Connection beside Sec-WebSocket-Key and
Sec-WebSocket-Version. Upgrade and Connection are for one hop only: a proxy that is not told to
forward upgrades removes them and passes the others on. The server then sees an ordinary GET and
answers with 400, 404, 426 or a page.`,
	Refs: []rules.Ref{
		{RFC: "9110", Section: "7.6.1", Text: "a proxy removes Connection and the headers it lists, Upgrade among them"},
		{RFC: "6455", Section: "4.1", Text: "a handshake has Upgrade, Connection, Sec-WebSocket-Key and Sec-WebSocket-Version"},
	},
	Rules:  []string{"UPGRADE-WS-KEY-STRAY", "UPGRADE-426-BODY", "UPGRADE-CONN-DANGLING", "UPGRADE-HOP-LEAK", "UPGRADE-HTTP10"},
	Covers: []string{"connection-without-upgrade", "http10-426", "plain-to-websocket"},
	See: func(v *View) string {
		q := v.Request
		if q.Has("Upgrade") || q.Method != "GET" || !q.Has("Sec-WebSocket-Key") || !q.Has("Sec-WebSocket-Version") || !v.Whole() {
			return ""
		}
		if q.HasOption("upgrade") {
			return "The handshake reached Interlock without its Upgrade header; Connection still lists it"
		}
		return "The handshake reached Interlock without its Upgrade and Connection headers; the Sec-WebSocket headers are still there"
	},
	Causes: removed(),
})

// removed are the causes of a request that lost headers before they reached Interlock: each proxy that names
// itself, any other, and one that leaves no trace.
func removed() []Cause {
	fix := forwardUpgrades()
	causes := append(named("%s in front of Interlock does not forward the upgrade", before, fix, "Nginx Proxy Manager"), Cause{
		Text: "nginx in front of Interlock does not forward the upgrade", Certainty: rules.Likely,
		Mark: when((*View).nginxDefaults, "HTTP/1.0 with Connection: close, as nginx sends it by default"), Fix: only(fix, "nginx"),
	})
	causes = append(causes, named("%s in front of Interlock does not forward the upgrade", before, fix, "Apache", "ingress-nginx", "Envoy", "Traefik", "Caddy", "Varnish", "Squid", "Cloudflare", "CloudFront", "AWS ALB")...)
	return append(causes,
		Cause{Text: "The proxy in front of Interlock does not forward the upgrade", Certainty: rules.Likely, Mark: beforeAny, Fix: usual(fix)},
		Cause{Text: "A proxy that leaves no trace in the request does not forward the upgrade, or the client is not a WebSocket client", Certainty: rules.Possible, Fix: usual(fix)},
	)
}

var _ = register(Kind{
	ID: "replaced-connection", Family: Stripped, Stages: Answered | Unanswered | Switched,
	Title: "The handshake has Upgrade and the Sec-WebSocket headers, but Connection does not list upgrade",
	Why: `WebSocket clients send Connection: Upgrade, and Firefox keep-alive, Upgrade. A proxy that
is told to forward Upgrade and not Connection puts its own value there, close or keep-alive. Upgrade
counts only if Connection lists it, so the server must ignore the offer.`,
	Refs: []rules.Ref{
		{RFC: "9110", Section: "7.8", Text: "the sender of Upgrade also sends the upgrade option in Connection"},
		{RFC: "6455", Section: "4.1", Text: "the Connection header of a handshake contains Upgrade"},
	},
	Rules: []string{"UPGRADE-MISSING-CONN", "UPGRADE-HOP-LEAK", "UPGRADE-CONN-CLOSE"},
	See: func(v *View) string {
		q := v.Request
		if !q.Offers("websocket") || q.HasOption("upgrade") || !q.Has("Sec-WebSocket-Key") || !q.Has("Sec-WebSocket-Version") || !v.Whole() {
			return ""
		}
		if _, malformed := q.ConnectionOptions(); len(malformed) > 0 || browser(v) == "" && beforeAny(v) == "" {
			return ""
		}
		if !q.Has("Connection") {
			return "The handshake reached Interlock without its Connection header; Upgrade is still there"
		}
		return "The handshake reached Interlock with " + v.sent("Connection") + " in place of Connection: Upgrade"
	},
	Causes: []Cause{
		{Text: "nginx in front of Interlock sets Upgrade and not Connection, and then sends Connection: close", Certainty: rules.Likely,
			Mark: sent("Connection", "close"), Fix: only(forwardUpgrades(), "nginx")},
		{Text: "A proxy in front of Interlock replaced Connection: it adds headers of its own", Certainty: rules.Likely, Mark: beforeAny, Fix: usual(forwardUpgrades())},
		{Text: "A proxy in front of Interlock replaced Connection: browsers always send Upgrade in it", Certainty: rules.Likely, Mark: browser, Fix: usual(forwardUpgrades())},
		{Text: "A proxy in front of Interlock replaced Connection", Certainty: rules.Possible, Fix: usual(forwardUpgrades())},
	},
})

var _ = register(Kind{
	ID: "stripped-key", Family: Stripped, Stages: Answered | Unanswered | Switched,
	Title: "The handshake has Upgrade: websocket, but no Sec-WebSocket headers",
	Why: `Every WebSocket client sends Sec-WebSocket-Key and Sec-WebSocket-Version. A CDN or a
firewall that forwards only the headers on its list drops them, and no server can complete such a
handshake.`,
	Refs:  []rules.Ref{{RFC: "6455", Section: "4.2.1", Text: "a server requires Sec-WebSocket-Key and Sec-WebSocket-Version"}},
	Rules: []string{"UPGRADE-WS-KEY-MISSING", "UPGRADE-WS-VER-MISSING", "UPGRADE-WS-ORIGIN-MISSING"},
	See: func(v *View) string {
		q := v.Request
		if !q.Offers("websocket") || !q.HasOption("upgrade") || q.Method != "GET" || !v.Whole() || q.Has("Sec-WebSocket-Key") || q.Has("Sec-WebSocket-Version") {
			return ""
		}
		if q.Has("Sec-WebSocket-Key1") || browser(v) == "" && beforeAny(v) == "" {
			return ""
		}
		return "The handshake reached Interlock without Sec-WebSocket-Key and Sec-WebSocket-Version; Upgrade is still there"
	},
	Causes: []Cause{
		{Text: "CloudFront in front of Interlock does not forward them", Certainty: rules.Likely, Mark: before("CloudFront"), Fix: only(forwardUpgrades(), "CloudFront")},
		{Text: "A proxy in front of Interlock removed them: browsers always send them", Certainty: rules.Likely, Mark: browser, Fix: allowHeaders()},
		{Text: "A proxy in front of Interlock removed them, or adds Upgrade to every request", Certainty: rules.Possible, Fix: allowHeaders()},
	},
})

func allowHeaders() []Remedy {
	return []Remedy{
		only(forwardUpgrades(), "CloudFront")[0],
		{"", "forward Sec-WebSocket-Key, Sec-WebSocket-Version, Sec-WebSocket-Protocol and Sec-WebSocket-Extensions; set Upgrade only where the client sent it"},
	}
}

var _ = register(Kind{
	ID: "downgraded-http10", Family: Stripped, Stages: Answered | Unanswered | Switched,
	Title: "The upgrade request arrives as HTTP/1.0",
	Why: `Upgrade exists since HTTP/1.1, and a server must ignore it in HTTP/1.0. Clients send
HTTP/1.1. nginx before 1.29.7 speaks HTTP/1.0 to its backend unless proxy_http_version says
otherwise, so that the two lines that set Upgrade and Connection are not enough.`,
	Refs:   []rules.Ref{{RFC: "9110", Section: "7.8", Text: "a server ignores Upgrade in an HTTP/1.0 request"}},
	Rules:  []string{"UPGRADE-HTTP10"},
	Covers: []string{"http10-426"},
	See: func(v *View) string {
		q := v.Request
		if q.Version != "HTTP/1.0" || !q.Has("Upgrade") || !q.HasOption("upgrade") || browser(v) == "" && beforeAny(v) == "" {
			return ""
		}
		return "The upgrade request reached Interlock as HTTP/1.0"
	},
	Causes: []Cause{
		{Text: "nginx in front of Interlock speaks HTTP/1.0 to its backend", Certainty: rules.Likely, Mark: either(beforeAny, browser), Fix: http11()},
		{Text: "A proxy in front of Interlock speaks HTTP/1.0 to its backend", Certainty: rules.Possible, Fix: http11()},
	},
})

func http11() []Remedy {
	return []Remedy{{"nginx", "proxy_http_version 1.1; beside the lines that set Upgrade and Connection (the default since 1.29.7)"}}
}

var _ = register(Kind{
	ID: "lost-host", Family: Stripped, Stages: Answered | Unanswered | Switched,
	Title: "The handshake has no Host header, and a proxy forwarded it",
	Why: `Every client names the host. In HTTP/2 and HTTP/3 the name is in :authority, and a proxy
that copies the Host header of such a request to an HTTP/1.1 backend copies nothing: in nginx
$http_host may be empty for HTTP/3. A server must answer 400 to HTTP/1.1 without Host.`,
	Refs:  []rules.Ref{{RFC: "9112", Section: "3.2", Text: "a server answers 400 to an HTTP/1.1 request without Host"}},
	Rules: []string{"UPGRADE-HOST-MISSING", "UPGRADE-HOST-EMPTY"},
	See: func(v *View) string {
		q := v.Request
		host, _ := q.Value("Host")
		if host != "" || q.Version != "HTTP/1.1" || !v.Whole() || !q.Has("Upgrade") && !q.Has("Sec-WebSocket-Key") || beforeAny(v) == "" {
			return ""
		}
		return "The handshake reached Interlock without a host name, with " + beforeAny(v)
	},
	Causes: []Cause{
		{Text: "The proxy in front of Interlock copies a Host header that its client did not send, as in HTTP/3", Certainty: rules.Likely, Mark: beforeAny,
			Fix: only(passHost(), "nginx")},
		{Text: "A proxy in front of Interlock removed Host", Certainty: rules.Possible, Fix: passHost()},
	},
})

var _ = register(Kind{
	ID: "connection-without-upgrade", Family: Stripped, Stages: Answered,
	Title: "The rejected request lists upgrade in Connection, but has no Upgrade header",
	Why: `Either a proxy removed Upgrade and left Connection, or it adds Connection: upgrade to every
request, as a widespread nginx recipe does. In the first case the server rejects a request that was
an offer; in the second the request never was one.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "7.6.1", Text: "a proxy removes the headers that Connection lists together with Connection"}},
	Rules: []string{"UPGRADE-CONN-DANGLING"},
	See: func(v *View) string {
		q, s := v.Request, v.Status()
		asked := s == 400 || s == 426 || s == 501 || s >= 502 && s <= 504
		if !asked || q.Has("Upgrade") || !q.HasOption("upgrade") || q.Has("HTTP2-Settings") || !v.Whole() {
			return ""
		}
		return "The request has " + v.sent("Connection") + " and no Upgrade header"
	},
	Causes: []Cause{
		{Text: "The proxy in front of Interlock removed Upgrade, or adds Connection: upgrade to every request", Certainty: rules.Likely, Mark: beforeAny, Fix: forwardOrNot()},
		{Text: "A proxy removed Upgrade, or adds Connection: upgrade to every request", Certainty: rules.Possible, Fix: forwardOrNot()},
	},
})

// forwardOrNot is for a proxy that forwards one half of an offer.
func forwardOrNot() []Remedy { return usual(forwardUpgrades()) }

// rejected reports whether the server did not accept what the request asks for.
func (v *View) rejected() bool {
	return v.Response == nil && v.X.Outcome != wire.Local || v.Status() >= 400
}
