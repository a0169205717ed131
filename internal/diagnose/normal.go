package diagnose

import "github.com/interlock-proxy/interlock/rules"

// offers is the observation of a request that offers a protocol and has something that tells whose
// offer it is.
func offers(protocol string, is mark, text string) func(*View) string {
	return func(v *View) string {
		if !v.Request.Offers(protocol) || is(v) == "" {
			return ""
		}
		return text
	}
}

// itself is the one cause of an offer that is as it should be.
func itself(text string, m mark, fix ...Remedy) []Cause {
	return []Cause{{Text: text, Certainty: rules.Likely, Mark: m, Fix: fix}, {Text: text, Certainty: rules.Possible, Fix: fix}}
}

// allow is how a protocol is made known to Interlock.
func allow(protocol string) Remedy {
	return Remedy{"Interlock", "rules: {protocols: [" + protocol + "]} in the configuration, if it is meant to be spoken here"}
}

var _ = register(Kind{
	ID: "offer-tls-httpclient", Family: Normal, Stages: Answered | Tunnel | Switched | Unanswered,
	Title: "Apache HttpClient offers TLS with an ordinary request",
	Why: `Apache HttpClient 5.4 and later offer an upgrade to TLS (RFC 2817) with every request over
plain HTTP. Servers ignore it, and nothing comes of it. Some proxies reject such requests: Envoy
answers 403 to every upgrade that is not configured.`,
	Refs:  []rules.Ref{{RFC: "2817", Section: "3", Text: "a client may offer TLS with an ordinary request"}},
	Rules: []string{"UPGRADE-TLS-OFFER"},
	See: func(v *View) string {
		if !v.Request.Offers("tls") || v.Request.Method == "OPTIONS" || v.Request.Method == "CONNECT" || v.has(rules.InRequest, "User-Agent", "cups/") {
			return ""
		}
		return "The request offers TLS in Upgrade, as Apache HttpClient does by default"
	},
	Causes: []Cause{
		{Text: "Envoy rejects upgrades that are not configured", Certainty: rules.Likely, Mark: status(403, all(server("envoy"), noBody)),
			Fix: []Remedy{{"Envoy", "ignore_http_11_upgrade: [{prefix: TLS/}] in http_protocol_options (1.34 and later)"}, httpClient()}},
		{Text: "It is harmless", Certainty: rules.Likely, Mark: sent("User-Agent", "apache-httpclient"), Fix: []Remedy{httpClient()}},
		{Text: "A client of another name does the same; it is harmless", Certainty: rules.Possible, Fix: []Remedy{httpClient()}},
	},
})

func httpClient() Remedy {
	return Remedy{"Apache HttpClient", "RequestConfig.custom().setProtocolUpgradeEnabled(false).build()"}
}

var _ = register(Kind{
	ID: "offer-h2c", Family: Normal, Stages: Answered | Tunnel | Switched | Unanswered,
	Title: "An HTTP client offers HTTP/2 with an ordinary request",
	Why: `curl --http2 and Java's HttpClient offer h2c with their first request over plain HTTP. RFC
9113 has withdrawn this upgrade; a server should ignore it. Some servers lose the body of such a
request or answer 400.`,
	Refs:  []rules.Ref{{RFC: "9113", Section: "3.1", Text: "the upgrade token h2c is obsolete"}},
	Rules: []string{"UPGRADE-H2C-OFFER"},
	See: func(v *View) string {
		if !v.Request.Offers("h2c") || !v.Request.Has("HTTP2-Settings") || v.Request.Has("Sec-WebSocket-Key") {
			return ""
		}
		return "The request offers h2c, HTTP/2 without TLS"
	},
	Causes: []Cause{
		{Text: "curl offers it with --http2", Certainty: rules.Likely, Mark: sent("User-Agent", "curl/"), Fix: []Remedy{{"curl", "--http1.1, or --http2-prior-knowledge where the server speaks HTTP/2"}}},
		{Text: "Java's HttpClient offers it by default", Certainty: rules.Likely, Mark: sent("User-Agent", "java-http-client"), Fix: []Remedy{{"Java", "HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)"}}},
		{Text: "The HTTP library offers it by default", Certainty: rules.Possible, Fix: advice("let the client speak HTTP/1.1; in a proxy remove Upgrade and HTTP2-Settings")},
	},
})

