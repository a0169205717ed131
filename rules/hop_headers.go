package rules

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-HOP-NOMINATED-KEPT", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A proxy removes the headers that Connection lists before it forwards a request",
	Problem: Problems{
		Switched: "Proxy forwarded a header that Connection lists: %s",
		Refused:  "Proxy forwarded a header that Connection lists: %s",
	},
	Label: "Listed header forwarded by proxy",
	Refs: []Ref{
		{"9110", "7.6.1", "a proxy removes each header that Connection lists, and then Connection itself"},
	},
	Why: `The sender has said that the header is for the proxy alone. If it is forwarded with
upgrade requests only, server and proxy disagree on what belongs to the request: what the proxy
checked and what the server uses are two things. Envoy kept such headers when a request offered an
upgrade.`,
	Fix: `Apply Connection to requests with an Upgrade header as to all others: remove the listed
	headers, then add Upgrade and Connection for the next hop.`,
	When:  func(c *Case) bool { return c.far() != nil && !c.headCut && len(nominated(c.X.Sent())) > 0 },
	Judge: judgeNominated,
	Show: func(c *Case, _ Result) Shown {
		kept := keptNominated(c)
		return seen(c.inRequest(append(kept, "Connection")...), quote(strings.Join(kept, ", ")))
	},
})

func judgeNominated(c *Case) Result {
	kept := keptNominated(c)
	switch own := func(name string) bool { return name == "authorization" || name == "cookie" }; {
	case len(kept) == 0:
		return c.result(Pass)
	case !slices.ContainsFunc(kept, func(name string) bool { return !own(name) }):
		return c.result(Fail).rated(Low) // a client must not list those
	}
	return c.result(Fail)
}

// nominated are the headers of a request that its Connection header lists, without those that have
// rules of their own: framing and Host stay, whoever lists them.
func nominated(q *wire.Request) (names []string) {
	options, _ := q.ConnectionOptions()
	for _, name := range options {
		switch name {
		case "upgrade", "connection", "close", "keep-alive", "http2-settings", "host", "content-length", "transfer-encoding":
			continue
		}
		if q.Has(name) && !slices.Contains(names, name) && len(names) < 8 {
			names = append(names, name)
		}
	}
	return names
}

// keptNominated are the listed headers that arrived at the server with the client's value.
func keptNominated(c *Case) (kept []string) {
	sent, far := c.X.Sent(), c.far().Request
	for _, name := range nominated(sent) {
		value := first(&sent.Head, name)
		for v := range far.Values(name) {
			if text := far.Text(v); len(value) > 0 && bytes.Contains(text, value) || len(value) == len(text) {
				kept = append(kept, name)
				break
			}
		}
	}
	return kept
}

var _ = register(Rule{
	ID: "UPGRADE-HOP-IDENTITY-LOST", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A proxy applies the client's Connection header before it adds its own headers, not after",
	Problem: Problems{
		Switched: "Proxy left out a header of its own because the client listed it in Connection: %s",
		Refused:  "Proxy left out a header of its own because the client listed it in Connection: %s",
	},
	Label: "Client removes headers of the proxy",
	Refs: []Ref{
		{"9110", "7.6.1", "Connection is about the headers of the message that was received"},
	},
	Why: `The headers that a proxy adds tell the server who the client is: its address, the host
and the scheme it used. A client that can remove them by naming them in Connection looks like the
proxy itself: addresses that are blocked get in, and servers that trust requests without
X-Forwarded-For take them for internal ones (CVE-2025-48865).`,
	Fix: `In the proxy, remove what the client's Connection lists first, and add headers afterwards.
Fabio: upgrade to 1.6.6.
Traefik: upgrade to 2.11.9 or 3.1.3.`,
	When: func(c *Case) bool {
		sent := c.X.Sent()
		return c.far() != nil && !c.headCut && (farTwin(c) != nil && len(listedIdentity(sent)) > 0 || sent.HasOption("host") && sent.Has("Host"))
	},
	Judge: func(c *Case) Result {
		return c.passIf(len(lostIdentity(c)) == 0 && (!c.X.Sent().HasOption("host") || c.far().Request.Count("Host") == 1))
	},
	Show: func(c *Case, _ Result) Shown {
		if len(lostIdentity(c)) == 0 {
			return says("Proxy forwarded a request with %s Host headers because the client listed Host in Connection", c.inRequest("Connection"), strconv.Itoa(c.far().Request.Count("Host")))
		}
		return seen(c.inRequest("Connection"), quote(strings.Join(lostIdentity(c), ", ")))
	},
})

// farTwin returns the far side of a twin of the exchange; nil if there is none.
func farTwin(c *Case) *wire.Exchange {
	for _, t := range c.X.Twins {
		if t.X != nil && t.X.Hop != nil && t.X.Hop.Far != nil {
			return t.X.Hop.Far
		}
	}
	return nil
}

