package diagnose

import (
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
)

// rejects is the observation of a valid handshake that gets one of the statuses.
func rejects(statuses ...int) func(*View) string {
	return func(v *View) string {
		for _, s := range statuses {
			if v.Status() == s && v.Valid() {
				return v.rejection()
			}
		}
		return ""
	}
}

// rejection says how a valid handshake was answered.
func (v *View) rejection() string {
	return fmt.Sprintf("The server answered the valid handshake for %s with %d", v.target(), v.Status())
}

// mayReject are the references for a server that rejects a handshake.
func mayReject() []rules.Ref {
	return []rules.Ref{
		{RFC: "6455", Section: "4.2.2", Text: "a server that does not accept the connection answers with an HTTP error"},
		{RFC: "6455", Section: "4.1", Text: "a client handles any status but 101 as in HTTP; browsers fail the connection with code 1006"},
	}
}

// aborted is the mark of npm ws, which writes a rejection itself: three headers, and none of those
// that Node.js adds to a response.
func aborted(length string) mark {
	return func(v *View) string {
		p := v.Response
		n, _ := p.Value("Content-Length")
		if n != length || p.Has("Date") || p.Has("Server") || !p.HasOption("close") || !v.has(rules.InResponse, "Content-Type", "text/html") {
			return ""
		}
		return "Connection: close, Content-Type: text/html, Content-Length: " + length + " and no Date"
	}
}

// goError is the mark of http.Error in Go.
func goError(v *View) string {
	if v.has(rules.InResponse, "X-Content-Type-Options", "nosniff") && v.has(rules.InResponse, "Content-Type", "text/plain; charset=utf-8") {
		return "X-Content-Type-Options: nosniff with Content-Type: text/plain"
	}
	return ""
}

// gorilla is the mark of an error of gorilla/websocket, which names its version in each.
func gorilla(v *View) string { return all(got("Sec-WebSocket-Version", "13"), goError)(v) }

var _ = register(Kind{
	ID: "rejected-400", Family: Rejected, Stages: Answered,
	Title: "The server rejects a valid handshake with 400",
	Why: `Nothing is wrong with the request as Interlock saw it. Servers answer 400 for reasons of
their own: the path is not the one that their WebSocket server is mounted at, they compare
Connection as one string and fail on Firefox, the session is unknown, or a proxy between Interlock
and the server removed a part of the handshake.`,
	Refs: mayReject(), Rules: []string{"UPGRADE-WS-VER-CONTRADICT"}, See: rejects(400),
	Causes: []Cause{
		{Text: "npm ws got a handshake for another path than its own", Certainty: rules.Likely, Mark: aborted("11"), Fix: only(mount(), "npm ws", "")},
		{Text: "The server is Socket.IO 3 or later (python-socketio 5), and the client speaks the protocol of version 2", Certainty: rules.Likely, Mark: all(path("/socket.io/"), path("EIO=3")),
			Fix: allowOldClients()},
		{Text: "python-socketio does not accept pages of this origin", Certainty: rules.Likely, Mark: all(path("/socket.io/", "/engine.io/"), otherSite), Fix: only(allowOrigin(), "Socket.IO")},
		{Text: "gorilla/websocket misses a header that Interlock saw: a proxy between them removed it", Certainty: rules.Likely, Mark: gorilla, Fix: usual(forwardUpgrades())},
		{Text: "The server compares Connection as one string; Firefox sends keep-alive, Upgrade", Certainty: rules.Possible, Mark: manyOptions, Fix: listOfOptions()},
		{Text: "IIS answers so without its WebSocket Protocol feature", Certainty: rules.Possible, Mark: server("microsoft-iis"), Fix: only(forwardUpgrades(), "IIS")},
		{Text: "nginx between Interlock and the server does not forward upgrades, or this is its HTTPS port", Certainty: rules.Possible, Mark: after("nginx"),
			Fix: only(forwardUpgrades(), "nginx")},
		{Text: "The proxy between Interlock and the server does not forward upgrades", Certainty: rules.Possible, Mark: afterAny, Fix: usual(forwardUpgrades())},
		{Text: "The path is not the one of the WebSocket server, or the server checks Origin, Host or a session", Certainty: rules.Possible, Fix: mount()},
	},
})

