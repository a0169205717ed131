package rules

import (
	"bytes"
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-PLAIN-CONNECT", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: High}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends only :method and :authority in a CONNECT without :protocol, and a server that is not a proxy rejects it",
	Problem: Problems{
		Switched: "Server accepted a CONNECT without :protocol to %s",
		Refused:  "Client sent a CONNECT without :protocol that %s",
	},
	Label: "CONNECT without :protocol",
	Refs: []Ref{
		{"9113", "8.5", "a CONNECT has :method and :authority, which is a host and a port, and neither :scheme nor :path"},
		{"8441", "4", ":protocol changes the meaning of CONNECT; without it the request asks for a connection to the authority"},
		{"9110", "9.3.6", "CONNECT is for proxies; a server that is not one rejects it"},
	},
	Why: `The request asks for a connection to any host and port. A server that takes it for a
WebSocket opens a tunnel that no one has asked for, and a gateway that forwards it makes itself or the
server behind it an open proxy.`,
	Fix: `Answer 405 or 501 to a CONNECT without :protocol, or reset the stream with
	PROTOCOL_ERROR if it has :scheme or :path.`,
	When: func(c *Case) bool {
		return c.X.Request.Method == "CONNECT" && !c.X.Request.Has(":protocol") && !c.headCut
	},
	Judge: func(c *Case) Result {
		if c.status()/100 == 2 {
			return c.result(Fail).by(Server).rated(High)
		}
		return refuseUnless(c, plainFault(c) == "")
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.inRequest(":method", ":scheme", ":authority", ":path")
		if c.status()/100 == 2 {
			return varies(Problems{Refused: c.rule.Problem.Switched}, at, requestValues(c, ":authority"))
		}
		return seen(at, plainFault(c))
	},
	Probes: []Probe{{
		ID: "UPGRADE-H2-CONNECT-NOPROTO", Class: Refuse400, Want: wantReset, Control: HTTP2Plain, Label: "Extended CONNECT without :protocol",
		Edit: Edits(Extended(), NoField(":protocol")),
	}, malformed2("UPGRADE-H2-PROTO-REGULAR", "Header protocol in place of :protocol", NoField(":protocol"), FieldAlso("protocol", "websocket"))},
})

// plainFault says what is wrong with the pseudo-headers of a CONNECT without :protocol; empty if nothing
// is.
func plainFault(c *Case) string {
	h := &c.X.Request.Head
	for _, name := range [...]string{":scheme", ":path"} {
		if h.Has(name) {
			return "has " + name
		}
	}
	authority := first(h, ":authority")
	if colon := bytes.LastIndexByte(authority, ':'); colon <= 0 || colon == len(authority)-1 || !isHost(authority) {
		return "names no host and port in :authority"
	}
	return ""
}

var _ = register(Rule{
	ID: "UPGRADE-H2-MALFORMED-ANSWER", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server rejects a malformed request in HTTP/2",
	Problem: Problems{
		Refused: "Server %s a malformed request in HTTP/2, in which %s",
	},
	Label: "Malformed request not rejected",
	Refs: []Ref{
		{"9113", "8.1.1", "a malformed request is a stream error; a server may answer it with an error status first"},
	},
	Why: `The server read something in the request that the next hop reads differently, or not
at all: that is how requests are smuggled. A request that is never answered holds a stream of the
connection until a timeout.`,
	Fix: `Reset the stream with PROTOCOL_ERROR, or answer 400.`,
	When: func(c *Case) bool {
		accepted := c.status()/100 == 2 && (c.X.Request.Has(":protocol") || c.X.Request.Method == "CONNECT") // other rules say that
		return !c.headCut && !c.switched && !accepted && malformation(c) != "" && (c.X.Response != nil || c.X.Outcome == wire.Silent || c.X.Outcome == wire.Reset)
	},
	Judge: func(c *Case) Result {
		return c.passIf(c.status() >= 400 || c.X.Response == nil && c.X.Outcome != wire.Silent)
	},
	Show: func(c *Case, _ Result) Shown {
		did := "did not answer"
		if c.X.Response != nil {
			did = "answered " + strconv.Itoa(c.status()) + " to"
		}
		return seen(c.inRequest(append([]string{"Upgrade", "TE"}, connectionFields...)...), did, malformation(c))
	},
})

// malformation says why a request in HTTP/2 is malformed; empty if it is not.
func malformation(c *Case) string {
	switch q := c.X.Request; {
	case q.Has("Upgrade"):
		return "there is an Upgrade header"
	case connectionField(c) != "":
		return "there is the header " + connectionField(c)
	case extended(c) && pseudoFault(c) != "":
		return pseudoFault(c)
	case q.Method == "CONNECT" && !q.Has(":protocol") && plainFault(c) != "":
		return "a CONNECT without :protocol " + plainFault(c)
	case q.Method != "CONNECT" && q.Has(":protocol"):
		return ":protocol comes with the method " + quote(q.Method)
	}
	if fault := fieldFault(&c.X.Request.Head); fault.what != "" {
		return "there is " + fault.what
	}
	return ""
}
