package diagnose

import "github.com/interlock-proxy/interlock/rules"

var _ = register(Kind{
	ID: "rejected-401", Family: Rejected, Stages: Answered, Over: EveryVersion,
	Title: "The server rejects a valid handshake with 401",
	Why: `The endpoint requires credentials. JavaScript in a browser cannot add headers to a
WebSocket handshake: only cookies, the query and the subprotocol can carry them, and a browser does
not ask for a password. A cookie is sent only if it belongs to the host of the ws:// URL and its
SameSite allows it.`,
	Refs: append(mayReject(), rules.Ref{RFC: "9110", Section: "15.5.2", Text: "a 401 names the schemes that are accepted in WWW-Authenticate"}),
	See: func(v *View) string {
		if v.Status() != 401 || !v.Valid() {
			return ""
		}
		if v.Response.Has("WWW-Authenticate") {
			return v.rejection() + " and " + v.got("WWW-Authenticate")
		}
		return v.rejection()
	},
	Causes: []Cause{
		{Text: "verifyClient of npm ws returned false", Certainty: rules.Likely, Mark: aborted("12"), Fix: []Remedy{{"npm ws", "look at what verifyClient checks: often Origin, a cookie or a token in the query"}}},
		{Text: "The browser sent no credentials, and it does not ask for a password for a WebSocket", Certainty: rules.Likely,
			Mark: all(browser, got("WWW-Authenticate", "basic"), anonymousClient), Fix: credentials()},
		{Text: "The browser sent neither a cookie nor Authorization", Certainty: rules.Likely, Mark: all(browser, anonymousClient), Fix: credentials()},
		{Text: "The client sent no credentials", Certainty: rules.Likely, Mark: anonymousClient, Fix: credentials()},
		{Text: "The server does not accept the credentials that the client sent: they have expired, or belong to another host", Certainty: rules.Possible, Fix: credentials()},
	},
})

// anonymousClient is the mark of a request without credentials in its headers, and without a secret
// in its target.
func anonymousClient(v *View) string {
	q := v.Request
	if q.Has("Cookie") || q.Has("Authorization") || q.Has("Sec-WebSocket-Protocol") || !v.Whole() || v.Ruling.Target() != q.Target {
		return ""
	}
	return "neither Cookie nor Authorization"
}

func credentials() []Remedy {
	return []Remedy{
		{"browser", "log in with fetch first, so that the host of the ws:// URL has a cookie; from another site: SameSite=None; Secure"},
		{"", "or exchange the token for a short-lived ticket and send that in the query or in the first message"},
		{"Authelia, oauth2-proxy, forward auth", "let the auth request get the cookies of the upgrade, and exempt no path"},
	}
}

var _ = register(Kind{
	ID: "rejected-407", Family: Rejected, Stages: Answered,
	Title: "A forward proxy rejects the handshake with 407",
	Why: `The answer does not come from the service. A proxy of the client's network wants
credentials, and most WebSocket libraries do not send any unless they are configured to.`,
	Refs: []rules.Ref{{RFC: "9110", Section: "15.5.8", Text: "a 407 comes from a proxy that requires authentication"}},
	See: func(v *View) string {
		if v.Status() != 407 || !v.Request.Offers("websocket") {
			return ""
		}
		if v.Response.Has("Proxy-Authenticate") {
			return v.rejection407() + " and " + v.got("Proxy-Authenticate")
		}
		return v.rejection407()
	},
	Causes: []Cause{{Text: "A forward proxy between Interlock and the server requires credentials", Certainty: rules.Certain,
		Mark: got("Proxy-Authenticate", ""), Fix: proxyCredentials()},
		{Text: "A forward proxy requires credentials, or the server sends the wrong status", Certainty: rules.Possible, Fix: proxyCredentials()}},
})

func (v *View) rejection407() string {
	return "The handshake for " + v.target() + " was answered with 407"
}

func proxyCredentials() []Remedy {
	return []Remedy{
		{"Interlock", "forward.upstream: http://NAME:PASSWORD@proxy.example:3128"},
		{"npm ws", `new WebSocket(url, { agent: new HttpsProxyAgent("http://NAME:PASSWORD@proxy.example:3128") })`},
		{"Go", "Dialer{Proxy: http.ProxyURL(u)} with the credentials in u"},
	}
}