var _ = register(Kind{
	ID: "offer-docker", Family: Normal, Stages: Answered | Tunnel | Switched | Unanswered,
	Title: "Docker or Podman takes a connection over",
	Why: `docker attach, exec and build send POST with Upgrade: tcp, or h2c for builds, and then use the
connection for raw streams. The token is not registered and the method is not GET, so rules about
unknown protocols report it; it is how the Docker API works.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "7.8", Text: "Upgrade is not limited to WebSocket, nor to GET"}},
	Rules: []string{"UPGRADE-UNKNOWN", "UPGRADE-BODY", "UPGRADE-H2C-NO-SETTINGS", "UPGRADE-H2C-SWITCHED", "UPGRADE-H2C-OFFER"},
	See: func(v *View) string {
		if v.Request.Method != "POST" || !v.Request.Offers("tcp") && !v.Request.Offers("h2c") || docker(v) == "" || v.Request.Has("HTTP2-Settings") {
			return ""
		}
		return "The request is one of the Docker API, with " + v.sent("Upgrade")
	},
	Causes: itself("It is as it should be", docker, allow("tcp"), Remedy{"nginx", `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_buffering off;`}),
})

// docker is the mark of a request of the Docker API.
func docker(v *View) string {
	if ua := v.field(rules.InRequest, "User-Agent", "docker"); ua != "" {
		return ua
	}
	return path("/attach", "/exec/", "/session", "/grpc", "/libpod/")(v)
}

var _ = register(Kind{
	ID: "offer-kubectl", Family: Normal, Stages: Answered | Tunnel | Switched | Unanswered,
	Title: "kubectl takes a connection over",
	Why: `kubectl exec, attach, cp and port-forward upgrade to SPDY/3.1 or, since 1.31, to WebSocket
with the subprotocols v5.channel.k8s.io and SPDY/3.1+portforward.k8s.io. SPDY is not registered and
the method is POST; it is how the Kubernetes API works.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "7.8", Text: "Upgrade is not limited to WebSocket, nor to GET"}},
	Rules: []string{"UPGRADE-UNKNOWN", "UPGRADE-BODY"},
	See: func(v *View) string {
		if !v.Request.Offers("spdy") {
			return ""
		}
		return "The request offers " + v.sent("Upgrade") + ", as kubectl does"
	},
	Causes: itself("It is as it should be", either(sent("User-Agent", "kubectl"), sent("X-Stream-Protocol-Version", "")), allow("SPDY/3.1"),
		Remedy{"Envoy", "upgrade_configs: [{upgrade_type: spdy/3.1}, {upgrade_type: websocket}]"}),
})

var _ = register(Kind{
	ID: "offer-rdg", Family: Normal, Stages: Answered | Tunnel | Switched | Unanswered,
	Title: "A Remote Desktop client opens its gateway connection",
	Why: `The Remote Desktop Gateway protocol (MS-TSGU) sends a WebSocket handshake with the method
RDG_OUT_DATA, and the first answer is mostly 401 with NTLM or Negotiate. RFC 6455 requires GET, so
rules report the method; gateways and clients agree on it.`,
	Refs:  []rules.Ref{{RFC: "6455", Section: "4.1", Text: "the method of a handshake is GET"}},
	Rules: []string{"UPGRADE-POST", "UPGRADE-WS-CLEARTEXT"},
	See: func(v *View) string {
		if !v.Request.Offers("websocket") || v.Request.Method != "RDG_OUT_DATA" && v.Request.Method != "RDG_IN_DATA" {
			return ""
		}
		return "The request is a handshake of the Remote Desktop Gateway protocol, with method " + rules.Quote(v.Request.Method)
	},
	Causes: itself("It is as it should be", there("RDG-Connection-Id"), Remedy{"Interlock", "accept the finding for this endpoint"},
		Remedy{"HAProxy, nginx", "pass TLS through to the gateway: proxies that accept only GET reject it"}),
})