// listedIdentity are the headers in Connection that tell a server who the client of a proxy is.
func listedIdentity(q *wire.Request) (names []string) {
	for _, name := range [...]string{"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-real-ip", "forwarded", "via"} {
		if q.HasOption(name) {
			names = append(names, name)
		}
	}
	return names
}

// lostIdentity are those of them that the proxy adds to the twin and not to this request.
func lostIdentity(c *Case) (names []string) {
	if farTwin(c) == nil {
		return nil
	}
	twin, far := farTwin(c).Request, c.far().Request
	for _, name := range listedIdentity(c.X.Sent()) {
		if twin.Has(name) && !far.Has(name) {
			names = append(names, name)
		}
	}
	return names
}

var _ = register(Rule{
	ID: "UPGRADE-HOP-TWIN", Level: Advice, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A proxy treats a request with an offer as it treats the same request without one",
	Problem: Problems{
		Switched: "Proxy treats requests with an offer differently: %s",
		Refused:  "Proxy treats requests with an offer differently: %s",
	},
	Label: "Offers treated differently by proxy",
	Refs: []Ref{
		{"9110", "7.8", "an offer changes nothing about the request itself"},
		{"3986", "6", "two spellings of a path may be the same path"},
	},
	Why: `Many proxies have code of its own for upgrades. If that code does not normalize the path,
a rule that denies a path can be passed with an Upgrade header. If it does not add the headers that
identify the client, the server sees an anonymous request.`,
	Fix: `Send requests with and without an offer through the same code until the response decides.
In a configuration, repeat in the location for WebSocket every header that other locations set.`,
	When: func(c *Case) bool { return c.far() != nil && !c.headCut && offers(c.X.Sent()) && plainTwin(c) != nil },
	Judge: func(c *Case) Result {
		if twinDifference(c) == "" {
			return c.result(Pass)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		q := c.X.Request
		return seen([]Span{{InRequest, q.Start.From, q.Start.To}}, twinDifference(c))
	},
})

// plainTwin returns a twin that offers nothing and whose far side was seen; nil if there is none.
func plainTwin(c *Case) *wire.Exchange {
	for _, t := range c.X.Twins {
		if t.X != nil && t.X.Hop != nil && t.X.Hop.Far != nil && !t.X.Request.Has("Upgrade") {
			return t.X
		}
	}
	return nil
}

// twinDifference says what a proxy did to the request with an offer and not to the one without, or
// the other way round; empty if nothing. The targets of both may differ by an ID.
func twinDifference(c *Case) string {
	plain := plainTwin(c)
	sent, far, twin := c.X.Sent(), c.far().Request, plain.Hop.Far.Request
	same, twinSame := far.Target == sent.Target, twin.Target == plain.Sent().Target
	switch {
	case same != twinSame, sent.Target == plain.Sent().Target && far.Target != twin.Target:
		return "target " + quote(c.Options.shown(far.Target)) + " with it, " + quote(c.Options.shown(twin.Target)) + " without"
	case far.Has("Host") != twin.Has("Host"):
		return "Host is on one path only"
	}
	if lost := addedOnly(twin, far, c.X.Sent()); len(lost) > 0 {
		return "without an offer it adds " + quote(strings.Join(lost, ", "))
	}
	if more := addedOnly(far, twin, c.X.Sent()); len(more) > 0 {
		return "with an offer it adds " + quote(strings.Join(more, ", "))
	}
	return ""
}

// addedOnly are the headers that one request has and neither another one nor what the client sent.
func addedOnly(one, other, sent *wire.Request) (names []string) {
	for _, f := range one.Fields {
		name := string(bytes.ToLower(one.Text(f.Name)))
		switch name {
		case "connection", "upgrade", "keep-alive":
			continue
		}
		if !other.Has(name) && !sent.Has(name) && len(names) < 8 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

var _ = register(Rule{
	ID: "UPGRADE-HOP-L4", Level: Advice, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A proxy that relays bytes and reads no HTTP is told apart from one that forwards requests",
	Problem: Problems{
		Switched: "Proxy forwarded the request byte for byte, with the headers that Connection lists",
		Refused:  "Proxy forwarded the request byte for byte, with the headers that Connection lists",
	},
	Label: "Proxy relays bytes, not HTTP",
	Refs: []Ref{
		{"9110", "3.7", "what relays bytes without changing messages is a tunnel, not a proxy"},
	},
	Why: `A relay of bytes has none of the duties of an HTTP proxy and none of its dangers: each
client has a connection of its own to the server. Do not put one between a proxy that shares
connections and its clients, and do not expect it to check an upgrade.`,
	Fix: `Nothing, if a relay is intended. Otherwise configure the proxy for HTTP, not for TCP.`,
	When: func(c *Case) bool {
		return c.far() != nil && !c.headCut && !c.X.Request.Has("Upgrade") && len(nominated(c.X.Sent())) > 0
	},
	Judge: func(c *Case) Result {
		if bytes.Equal(c.far().Request.Raw, c.X.Sent().Raw) {
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown { return seen(c.inRequest("Connection")) },
})
