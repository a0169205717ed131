package rules

import (
	"github.com/interlock-proxy/interlock/wire/h2"
	"strconv"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-END-STREAM", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client leaves the stream of an extended CONNECT open",
	Problem: Problems{
		Switched: "Server opened a tunnel for an extended CONNECT that ends its stream",
		Refused:  "Client ended the stream with its extended CONNECT",
	},
	Label: "CONNECT with END_STREAM",
	Refs: []Ref{
		{"8441", "5", "the stream carries the WebSocket in both directions"},
		{"9113", "8.5", "END_STREAM is the end of what that side sends in the tunnel"},
	},
	Why: `No frame of the client can ever come, so the server keeps a tunnel that can only end by
a timeout, and thousands of them cost a client nothing.`,
	Fix:   `Answer 400, or reset the stream with PROTOCOL_ERROR.`,
	When:  func(c *Case) bool { return extended(c) && c.X.Stream != nil },
	Judge: func(c *Case) Result { return refuseUnless(c, !c.X.Stream.Client.AtHead) },
	Show:  func(c *Case, _ Result) Shown { return seen(c.inRequest(":method", ":protocol")) },
	Probes: []Probe{
		refused2("UPGRADE-H2-END-STREAM", "Extended CONNECT that ends its stream", Ended(true)),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-EARLY", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: Low, Worst: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends nothing in a tunnel before the server has opened it",
	Problem: Problems{
		Switched: "Client sent %s bytes before the tunnel was open",
		Refused:  "Client sent %s bytes after an extended CONNECT that was then rejected",
	},
	Label: "Early data in a stream",
	Refs: []Ref{
		{"8441", "5", "the handshake is that of RFC 6455, with the pseudo-headers of HTTP/2"},
		{"6455", "4.1", "a client waits for the server's response before it sends data"},
	},
	Why: `A gateway that forwards the bytes to a server with HTTP/1.1 before that has answered
makes a request of them, if the server then rejects the upgrade: a request that no rule has seen.`,
	Fix: `In a client, wait for the 2xx. In a gateway, hold what the client sends until the server
	has answered, and drop it if it did not switch.`,
	When: func(c *Case) bool { return extended(c) && c.X.Response != nil },
	Judge: func(c *Case) Result {
		res := c.passIf(c.X.EarlyBytes == 0 && !continues(c))
		if res.Verdict == Fail && !c.switched && isRequestLine(c.X.Early) {
			return res.rated(Critical)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		if continues(c) && c.X.EarlyBytes == 0 {
			return says("Client sent %s bytes into the stream after the server had answered its extended CONNECT with %s",
				append(c.inRequest(":method", ":protocol"), c.inResponse()...), strconv.FormatInt(c.X.Stream.Client.Late, 10), strconv.Itoa(c.status()))
		}
		return seen(c.inRequest(":method", ":protocol"), strconv.FormatInt(c.X.EarlyBytes, 10))
	},
	Probes: []Probe{
		either2("UPGRADE-H2-EARLY-DATA", "A frame in DATA together with HEADERS", EarlyParts(StreamPart{Kind: h2.Data, Data: Ping})),
		either2("UPGRADE-H2-EARLY-REFUSED", "The same at a path that is not there", FieldTo(":path", func(h *Handshake) string { return h.Canary }),
			EarlyParts(StreamPart{Kind: h2.Data, Data: Ping})),
	},
})

// continues reports whether a client sent content of a tunnel although its extended CONNECT was rejected.
func continues(c *Case) bool { return c.X.Stream != nil && c.X.Stream.Client.Late > 0 }

var _ = register(Rule{
	ID: "UPGRADE-H2-TUNNEL-FRAMES", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends no HEADERS in a tunnel, and neither does a server",
	Problem: Problems{
		Switched: "%s sent HEADERS in the tunnel",
	},
	Label: "HEADERS in a tunnel",
	Refs: []Ref{
		{"9113", "8.5", "other frames on the stream of a CONNECT are a stream error"},
	},
	Why: `A tunnel has no trailers. Some proxies end the whole connection when they come, and
with it the streams of other users.`,
	Fix: `End a tunnel with an empty DATA frame that has END_STREAM, or with RST_STREAM.`,
	When: func(c *Case) bool {
		return extended(c) && c.switched && c.status() != 101 && c.X.Stream != nil && c.X.Complete
	},
	Judge: func(c *Case) Result {
		switch s := c.X.Stream; {
		case s.Client.Heads > 0:
			return c.result(Fail)
		case s.Server.Heads > 0:
			return c.result(Fail).by(Server)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, r Result) Shown {
		return seen(c.inRequest(":method", ":protocol"), partyName(r.Party))
	},
})