var _ = register(Kind{
	ID: "offer-airplay", Family: Normal, Stages: Answered | Tunnel | Switched | Unanswered,
	Title: "An AirPlay sender reverses the roles on a connection",
	Why: `AirPlay sends POST /reverse with Upgrade: PTTH/1.0. After the 101 the receiver sends HTTP
requests to the sender on the same connection, so HTTP after the 101 is intended.`,
	Refs:   []rules.Ref{{RFC: "9110", Section: "7.8", Text: "the protocol after a 101 may be any that both sides know"}},
	Rules:  []string{"UPGRADE-UNKNOWN", "UPGRADE-101-NOT-SWITCHED", "UPGRADE-101-TRAFFIC-HTTP", "UPGRADE-BODY"},
	Covers: []string{"response-after-101", "requests-after-101"},
	See:    offers("ptth", func(*View) string { return "ptth" }, "The request offers PTTH/1.0: HTTP with the roles reversed, as AirPlay uses it"),
	Causes: itself("It is as it should be", either(sent("X-Apple-Purpose", ""), sent("X-Apple-Session-ID", ""), sent("User-Agent", "airplay"), path("/reverse")), allow("PTTH/1.0")),
})

var _ = register(Kind{
	ID: "offer-ipp", Family: Normal, Stages: Answered | Tunnel | Switched | Unanswered,
	Title: "A print client upgrades its connection to TLS",
	Why: `CUPS sends OPTIONS * with Upgrade: TLS to a printer at port 631 (RFC 2817, RFC 8010) and starts
the TLS handshake after the 101. If it closes the connection at once, it wanted to know only whether
the printer can do it, or it does not trust the certificate.`,
	Refs:  []rules.Ref{{RFC: "2817", Section: "3.2", Text: "a client that needs TLS asks with OPTIONS"}},
	Rules: []string{"UPGRADE-TLS-OFFER", "UPGRADE-TLS-SWITCHED", "UPGRADE-TLS-NO-HELLO", "UPGRADE-TLS-STACK", "UPGRADE-TARGET-FORM"},
	See: func(v *View) string {
		if !v.Request.Offers("tls") || v.Request.Method != "OPTIONS" && !v.has(rules.InRequest, "User-Agent", "cups/") {
			return ""
		}
		if f := v.Ruling.Find("UPGRADE-TLS-NO-HELLO"); f != nil && f.Verdict < rules.Unclear && v.X.After.ClientBytes == 0 {
			return "The client asked for TLS, as print clients do, got a 101, and closed the connection without a TLS handshake"
		}
		return "The client asks for TLS on a connection that began in plain text, as print clients do"
	},
	Causes: itself("It is as it should be; printers behind ipps:// do without it", sent("User-Agent", "ipp"), Remedy{"CUPS", "use ipps://printer:631/ or Encryption Required in client.conf"}, Remedy{"Interlock", "accept the finding for this endpoint"}),
})