// allowOldClients is how Socket.IO is told to serve clients of version 2.
func allowOldClients() []Remedy {
	return []Remedy{{"Socket.IO", "update the client, or new Server(httpServer, { allowEIO3: true }); Python: python-socketio 4 for clients of version 2"}}
}

// listOfOptions is how Connection is read.
func listOfOptions() []Remedy {
	return []Remedy{{"", "split Connection at commas and compare each element with upgrade without regard to case; do not compare the whole value"}}
}

var _ = register(Kind{
	ID: "socketio-session", Family: Rejected, Stages: Answered, Covers: []string{"rejected-400"},
	Title: "Socket.IO rejects a handshake that continues a session",
	Why: `A Socket.IO client begins with HTTP long-polling, gets a session ID, and then upgrades with
that ID in the query. Sessions live in the memory of one server process. If the load balancer sends
the upgrade to another process, that one answers 400 "Session ID unknown", and the client stays with
polling or reconnects for ever.`,
	Refs: mayReject(),
	See: func(v *View) string {
		if v.Status() != 400 || !v.at("sid=") || !v.at("/socket.io/") && !v.at("/engine.io/") && !v.at("EIO=") || !v.Valid() {
			return ""
		}
		return v.rejection() + "; the query has a session ID"
	},
	Causes: []Cause{
		{Text: "This process does not know the session: the load balancer has no session affinity", Certainty: rules.Likely,
			Mark: either(aborted("18"), when((*View).sessionUnknown, "Session ID unknown")), Fix: affinity()},
		{Text: "The session began at another process, since the load balancer has no session affinity, or it has timed out", Certainty: rules.Possible, Fix: affinity()},
	},
})

// sessionUnknown reports whether the body of the response, where it is kept, is that of Engine.IO.
func (v *View) sessionUnknown() bool { return contained(v.X.Content, "Session ID unknown") }

var _ = register(Kind{
	ID: "tls-port", Family: Rejected, Stages: Answered | Unanswered | Switched, Covers: []string{"rejected-400", "bytes-before-response", "closed-unanswered"},
	Title: "The backend speaks TLS at this port, and the request is plain HTTP",
	Why: `Interlock, or the proxy that it stands in for, connects without TLS to a port that expects
it. Go answers 400 with HTTP/1.0 and no headers, nginx and Apache a page, others a TLS alert.`,
	Refs:  []rules.Ref{{RFC: "8446", Section: "6", Text: "a TLS server reports an unexpected message in an alert"}},
	Rules: []string{"UPGRADE-RESP-UNREADABLE"},
	See: func(v *View) string {
		p := v.Response
		switch noise := v.X.Noise; {
		case len(noise) > 2 && noise[0] == 0x15 && noise[1] == 3:
			return "The backend answered the plain HTTP request with a TLS alert"
		case p == nil || p.Status != 400:
			return ""
		case p.Version == "HTTP/1.0" && len(p.Fields) == 0:
			return "The backend answered with HTTP/1.0 400 and no headers, as Go's HTTPS server answers plain HTTP"
		case contained(v.X.Content, "plain HTTP request was sent to HTTPS port"), contained(v.X.Content, "speaking plain HTTP to an SSL-enabled"),
			contained(v.X.Content, "HTTP request to an HTTPS server"), contained(v.X.Content, "requires TLS"):
			return "The backend's 400 says that this is its HTTPS port"
		}
		return ""
	},
	Causes: []Cause{
		{Text: "The scheme or the port of the backend is wrong", Certainty: rules.Certain, Mark: when(func(v *View) bool { return len(v.X.Noise) > 0 }, "TLS alert"), Fix: useTLS()},
		{Text: "The scheme or the port of the backend is wrong", Certainty: rules.Likely, Mark: when(func(v *View) bool { return v.Response != nil }, "400 for plain HTTP"), Fix: useTLS()},
		{Text: "The scheme or the port of the backend is wrong", Certainty: rules.Possible, Fix: useTLS()},
	},
})

func useTLS() []Remedy {
	return []Remedy{
		{"Interlock", "--backend https://HOST:PORT, or the port of plain HTTP"},
		{"nginx", "proxy_pass https://backend;"},
		{"HAProxy", "server app 10.0.0.7:8443 ssl verify required ca-file ..."},
	}
}
