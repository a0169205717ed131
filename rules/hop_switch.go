package rules

import (
	"bytes"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-HOP-101-UNCHECKED", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A proxy forwards a 101 only if it names a protocol that the client has offered",
	Problem: Problems{
		Switched: "Proxy forwarded a 101 that the client did not ask for (offered: %s; in the 101: %s)",
	},
	Label: "Unchecked 101 forwarded by proxy",
	Refs: []Ref{
		{"9110", "7.8", "a server switches only to a protocol in the Upgrade header of the request, and names it in the 101"},
		{"9110", "15.2", "a proxy forwards 1xx responses, unless it asked for them itself"},
		{"6455", "4.1", "it is the client that checks Sec-WebSocket-Accept"},
	},
	Why: `The proxy believes the status alone. If the server, or an attacker who can influence its
response, sends a 101 that no one asked for, the proxy stops reading HTTP on a connection on which
the client goes on with it: what follows passes all checks of paths and logins.`,
	Fix: `Compare the 101 with the offer: the request has Upgrade and Connection: upgrade, and the
	response names one of the protocols. Otherwise answer 502 and close the connection to the server.`,
	When:  func(c *Case) bool { return c.switched && c.farSwitched() && !c.headCut },
	Judge: judgeForwardedSwitch,
	Show: func(c *Case, r Result) Shown {
		at := append(c.inRequest("Connection", "Upgrade"), c.inResponse("Connection", "Upgrade", acceptField)...)
		switch p := c.far().Response; {
		case r.Verdict == Fail && askedFor(c, p):
			return says("Proxy forwarded a 101 (offered: %s; in the 101: %s), and no byte passes", at, named(c.X.Sent().Protocols()), named(p.Protocols()))
		case r.Verdict == Fail:
		case len(p.Protocols()) > 1:
			return says("Proxy forwarded a 101 that names several protocols: %s", at, members(p.Protocols()))
		case !p.HasOption("upgrade"):
			return says("Proxy forwarded a 101 without Connection: upgrade", at)
		case !p.Has(acceptField):
			return says("Proxy forwarded a 101 without Sec-WebSocket-Accept", at)
		default:
			return says("Proxy forwarded a 101 that does not prove the client's key (Sec-WebSocket-Accept: %s)", at, values(&p.Head, acceptField))
		}
		offered := named(c.X.Sent().Protocols())
		if !c.optionSent {
			offered += ", without Connection: upgrade"
		}
		return seen(at, offered, named(c.far().Response.Protocols()))
	},
})

func judgeForwardedSwitch(c *Case) Result {
	p, far := c.far().Response, c.far().Request
	key := first(&far.Head, keyField)
	proof := acceptValue(key)
	several := c.websocket && len(p.Protocols()) > 1
	unproven := c.websocket && len(key) > 0 && !bytes.Equal(first(&p.Head, acceptField), proof[:])
	wrong := !askedFor(c, p)
	switch through := c.throughTunnel(); {
	case wrong && !through && c.optionSent && !c.X.Sent().Has("Upgrade"):
		return c.result(Fail).rated(High) // the client may take it for a tunnel
	case (wrong || several || unproven || !p.HasOption("upgrade")) && !through:
		return c.result(Fail).rated(Medium)
	case wrong:
		return c.result(Fail)
	case several:
		return c.result(Warn).rated(Medium)
	case unproven, !p.HasOption("upgrade"):
		return c.result(Warn).rated(Low)
	}
	return c.result(Pass)
}

// askedFor reports whether a 101 names a protocol that the client offers, and none that it does not.
// A stack that starts with TLS may list HTTP after it.
func askedFor(c *Case, p *wire.Response) bool {
	chosen := p.Protocols()
	if !offers(c.X.Sent()) || len(chosen) == 0 {
		return false
	}
	offered := false
	for i, m := range chosen {
		last := i > 0 && i == len(chosen)-1 && m.Is("HTTP") && chosen[i-1].Is("TLS")
		offered = offered || wasOffered(c, m)
		if !wasOffered(c, m) && !last && !c.websocket {
			return false
		}
	}
	return offered
}

var _ = register(Rule{
	ID: "UPGRADE-HOP-101-INVENTED", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A proxy sends a 101 only after the server has sent one, and as the server wrote it",
	Problem: Problems{
		Switched: "Proxy sent a 101 of its own: %s",
	},
	Label: "101 invented by proxy",
	Refs: []Ref{
		{"9110", "15.2.2", "a 101 says that the server is willing to change the protocol"},
		{"9110", "7.8", "the 101 names the protocol that the server switches to"},
	},
	Why: `The client is in the new protocol and the server is not, or in another one. Whatever the
client writes arrives at a server that still reads HTTP, from a connection that the server trusts
as the proxy's. A 101 that comes before the server's answer promises what may be rejected a moment
later, after the client's first messages.`,
	Fix: `Wait for the server's 101, and forward its Upgrade, Connection and Sec-WebSocket headers
	unchanged.`,
	When: func(c *Case) bool { return c.switched && !overtaken(c) },
	Judge: func(c *Case) Result {
		v, severity, _ := c.inventedSwitch()
		return c.result(v).rated(severity)
	},
	Show: func(c *Case, _ Result) Shown {
		_, _, what := c.inventedSwitch()
		return seen(c.inResponse("Connection", "Upgrade", acceptField), what)
	},
})