var _ = register(Kind{
	ID: "offer-tailscale", Family: Normal, Stages: Answered | Tunnel | Switched | Unanswered,
	Title: "A Tailscale client connects to its control server or to a relay",
	Why: `Tailscale upgrades POST /ts2021 to tailscale-control-protocol and GET /derp to DERP. The
tokens are not registered; both ends know them.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "7.8", Text: "the protocol after a 101 may be any that both sides know"}},
	Rules: []string{"UPGRADE-UNKNOWN", "UPGRADE-BODY"},
	See: func(v *View) string {
		if !v.Request.Offers("tailscale-control-protocol") && !v.Request.Offers("derp") {
			return ""
		}
		return "The request offers " + v.sent("Upgrade") + ", as Tailscale does"
	},
	Causes: itself("It is as it should be", either(there("X-Tailscale-Handshake"), path("/derp")), allow("tailscale-control-protocol, DERP"),
		Remedy{"Apache", "ProxyPass / http://headscale:8080/ upgrade=any"}),
})

var _ = register(Kind{
	ID: "advert-h2", Family: Normal, Stages: Answered,
	Title: "The server advertises HTTP/2 in an ordinary response",
	Why: `Apache httpd with mod_http2 sends Upgrade: h2,h2c with its responses. HTTP/1.1 clients ignore
it. A proxy that copies it into an HTTP/2 response breaks Safari and other strict clients.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "7.8", Text: "a server may advertise protocols in Upgrade"}, {RFC: "9113", Section: "8.2.2", Text: "HTTP/2 messages have no Upgrade header"}},
	Rules: []string{"UPGRADE-ADVERT-H2C"},
	See: func(v *View) string {
		if v.Request.Has("Upgrade") || v.Status() >= 400 || !v.Response.Offers("h2") && !v.Response.Offers("h2c") {
			return ""
		}
		return "The response advertises " + v.got("Upgrade")
	},
	Causes: []Cause{
		{Text: "Apache advertises HTTP/2", Certainty: rules.Likely, Mark: server("apache"), Fix: hideAdvert()},
		{Text: "The server advertises HTTP/2, as Apache does", Certainty: rules.Possible, Fix: hideAdvert()},
	},
})

func hideAdvert() []Remedy {
	return []Remedy{{"Apache", "H2Upgrade off, or Protocols http/1.1"}, {"nginx", "proxy_hide_header Upgrade; outside of WebSocket locations"}}
}

var _ = register(Kind{
	ID: "negotiate-steps", Family: Normal, Stages: Answered, Covers: []string{"rejected-401"},
	Title: "NTLM or Negotiate takes several requests on one connection",
	Why: `The server answers 401 once or twice before it accepts: the client repeats the handshake on
the same connection with a new Authorization each time. Nothing is wrong if a 101 follows. A proxy
that uses another connection for each request breaks it.`,
	Refs: []rules.Ref{{RFC: "4559", Section: "4.1", Text: "a client repeats the request with its token"}},
	See: func(v *View) string {
		challenge := either(got("WWW-Authenticate", "ntlm"), got("WWW-Authenticate", "negotiate"))(v)
		if v.Status() != 401 || !v.Request.Offers("websocket") || challenge == "" {
			return ""
		}
		if v.Request.Has("Authorization") {
			return "A step of NTLM or Negotiate: the server answered 401 to a handshake with Authorization"
		}
		return "The first step of NTLM or Negotiate: the server answered 401 and " + challenge
	},
	Causes: []Cause{{Text: "The next handshake on this connection brings the token", Certainty: rules.Possible, Fix: []Remedy{
		{"nginx", "upstream { keepalive 16; ntlm; } is part of NGINX Plus only: pass TLS through otherwise"}, {"HAProxy", "http-reuse never"}}}},
})

var _ = register(Kind{
	ID: "connection-upgrade-always", Family: Normal, Stages: Answered,
	Title: "An ordinary request lists upgrade in Connection",
	Why: `The request offers nothing and was answered as usual. A widespread nginx recipe sets
Connection "upgrade" for every request. It is harmless, but keeps connections to the backend from
being reused.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "7.6.1", Text: "the options in Connection name headers of the same message"}},
	Rules: []string{"UPGRADE-CONN-DANGLING"},
	See: func(v *View) string {
		q := v.Request
		if q.Has("Upgrade") || !q.HasOption("upgrade") || q.Has("Sec-WebSocket-Key") || v.Status() >= 400 || !v.Whole() {
			return ""
		}
		return "The request has " + v.sent("Connection") + " and no Upgrade header, and was answered as usual"
	},
	Causes: itself(`A proxy sets Connection: upgrade for every request`, beforeAny, only(forwardUpgrades(), "nginx")...),
})
