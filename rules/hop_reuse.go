package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-HOP-REUSE-RESPONSE", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A proxy does not use a connection again on which more came than the response to a rejected offer",
	Problem: Problems{
		Switched: "Proxy gave a client what was left of the response to another request: %s",
		Refused:  "Proxy gave a client what was left of the response to another request: %s",
	},
	Label: "Leftover response to another client",
	Refs: []Ref{
		{"9112", "9.2", "a client that gets a response without a request closes the connection; the response is not one to the next request"},
	},
	Why: `The server has answered an offer, and more bytes came after that response: a second response,
or a late 101. The proxy keeps them and sends them to whoever comes next on this connection. From
then on every response goes to the wrong client, with its cookies and its content.`,
	Fix: `Close a connection to a server on which bytes come while no request is open, and do not put
	connections of rejected upgrades back into the pool.`,
	When: func(c *Case) bool {
		far, before := c.far(), before(c)
		return far != nil && before != nil && offers(before.Request) && !isSwitch(before) && c.X.Response != nil && (far.Response != nil || isHTTPName(far.Noise))
	},
	Judge: func(c *Case) Result {
		far := c.far()
		left := far.Noise
		if far.Response != nil || !isHTTPName(left) {
			return c.result(Pass)
		}
		return c.passIf(wire.ReadResponse(left[:headOf(left)]).Status != c.status())
	},
	Show: func(c *Case, _ Result) Shown { return seen(c.inResponse(), quoteStatusLine(c)) },
})

// before returns the bytes before the exchange on the far connection; nil if nothing did.
func before(c *Case) *wire.Exchange {
	if c.X.Hop == nil {
		return nil
	}
	return c.X.Hop.Before
}

var _ = register(Rule{
	ID: "UPGRADE-HOP-REUSE-BODY", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A proxy does not use a connection again before it has sent the whole request before",
	Problem: Problems{
		Switched: "Proxy sent a request into the %s of another one: %s",
		Refused:  "Proxy sent a request into the %s of another one: %s",
	},
	Label: "Request sent into another request",
	Refs: []Ref{
		{"9112", "9.3", "a connection is used again only if the body of the request was sent whole"},
		{"9112", "6.3", "the server reads as many bytes as the request announces"},
	},
	Why: `The server rejects an offer as soon as it has read the headers, and waits for the body that
they announce. The proxy takes the response for the end and sends the next client's request: the
server reads it as that body. Its first bytes vanish, and what follows is a request that an attacker
can choose, with another client's cookies in it.`,
	Fix: `After an early response send the rest of the body, or close the connection to the server.`,
	When: func(c *Case) bool {
		if before := before(c); before == nil || len(before.Request.Raw) == 0 || isSwitch(before) {
			return false
		}
		return inAnother(c) || c.far() != nil && announcesBody(before(c).Request)
	},
	Judge: func(c *Case) Result { return c.passIf(!inAnother(c)) },
	Show: func(c *Case, _ Result) Shown {
		h, q := c.X.Hop, c.X.Request
		line := bytes.Clone(firstLine(h.Stray))
		c.Options.redactRequestLine(line)
		return seen([]Span{{InRequest, q.Start.From, q.Start.To}}, string(h.Within), quote(line))
	},
})

// inAnother reports whether the server read the request as a part of another one.
func inAnother(c *Case) bool {
	w := c.X.Hop.Within
	return c.far() == nil && (w == wire.WithinContent || w == wire.WithinHeaders)
}

func announcesBody(q *wire.Request) bool {
	return q.Has("Content-Length") || q.Has("Transfer-Encoding")
}

var _ = register(Rule{
	ID: "UPGRADE-HOP-REUSE-TUNNEL", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A proxy never uses a connection again on which the server has sent a 101",
	Problem: Problems{
		Switched: "Proxy sent a request of another client into a tunnel: %s",
		Refused:  "Proxy sent a request into a connection after its 101: %s",
	},
	Label: "Connection used again after a 101",
	Refs: []Ref{
		{"9110", "7.8", "after the 101 the connection speaks the new protocol"},
		{"9112", "9.3", "a connection is used again only if both sides still speak HTTP on it"},
	},
	Why: `The server is in the new protocol and reads another client's request as frames. A server
that answers them can read cookies from it and choose what that client gets. Kubernetes' API server
kept such connections (CVE-2018-1002105), and so a refused upgrade gave control of the cluster.`,
	Fix: `Take a connection out of the pool when the offer is sent, and close it when its tunnel ends or
	when its 101 is rejected.`,
	When: func(c *Case) bool {
		if before := before(c); c.far() == nil {
			return isSwitch(before) && c.X.Hop.Within == wire.WithinTunnel
		}
		return c.farSwitched() && c.X.Complete && c.far().Complete && c.knowsTunnel()
	},
	Judge: func(c *Case) Result { return c.passIf(len(strayInTunnel(c)) == 0) },
	Show: func(c *Case, _ Result) Shown {
		line := bytes.Clone(firstLine(strayInTunnel(c)))
		c.Options.redactRequestLine(line)
		q := c.X.Request
		return seen([]Span{{InRequest, q.Start.From, q.Start.To}}, quote(line))
	},
})

// knowsTunnel reports whether everything that the client sent through the tunnel is known: until then,
// what arrived at the server may be the client's.
func (c *Case) knowsTunnel() bool {
	after := &c.X.After
	return c.onlyClient() || !c.X.Hop.Blanked && (!c.switched || after.Ended && after.ClientBytes == int64(len(after.Client)))
}

// strayInTunnel returns the request that the server got in a tunnel and that the tunnel's client did
// not send; nil if there is none.
func strayInTunnel(c *Case) []byte {
	far := c.far()
	if far == nil {
		return c.X.Hop.Stray
	}
	sent, got := c.X.After.Client, far.After.Client
	if !bytes.HasPrefix(got, sent) || !isRequestLine(got[len(sent):]) {
		return nil
	}
	if n := c.X.Next.Bytes; !c.switched && begins(n, got) && len(n) > 0 { // this client sent it after the answer
		return nil
	}
	return got[len(sent):]
}