// inventedSwitch judges the 101 that the client got by that of the server.
func (c *Case) inventedSwitch() (v Verdict, s Severity, what string) {
	far := c.far()
	switch {
	case far == nil && c.X.Hop.Within != wire.Nowhere:
		return NotApplicable, Info, ""
	case far == nil && !c.websocket:
		return Warn, Info, farAnswer(far)
	case far == nil, far.Response == nil:
		return Warn, Medium, farAnswer(far)
	case !isSwitch(far) && !c.websocket && !far.Request.Has("Upgrade"):
		return Warn, Info, farAnswer(far) // the proxy is the server of that protocol
	case !isSwitch(far):
		return Fail, Critical, farAnswer(far)
	}
	near, p := &c.X.Response.Head, &far.Response.Head
	switch added := c.addedToSwitch(); {
	case len(near.Protocols()) == 0 && len(p.Protocols()) > 0:
		return Warn, Medium, "it names no protocol, and the server's " + named(p.Protocols())
	case !slices.EqualFunc(near.Protocols(), p.Protocols(), func(a, b wire.Protocol) bool { return a.Is(b.Name) && a.Version == b.Version }):
		return Fail, Critical, "it names " + named(near.Protocols()) + ", and the server's " + named(p.Protocols())
	case added != "":
		return Warn, Medium, "it has " + added + ", and the server's has not"
	case c.X.SwitchedFirst():
		return Warn, Medium, "it came before that of the server"
	}
	return Pass, Critical, ""
}

// addedToSwitch names a header of the handshake that the client's 101 has and the server's has not;
// empty if there is none. A proxy that has sent a key of its own writes an answer of its own too.
func (c *Case) addedToSwitch() string {
	near, far := &c.X.Response.Head, &c.far().Response.Head
	own := !bytes.Equal(first(&c.X.Sent().Head, keyField), first(&c.far().Request.Head, keyField))
	for _, name := range [...]string{acceptField, "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
		if near.Has(name) && !far.Has(name) && !own {
			return name
		}
	}
	return ""
}

var _ = register(Rule{
	ID: "UPGRADE-HOP-101-LOST", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A proxy forwards the 101 of an upgrade that the client has offered, also after other 1xx responses",
	Problem: Problems{
		Refused: "Proxy did not forward the server's 101: the client got %s",
	},
	Label: "101 lost in proxy",
	Refs: []Ref{
		{"9110", "15.2", "a proxy forwards 1xx responses, unless it asked for them itself"},
		{"9110", "7.8", "after its 101 the server speaks the new protocol"},
	},
	Why: `The server has switched and the client has not. The connection to the server stays open
for a tunnel without a client, and if the proxy uses it again, the next request is read as frames.`,
	Fix: `Read responses until a final one or a 101: after 100 or 103 a 101 may follow. If the proxy
	rejects a 101, close the connection to the server.`,
	When: func(c *Case) bool { return c.farSwitched() && !c.headCut },
	Judge: func(c *Case) Result {
		status := c.status()
		switch {
		case c.switched && len(c.far().Interim) > 0 && (c.saw(wire.SightNoTunnel) || c.saw(wire.SightOneWay)):
			return c.result(Fail).rated(High)
		case c.switched && continueLost(c):
			return c.result(Warn).rated(Low)
		case c.switched:
			return c.result(Pass)
		case mustForward(c), status >= 200 && status < 400:
			return c.result(Fail)
		case c.X.Outcome == wire.Silent:
			return c.result(Warn)
		}
		return c.result(Pass) // it has rejected a 101 that it must not forward
	},
	Show: func(c *Case, r Result) Shown {
		switch {
		case c.X.Response == nil:
			return seen(c.inRequest("Upgrade"), "no response")
		case r.Severity == Low:
			return says("Proxy forwarded the 101 and not the 100 before it", c.inRequest("Expect"))
		case c.switched:
			return says("Proxy forwarded a 101 that follows another 1xx response, and bytes do not pass both ways", c.inResponse())
		}
		return seen(append(c.inRequest("Upgrade"), c.inResponse()...), quoteStatusLine(c))
	},
})

// mustForward reports whether the server's 101 is one that a proxy has no reason to reject: it is the
// valid answer to a WebSocket handshake without a body.
func mustForward(c *Case) bool {
	p, far := c.far().Response, c.far().Request
	proof := acceptValue(first(&far.Head, keyField))
	return c.websocket && askedFor(c, p) && len(p.Protocols()) == 1 && p.HasOption("upgrade") &&
		bytes.Equal(first(&p.Head, acceptField), proof[:]) && !announcesBody(c.X.Sent())
}

// continueLost reports whether the client asked for a 100, the server sent it, and the client got
// none.
func continueLost(c *Case) bool {
	return c.X.Sent().Has("Expect") && len(c.far().Interim) > 0 && len(c.X.Interim) == 0
}
