package diagnose

import (
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Kind{
	ID: "closed-unanswered", Family: Rejected, Stages: Unanswered, Over: EveryVersion,
	Title: "The server closes the connection without an answer to a valid handshake",
	Why: `The server read the handshake and closed. Node.js servers do that for a path that none of
their upgrade handlers serves, TLS servers for plain HTTP, and TCP load balancers if no server is
behind them.`,
	Refs: []rules.Ref{{RFC: "6455", Section: "4.2.2", Text: "a server that does not accept the connection answers with an HTTP error"}},
	See: func(v *View) string {
		if v.X.Outcome != wire.Closed || len(v.X.Noise) > 0 || !v.Valid() {
			return ""
		}
		switch v.X.Cause {
		case wire.CauseServer:
			return "The server closed the connection without an answer to the valid handshake for " + v.target()
		case wire.CauseServerReset:
			return "The server reset the connection without an answer to the valid handshake for " + v.target()
		}
		return ""
	},
	Causes: []Cause{
		{Text: "Socket.IO closes connections to paths other than its own", Certainty: rules.Possible, Mark: path("EIO="), Fix: only(mount(), "Socket.IO")},
		{Text: "The backend expects TLS at this port, or its process fails at the request", Certainty: rules.Possible,
			Mark: when(func(v *View) bool { return v.X.Cause == wire.CauseServerReset }, "connection reset"), Fix: append(useTLS(), crashed()...)},
		{Text: "No upgrade handler of the server has this path, or a proxy such as http-proxy or a TCP load balancer cannot reach its server", Certainty: rules.Possible, Fix: append(mount(), crashed()...)},
	},
})

func crashed() []Remedy { return advice("look for an exception at that time in the log of the server") }

var _ = register(Kind{
	ID: "unanswered", Family: Rejected, Stages: Unanswered, Over: EveryVersion, Rules: []string{"UPGRADE-HANG"},
	Title: "The server does not answer a valid handshake",
	Why: `The request arrived, and nothing came back. In Node.js a handshake that no upgrade handler
takes stays open for ever, and so does one that http-proxy cannot deliver, as no
handler takes its error. Servers with a thread for each connection hang when all are busy.`,
	Refs: []rules.Ref{{RFC: "6455", Section: "4.2.2", Text: "a server accepts the handshake or answers with an HTTP error"}},
	See: func(v *View) string {
		if v.X.Outcome != wire.Silent || !v.Valid() {
			return ""
		}
		return "The server has not answered the valid handshake for " + v.target()
	},
	Causes: []Cause{{Text: "No upgrade handler of the server takes this path, its backend is dead, or all its workers are busy", Certainty: rules.Possible, Fix: []Remedy{
		{"Node.js", `server.on("upgrade", (req, socket) => { if (req.url !== "/ws") { socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"); } })`},
		{"Node http-proxy", `proxy.on("error", (err, req, socket) => socket.destroy())`},
		{"gunicorn", "a worker class that speaks WebSocket (uvicorn.workers.UvicornWorker, gevent), not sync"},
	}}},
})

var _ = register(Kind{
	ID: "backend-unreachable", Family: Rejected, Stages: Unanswered,
	Title: "Interlock cannot reach the backend",
	Why: `The answer came from Interlock itself, since the connection to the backend failed or took too
long. The backend never saw the request.`,
	Refs: []rules.Ref{{RFC: "9110", Section: "15.6.3", Text: "a proxy that gets no valid response answers 502, or 504 if it took too long"}},
	See: func(v *View) string {
		switch {
		case v.X.Outcome != wire.Local || !v.Request.Has("Upgrade"):
		case v.X.Cause == wire.CauseDial:
			return "Interlock could not connect to the backend " + rules.Quote(v.X.Backend) + " and answered 502 itself"
		case v.X.Cause == wire.CauseDialTimeout:
			return "Interlock got no connection to the backend " + rules.Quote(v.X.Backend) + " in time and answered 504 itself"
		}
		return ""
	},
	Causes: []Cause{
		{Text: "A firewall drops the packets, or the address is wrong", Certainty: rules.Likely, Mark: when(func(v *View) bool { return v.X.Cause == wire.CauseDialTimeout }, "no answer to the connection attempt"),
			Fix: reachBackend()},
		{Text: "Nothing listens there, or the name does not resolve; the log has the error", Certainty: rules.Possible, Fix: reachBackend()},
	},
})

func reachBackend() []Remedy {
	return []Remedy{
		{"", "start the backend, and check the address with interlock why URL"},
		{"Docker", "inside a container localhost is the container: use the name of the service, or host.docker.internal"},
		{"Interlock", "--backend http://HOST:PORT"},
	}
}

var _ = register(Kind{
	ID: "answered-by-interlock", Family: Rejected, Stages: Unanswered,
	Title: "Interlock itself rejects the request",
	Why: `The guard, the scope, a limit or a loop kept the request or its answer from passing. The
backend is not the reason.`,
	Refs: []rules.Ref{{RFC: "9110", Section: "3.7", Text: "a proxy may reject requests by its own rules"}},
	See: func(v *View) string {
		if v.X.Outcome != wire.Local || !v.Request.Has("Upgrade") {
			return ""
		}
		switch v.X.Cause {
		case wire.CauseBlocked:
			return "Interlock's guard did not let the request pass"
		case wire.CauseScope:
			return "Interlock may not connect to where the request leads"
		case wire.CauseLimit:
			return "Interlock has reached a limit and rejected the connection"
		case wire.CauseLoop:
			return "The connection comes from Interlock itself: its backend leads back to it"
		}
		return ""
	},
	Causes: []Cause{
		{Text: "The guard rejects what is unsafe to forward", Certainty: rules.Certain, Mark: causedBy(wire.CauseBlocked), Fix: []Remedy{{"Interlock", "fix the finding, or guard: off for this route"}}},
		{Text: "No route or host of the configuration has this target", Certainty: rules.Certain, Mark: causedBy(wire.CauseScope), Fix: []Remedy{{"Interlock", "routes and unrouted for the reverse listener, forward.hosts for the forward listener"}}},
		{Text: "The backend's address is that of Interlock", Certainty: rules.Certain, Mark: causedBy(wire.CauseLoop), Fix: []Remedy{{"Interlock", "--backend must be the server behind Interlock, not Interlock's own address"}}},
		{Text: "The process has no file descriptor left", Certainty: rules.Possible, Fix: []Remedy{{"Interlock", "raise LimitNOFILE= of the unit, or ulimit -n"}}},
	},
})

// causedBy is the mark of an exchange that ended for that cause.
func causedBy(cause wire.Cause) mark {
	return when(func(v *View) bool { return v.X.Cause == cause }, "cause "+string(cause))
}
