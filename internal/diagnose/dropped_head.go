package diagnose

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Kind{
	ID: "other-protocol", Family: Dropped, Stages: Switched,
	Title: "The 101 switches to a protocol that the client did not offer",
	Why: `A client that offered websocket gets a 101 to something else and closes the connection. The
server reacts to any Upgrade header, or the request went to another service.`,
	Refs:   failing("a client fails the connection if Upgrade in the 101 is not websocket"),
	Rules:  []string{"UPGRADE-101-NOT-OFFERED", "UPGRADE-WS-101-TOKEN", "UPGRADE-UNKNOWN"},
	Covers: []string{"wrong-accept", "stripped-101"},
	See: func(v *View) string {
		if !v.Request.Offers("websocket") || v.lacksResponse() || !v.Response.Has("Upgrade") {
			return ""
		}
		for _, chosen := range v.Response.Protocols() {
			if v.Request.Offers(chosen.Name) {
				return ""
			}
		}
		return "The client offers " + v.sent("Upgrade") + ", and the 101 has " + v.got("Upgrade")
	},
	Causes: []Cause{{Text: "The server switches without comparing the offer, or the request went to another service", Certainty: rules.Possible,
		Fix: advice("switch only to a protocol that the request offers: compare Upgrade with websocket without regard to case; look at the port of the backend")}},
})

var _ = register(Kind{
	ID: "body-headers-in-101", Family: Dropped, Stages: Switched,
	Title: "The 101 has headers of a body",
	Why: `A 101 has no body. With Content-Length or Transfer-Encoding in it some clients and proxies
wait for one, take the first frames for it, or fail: .NET and nginx drop the connection. Frameworks
add Content-Length: 0 to every response unless they are told not to.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "8.6", Text: "a server sends no Content-Length with a 1xx"}, {RFC: "9112", Section: "6.1", Text: "a server sends no Transfer-Encoding with a 1xx"}},
	Rules: []string{"UPGRADE-101-CL", "UPGRADE-101-TE"},
	See: func(v *View) string {
		if !v.found("UPGRADE-101-CL", "UPGRADE-101-TE") {
			return ""
		}
		if v.Response.Has("Transfer-Encoding") {
			return "The 101 has " + v.got("Transfer-Encoding")
		}
		return "The 101 has " + v.got("Content-Length")
	},
	Causes: []Cause{{Text: "The framework of the server, or a proxy after Interlock, adds it to every response", Certainty: rules.Possible,
		Fix: advice("skip status 101 where the header is added; update the WebSocket library")}},
})

var _ = register(Kind{
	ID: "101-version", Family: Dropped, Stages: Switched,
	Title: "The 101 is not labelled HTTP/1.1",
	Why: `Upgrade exists in HTTP/1.1 only. Browsers and Go do not take a 101 that says HTTP/1.0, and
HTTP/2 has no 101.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "15.2", Text: "a server sends no 1xx to an HTTP/1.0 client"}, {RFC: "9113", Section: "8.6", Text: "HTTP/2 has no 101"}},
	Rules: []string{"UPGRADE-101-HTTP10", "UPGRADE-101-HTTP2"},
	See: func(v *View) string {
		if v.Response.Version == "HTTP/1.1" || !v.found("UPGRADE-101-HTTP10", "UPGRADE-101-HTTP2") {
			return ""
		}
		return "The 101 says " + rules.Quote(v.Response.Version) + " in place of HTTP/1.1"
	},
	Causes: []Cause{{Text: "The server writes the status line itself, or a proxy after Interlock rewrites it", Certainty: rules.Possible,
		Fix: []Remedy{{"", "write HTTP/1.1 101 Switching Protocols"}, {"nginx", "proxy_http_version 1.1;"}, {"Python http.server", `protocol_version = "HTTP/1.1" in the handler`}}}},
})

var _ = register(Kind{
	ID: "101-malformed", Family: Dropped, Stages: Switched | Tunnel,
	Title: "The headers of the 101 are malformed",
	Why: `Clients differ in what they forgive. Those that wait for CRLF hang at lines that end in LF
alone, until their time limit; Node.js and Go reject a head with white space before a colon.`,
	Refs:   []rules.Ref{{RFC: "9112", Section: "2.2", Text: "every line ends in CRLF"}, {RFC: "9112", Section: "5.1", Text: "no white space stands between a name and its colon"}},
	Rules:  []string{"UPGRADE-BARE-LF", "UPGRADE-SPACE-COLON", "UPGRADE-RESP-CTL", "UPGRADE-RESP-FIELD-NAME", "UPGRADE-RESP-OBS-FOLD", "UPGRADE-RESP-CUT-OFF", "UPGRADE-101-NO-UPGRADE", "UPGRADE-101-MISSING-CONN"},
	Covers: []string{"stripped-101"},
	See: func(v *View) string {
		var seen []string
		for _, f := range v.Response.Flaws {
			what := malformed(f.Kind)
			if what != "" && !slices.Contains(seen, what) {
				seen = append(seen, what)
			}
		}
		if len(seen) == 0 || v.lacksResponse() {
			return ""
		}
		return "In the head of the 101 " + strings.Join(seen, ", and ")
	},
	Causes: []Cause{{Text: "The server writes the response itself, with line ends or names of its own", Certainty: rules.Likely, Mark: without(rules.InResponse, "Server"), Fix: writeHead()},
		{Text: "The server or a proxy after Interlock writes malformed headers", Certainty: rules.Possible, Fix: writeHead()}},
})

// malformed says what is wrong with the lines of a head; it is empty for other flaws.
func malformed(k wire.FlawKind) string {
	switch k {
	case wire.FlawBareLF:
		return "a line ends in LF alone"
	case wire.FlawBareCR:
		return "a CR stands within a line"
	case wire.FlawSpaceBeforeColon:
		return "white space precedes a colon"
	case wire.FlawObsFold, wire.FlawLeadingSpace:
		return "a line begins with white space"
	case wire.FlawNoColon:
		return "a line has no colon"
	case wire.FlawFieldName:
		return "the name of a header is invalid"
	case wire.FlawControl:
		return "a value has a control character"
	}
	return ""
}

func writeHead() []Remedy {
	return advice(`end every line with \r\n and the head with \r\n\r\n, and put the colon directly after the name; better: use a WebSocket library`)
}
