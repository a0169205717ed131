package rules

import (
	"fmt"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// The codes of resets that the rules know (RFC 9113 §7).
const (
	codeNone    h2.Code = 0x0
	codeRefused h2.Code = 0x7
	codeCancel  h2.Code = 0x8
	codeConnect h2.Code = 0xa
)

var _ = register(Rule{
	ID: "UPGRADE-H2-CLOSE", Level: Should, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client or server ends a WebSocket over HTTP/2 by a Close frame and END_STREAM, or by a reset with CANCEL",
	Problem: Problems{
		Switched: "%s %s",
	},
	Label: "Tunnel ended in another manner",
	Refs: []Ref{
		{"8441", "5", "an orderly end of the TCP connection is END_STREAM in HTTP/2, and its reset is RST_STREAM with CANCEL"},
		{"9113", "8.5", "an error of the connection behind a tunnel is RST_STREAM with CONNECT_ERROR"},
	},
	Why: `Browsers report 1006 to the application: the connection broke. Clients log an error or
reconnect, although the WebSocket had come to its end.`,
	Fix: `Send a Close frame, and then END_STREAM. If that is not possible, reset the stream with
	CANCEL.
lighttpd resets the stream of a client that sends END_STREAM with its Close frame.`,
	When: func(c *Case) bool {
		return tunnelOverHTTP2(c) && c.websocket && c.X.After.Ended && !c.X.Stream.Client.AtHead && (c.X.Stream.Client.End != "" || c.X.Stream.Server.End != "")
	},
	Judge: func(c *Case) Result {
		if from, fault := endFault(c); fault != "" {
			return c.result(Fail).by(partyOf(from))
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		from, fault := endFault(c)
		return seen(nil, subjectOf(from), fault)
	},
	Probes: []Probe{tunnel2("UPGRADE-H2-TUN-CLOSE-ES", "Close frame with END_STREAM", "200, then a close frame and END_STREAM, or a reset with CANCEL",
		StreamPart{Kind: h2.Data, Data: closeWith(1000, ""), End: true})},
})

// tunnelOverHTTP2 reports whether an extended CONNECT has opened a tunnel, and not a document.
func tunnelOverHTTP2(c *Case) bool {
	return extended(c) && c.switched && c.status() != 101 && c.X.Stream != nil && c.X.Complete && documentSign(c) == ""
}

// endFault says how one side ended its tunnel against the rules; empty if none did. A side that answers
// a fault of the other one may use any code.
func endFault(c *Case) (from Part, fault string) {
	s := c.X.Stream
	if c.X.Request.Has("Content-Length") {
		return FromServer, "" // the bytes of the tunnel may not add up to it
	}
	for _, each := range [...]struct {
		from       Part
		side, peer *wire.StreamSide
	}{{FromServer, &s.Server, &s.Client}, {FromClient, &s.Client, &s.Server}} {
		if each.side.End == wire.StreamReset && !resetIsOrderly(each.side, each.peer) && each.peer.Heads == 0 && scanFrames(c, peerOf(each.from)).fault() == nil {
			return each.from, "reset the stream of the tunnel with " + each.side.Code.String()
		}
	}
	f := framesOf(c)
	if c.X.After.Frames == nil || !framed13(c) || closes(c) || f.Sides[ws.Client].Lost || f.Sides[ws.Server].Lost {
		return FromServer, ""
	}
	switch {
	case c.X.Cause == wire.CauseClient && s.Client.End == wire.StreamEnded:
		return FromClient, "ended the stream of the tunnel without a Close frame"
	case c.X.Cause == wire.CauseServer && s.Server.End == wire.StreamEnded:
		return FromServer, "ended the stream of the tunnel without a Close frame"
	}
	return FromServer, ""
}

// resetIsOrderly reports whether a tunnel may end by such a reset: by CANCEL, by CONNECT_ERROR, or by
// NO_ERROR once one side has ended the stream.
func resetIsOrderly(side, peer *wire.StreamSide) bool {
	switch side.Code {
	case codeCancel, codeConnect:
		return true
	}
	return side.Code == codeNone && (side.Ended || peer.End != "")
}

var _ = register(Rule{
	ID: "UPGRADE-H2-HALF-CLOSE", Level: Should, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server ends its side of a tunnel after the client has ended its own",
	Problem: Problems{
		Switched: "Server left the tunnel open for %s after the client had ended the stream",
	},
	Label: "END_STREAM not answered",
	Refs: []Ref{
		{"9113", "8.5", "END_STREAM is the end of the TCP connection in that direction, and both sides send it"},
	},
	Why: `The stream stays open, and the connection to the server behind a gateway with it, until a
timeout. A client that opens and ends tunnels uses up the streams of the connection and the connections
of the server.`,
	Fix: `In a gateway, pass on END_STREAM as the end of the TCP connection to the server, and the
	server's end as END_STREAM.
If it cannot, give idle connections to the server a short timeout.`,
	When: func(c *Case) bool {
		if !tunnelOverHTTP2(c) || c.X.Stream.Client.End != wire.StreamEnded {
			return false
		}
		return c.X.Stream.Server.Hangs || c.X.Stream.Server.End != "" || c.brings("UPGRADE-H2-HALF-CLOSE") && c.X.Follow != nil && c.X.Follow.Status != 0
	},
	Judge: func(c *Case) Result {
		if c.own() {
			return c.passIf(c.X.Stream.Server.End != "")
		}
		return c.passIf(!c.X.Stream.Server.Hangs)
	},
	Show: func(c *Case, _ Result) Shown {
		if c.own() {
			return says("Server left the tunnel open after the client had ended the stream", nil)
		}
		return seen(nil, wire.HangsAfter.String())
	},
	Probes: []Probe{tunnel2("UPGRADE-H2-TUN-ES", "END_STREAM without a close frame", "200, then END_STREAM", StreamPart{Kind: h2.Data, End: true})},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-CONNECTION-KILLED", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server that rejects an upgrade or ends a tunnel leaves the other streams of the connection open",
	Problem: Problems{
		Switched: "Server ended the connection %s, %s after the end of a tunnel; other open streams: %s",
		Refused:  "Server ended the connection %s, %s after it rejected a request; other open streams: %s",
	},
	Label: "Connection ended with a stream",
	Refs: []Ref{
		{"9113", "5.4.2", "a stream error ends that stream, and not the connection"},
		{"9113", "8.1.1", "a malformed request is a stream error"},
	},
	Why: `All other requests and WebSockets on the connection are lost with it. Behind a gateway
that shares its connections those are of other users, and one client can end them at will.`,
	Fix: `Reset the stream only, with RST_STREAM. End the connection for faults that are about all
	of it.`,
	When: func(c *Case) bool {
		x := c.X
		if connectionTested(c) {
			return true
		}
		if x.Stream == nil || !x.Final {
			return false
		}
		switch x.Outcome {
		case wire.Refused, wire.Reset:
			return true
		case wire.Switched:
			return x.After.Ended
		case wire.Closed, wire.GoneAway:
			return x.Stream.Killed != nil && malformation(c) != ""
		}
		return false
	},
	Judge: func(c *Case) Result {
		if connectionTested(c) {
			return judgeFollow(c)
		}
		return c.passIf(c.X.Stream.Killed == nil)
	},
	Show: func(c *Case, _ Result) Shown {
		if connectionTested(c) {
			return showFollow(c)
		}
		k := c.X.Stream.Killed
		how := "without GOAWAY"
		switch k.By {
		case wire.KilledGoAway:
			how = "by GOAWAY with " + k.Code.String()
		case wire.KilledReset:
			how = "by a reset"
		}
		text := ""
		switch {
		case c.X.Outcome == wire.Closed, c.X.Outcome == wire.GoneAway:
			text = "Server ended the connection %s, %s after a malformed request; other open streams: %s"
		case c.switched && c.X.Stream.Client.Heads > 0:
			text = "Server ended the connection %s, %s after HEADERS in a tunnel; other open streams: %s"
		}
		return says(text, nil, how, fmt.Sprintf("%d ms", k.Milliseconds), fmt.Sprint(k.Open))
	},
	Probes: pairProbes(),
})

var _ = register(Rule{
	ID: "UPGRADE-H2-REFUSED-STREAM", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server resets a stream with REFUSED_STREAM only if it has not processed the request",
	Problem: Problems{
		Switched: "Server opened the tunnel and then reset the stream with REFUSED_STREAM",
		Refused:  "Server answered with %s and then reset the stream with REFUSED_STREAM",
	},
	Label: "REFUSED_STREAM after an answer",
	Refs: []Ref{
		{"9113", "8.7", "REFUSED_STREAM says that nothing of the request was processed, so that it can be sent again"},
	},
	Why: `Clients repeat the request by themselves: what it caused happens twice.`,
	Fix: `Use CANCEL or INTERNAL_ERROR once any part of the request was processed.`,
	When: func(c *Case) bool {
		s := c.X.Stream
		return s != nil && s.Server.End == wire.StreamReset && s.Server.Code == codeRefused
	},
	Judge: func(c *Case) Result { return c.passIf(c.X.Response == nil && len(c.X.Interim) == 0) },
	Show: func(c *Case, _ Result) Shown {
		switch {
		case c.switched:
			return seen(c.inResponse())
		case c.X.Response != nil:
			return seen(c.inResponse(), fmt.Sprint(c.status()))
		}
		return seen(nil, fmt.Sprint(c.X.Interim[0].Status))
	},
})
