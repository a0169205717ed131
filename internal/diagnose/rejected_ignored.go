package diagnose

import "github.com/interlock-proxy/interlock/rules"

// ignored reports whether a valid handshake got a 2xx: the server did not notice that it was one.
func (v *View) ignored() bool { return v.Status() >= 200 && v.Status() < 300 && v.Valid() }

var _ = register(Kind{
	ID: "page-instead", Family: Rejected, Stages: Answered, Covers: []string{"ignored-upgrade"},
	Title: "The server answers a valid handshake with a web page",
	Why: `A 200 with HTML means that the handshake was served like a page: the path fell through to
the index.html of a single-page application, or a proxy between Interlock and the server did not
forward the upgrade. The browser reports only that the connection failed.`,
	Refs: mayReject(),
	See: func(v *View) string {
		if !v.ignored() || !v.has(rules.InResponse, "Content-Type", "html") {
			return ""
		}
		return v.rejection() + " and a web page, " + v.got("Content-Type")
	},
	Causes: []Cause{
		{Text: "nginx serves the page for this path: try_files, or a location without the upgrade headers", Certainty: rules.Likely, Mark: after("nginx"),
			Fix: append(only(mount(), "nginx"), only(forwardUpgrades(), "nginx")...)},
		{Text: "Next.js serves the page for this path: its server has no WebSocket", Certainty: rules.Likely, Mark: got("X-Powered-By", "next.js"),
			Fix: []Remedy{{"Next.js", "run a custom server that attaches a WebSocket server, or another process for it; vercel.com functions keep no WebSocket open"}}},
		{Text: "Express serves the page for this path: no WebSocket server is attached to the HTTP server that listens", Certainty: rules.Likely, Mark: got("X-Powered-By", "express"),
			Fix: only(mount(), "Express", "npm ws")},
		{Text: "The path falls through to the page of an application, or a proxy between Interlock and the server does not forward upgrades", Certainty: rules.Possible, Mark: afterAny,
			Fix: append(mount(), usual(forwardUpgrades())...)},
		{Text: "The path falls through to the page of an application", Certainty: rules.Possible, Fix: mount()},
	},
})

var _ = register(Kind{
	ID: "api-instead", Family: Rejected, Stages: Answered, Covers: []string{"ignored-upgrade"},
	Title: "The server answers a valid handshake with data",
	Why: `A 200 with JSON or plain text means that an HTTP handler took the handshake for an ordinary
request: the long-polling transport of Socket.IO, a negotiate endpoint, or an API at the same path.`,
	Refs: mayReject(),
	See: func(v *View) string {
		if !v.ignored() || !v.has(rules.InResponse, "Content-Type", "json") && !(v.has(rules.InResponse, "Content-Type", "text/plain") && v.polls()) {
			return ""
		}
		return v.rejection() + " and data, " + v.got("Content-Type")
	},
	Causes: []Cause{
		{Text: "The query asks for long-polling", Certainty: rules.Certain, Mark: path("transport=polling"), Fix: []Remedy{{"Socket.IO", "a handshake has transport=websocket in its query"}}},
		{Text: "The Socket.IO server serves long-polling only: its transports do not include websocket, or a proxy between does not forward upgrades", Certainty: rules.Likely,
			Mark: when((*View).polls, "a Socket.IO path"),
			Fix: append([]Remedy{
				{"Socket.IO", `transports: ["polling", "websocket"]`},
				{"Python", "async_mode eventlet, gevent or asgi; for threading: pip install simple-websocket"},
			}, usual(forwardUpgrades())...)},
		{Text: "The path is that of the negotiation, not of the hub", Certainty: rules.Likely, Mark: path("/negotiate"), Fix: []Remedy{{"SignalR", "connect to the URL of the hub, with the id that negotiate returned"}}},
		{Text: "An HTTP API has this path", Certainty: rules.Possible, Fix: mount()},
	},
})

// polls reports whether the path is one of Socket.IO.
func (v *View) polls() bool { return v.at("/socket.io/") || v.at("/engine.io/") }

var _ = register(Kind{
	ID: "ignored-upgrade", Family: Rejected, Stages: Answered,
	Title: "The server ignores a valid handshake and answers it like an ordinary request",
	Why: `A server may ignore Upgrade. For a WebSocket handshake that means: the server has no
WebSocket at this path, or it never saw the offer, because a proxy between Interlock and the server
removed it.`,
	Refs: append(mayReject(), rules.Ref{RFC: "9110", Section: "7.8", Text: "a server may ignore Upgrade"}),
	See: func(v *View) string {
		if !v.ignored() {
			return ""
		}
		return v.rejection()
	},
	Causes: []Cause{
		{Text: "A forward proxy after Interlock takes the request for a CONNECT", Certainty: rules.Likely, Mark: got("Proxy-Agent", ""), Fix: connectThrough()},
		{Text: "The proxy between Interlock and the server does not forward upgrades", Certainty: rules.Possible, Mark: afterAny, Fix: usual(forwardUpgrades())},
		{Text: "The server has no WebSocket at this path", Certainty: rules.Possible, Fix: mount()},
	},
})

func connectThrough() []Remedy {
	return advice("tunnel through forward proxies with CONNECT: wss://, or a client that always does")
}