var _ = register(Kind{
	ID: "rejected-403", Family: Rejected, Stages: Answered, Over: EveryVersion,
	Title: "The server rejects a valid handshake with 403",
	Why: `Three things answer 403: a proxy that is not configured to accept upgrades (Envoy), a check
of the Origin header, which tells from which site the page comes, and a firewall or the application
itself. Envoy Gateway also answers so while a backend has no ready endpoint.`,
	Refs: append(mayReject(), rules.Ref{RFC: "6455", Section: "10.2", Text: "a server that does not accept the Origin answers 403"}),
	See:  rejects(403),
	Causes: []Cause{
		{Text: "Envoy has no upgrade_configs for websocket on this route, or the route has no ready endpoint", Certainty: rules.Likely, Mark: all(server("envoy"), noBody, notFromUpstream),
			Fix: only(forwardUpgrades(), "Envoy")},
		{Text: "A challenge of Cloudflare, which only a browser page can pass, stands before the endpoint", Certainty: rules.Likely, Mark: got("CF-Mitigated", ""),
			Fix: []Remedy{{"Cloudflare", "skip the challenge for the path of the WebSocket in Security > WAF > Custom rules"}}},
		{Text: "The firewall of the CDN blocked it", Certainty: rules.Likely, Mark: either(server("akamaighost"), got("X-Iinfo", ""), got("X-Sucuri-ID", "")), Fix: firewall()},
		{Text: "AWS WAF at the load balancer blocked it", Certainty: rules.Likely, Mark: server("awselb"), Fix: firewall()},
		{Text: "API Gateway does not know the stage or the route, or rejects the caller", Certainty: rules.Likely, Mark: got("X-Amzn-Errortype", ""),
			Fix: []Remedy{{"API Gateway", "the URL ends in the stage: wss://ID.execute-api.REGION.amazonaws.com/STAGE; look at the $connect route and its authorizer"}}},
		{Text: "gorilla/websocket does not accept the Origin: CheckOrigin", Certainty: rules.Likely, Mark: gorilla, Fix: originFix("gorilla/websocket")},
		{Text: noASGIRoute, Certainty: rules.Likely, Mark: all(server("websockets/"), noBody), Fix: asgiRoute()},
		{Text: "Python websockets does not accept the Origin", Certainty: rules.Likely, Mark: all(server("websockets/"), sent("Origin", "")), Fix: originFix("Python websockets")},
		{Text: "Tornado does not accept the Origin: check_origin", Certainty: rules.Likely, Mark: server("tornadoserver"), Fix: originFix("Tornado")},
		{Text: noASGIRoute, Certainty: rules.Likely, Mark: asgi, Fix: asgiRoute()},
		{Text: "Phoenix does not accept the Origin: check_origin", Certainty: rules.Likely, Mark: all(server("cowboy"), sent("Origin", "")), Fix: originFix("Phoenix")},
		{Text: "Spring does not accept the Origin", Certainty: rules.Likely, Mark: all(got("Vary", "Access-Control-Request-Method"), sent("Origin", "")), Fix: originFix("Spring")},
		{Text: "ASP.NET Core does not accept the Origin: AllowedOrigins", Certainty: rules.Likely, Mark: all(server("kestrel"), sent("Origin", "")), Fix: originFix("ASP.NET Core")},
		{Text: "Socket.IO's allowRequest rejects the request", Certainty: rules.Likely, Mark: all(path("/socket.io/"), aborted("9")), Fix: only(allowOrigin(), "Socket.IO")},
		{Text: "The server does not accept pages of another origin, or a proxy in front of Interlock changed Host", Certainty: rules.Likely, Mark: otherSite,
			Fix: append(passHost()[:1], allowOrigin()...)},
		{Text: "The server requires an Origin header, which only browsers send by themselves", Certainty: rules.Possible, Mark: without(rules.InRequest, "Origin"),
			Fix: []Remedy{{"wscat", "wscat -c URL -o https://chat.example"}, {"", "send Origin, or let the server accept clients without it"}}},
		{Text: "A firewall or the application rejects the client", Certainty: rules.Possible, Fix: firewall()},
	},
})

// originFix is what to change where a server does not accept an Origin.
func originFix(product string) []Remedy {
	return append(only(allowOrigin(), product), only(passHost(), "nginx")...)
}

func firewall() []Remedy {
	return advice("look for the request in the log of the firewall (WAF, ModSecurity, Cloudflare Security > Events) and in that of the application")
}

// noASGIRoute is why an ASGI server answers 403: uvicorn does so in the name of the library that it
// uses, with an empty body.
const noASGIRoute = "No WebSocket route of the ASGI application has this path, or the application closed the connection before it accepted it"

// asgi is the mark of an ASGI server.
func asgi(v *View) string {
	return either(server("uvicorn"), server("hypercorn"), server("daphne"), server("granian"))(v)
}

func asgiRoute() []Remedy {
	return []Remedy{
		{"FastAPI, Starlette", `@app.websocket("/ws"): the path with every prefix of its routers; await websocket.accept() before anything else`},
		{"Django Channels", `a re_path for it in URLRouter, and AllowedHostsOriginValidator with the host in ALLOWED_HOSTS`},
	}
}

// notFromUpstream is the mark of a response that Envoy wrote itself.
func notFromUpstream(v *View) string {
	if v.Response.Has("X-Envoy-Upstream-Service-Time") {
		return ""
	}
	return "no X-Envoy-Upstream-Service-Time"
}
