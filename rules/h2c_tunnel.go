package rules

import (
	"cmp"
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-H2C-TUNNEL", Level: Advice, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server applies the same access rules to requests in an h2c tunnel as to those outside",
	Problem: Problems{
		Switched: "Server answered a request for %s with %s in the h2c tunnel, and with %s outside",
	},
	Label: "Access rules bypassed by h2c",
	Refs: []Ref{
		{"9113", "3.1", "starting HTTP/2 through Upgrade: h2c is deprecated, together with the HTTP2-Settings header"},
		{"9110", "7.8", "after the switch the server speaks the other protocol on this connection, also for later requests"},
	},
	Why: `The login, or the proxy in front, sees one request: the offer, for a path that everyone may
ask for. After the 101 each request is a stream in a tunnel that it does not read, and the handler of
HTTP/2 at its end answers whatever is asked for. In AdGuard Home a public path led to the whole
administration this way (CVE-2026-32136). Over HTTP/2, an extended CONNECT with :protocol h2c opens
such a tunnel. The probe asks without credentials, in the tunnel and outside.`,
	Fix: `Ignore offers of h2c; HTTP/2 in plain text needs no Upgrade (see UPGRADE-H2C-SWITCHED).
If you need it, let the handler that switches be the outermost one, so that each request in the
	tunnel passes the login.
Go: h2c.NewHandler(requireLogin(mux), ...), not requireLogin(h2c.NewHandler(mux, ...)); better,
	Protocols.SetUnencryptedHTTP2 without the package.
nginx, in front: forward Upgrade only where $http_upgrade is websocket.
In a gateway for HTTP/2, answer 501 to every :protocol but websocket.`,
	When: func(c *Case) bool {
		return (c.brings("UPGRADE-H2C-TUNNEL") || c.X.Request.HTTP2() && len(c.X.Inside) > 0) && c.X.Response != nil
	},
	Judge: func(c *Case) Result {
		if !c.switched {
			return c.result(Pass)
		}
		v, _, _ := c.acrossTunnel()
		if v == Warn {
			return c.result(v).rated(Medium)
		}
		return c.result(v)
	},
	Show: func(c *Case, _ Result) Shown {
		_, in, outside := c.acrossTunnel()
		at := append(c.inResponse("Upgrade"), spanOf(FromServer, c.X.After.Server)...)
		return seen(at, quote(c.Options.shown(in.Path)), strconv.Itoa(in.Status), strconv.Itoa(outside))
	},
	Probes: []Probe{{
		ID: "UPGRADE-H2C-TUNNEL", Class: Differential, Control: "h2c", Label: "HTTP/2 requests in an h2c tunnel",
		Want:  "The same answers in the tunnel as outside; ignoring the offer is best",
		Edit:  Edits(OfferH2C(), Anonymous(), func(h *Handshake) { h.Asks = insides(h) }),
		Twins: outsideTwins(NoOffer()),
	}},
})

// outsideTwins are the requests of [insides] outside of the tunnel, without credentials. The edit makes plain
// requests of the handshake.
func outsideTwins(plain Edit) []Twin {
	return []Twin{
		{Name: "protected", Text: "a plain request for the path that is asked for in the tunnel", When: func(h *Handshake) bool { return insidePath(h) != "" },
			Edit: Edits(Anonymous(), Target(insidePath), plain)},
		{Name: "random", Text: "a plain request for a path that nothing depends on",
			Edit: Edits(Anonymous(), Target(func(h *Handshake) string { return h.Canary }), plain)},
	}
}

// insidePath is the path with access rules that is asked for in a tunnel; empty if none is known.
func insidePath(h *Handshake) string {
	return cmp.Or(h.Inside, h.Protected)
}

// insides are the paths that are asked for in a tunnel.
func insides(h *Handshake) []string {
	if path := insidePath(h); path != "" {
		return []string{path, h.Canary}
	}
	return []string{h.Canary}
}

// acrossTunnel compares the answers to requests in the tunnel with those outside. It returns the
// worst verdict, with the request in the tunnel and the status outside.
func (c *Case) acrossTunnel() (worst Verdict, in wire.Inner, outside int) {
	worst = NotApplicable
	for _, i := range c.X.Inside {
		twin := c.twin("random")
		if twin != nil && twin.Request.Target != i.Path {
			twin = c.twin("protected")
		}
		if twin == nil || twin.Response == nil || i.Status == 0 {
			continue
		}
		if v := bypasses(i.Status, twin.Response); v < worst {
			worst, in, outside = v, i, twin.Response.Status
		}
	}
	return worst, in, outside
}

// bypasses judges the status of an answer in a tunnel by the response outside.
func bypasses(inside int, outside *wire.Response) Verdict {
	const misdirected = 421
	denied := Denied(outside)
	switch {
	case inside == outside.Status, isBusy(inside), isBusy(outside.Status), inside >= 500, inside == misdirected:
		return Pass
	case denied && inside/100 == 3: // perhaps to log in
		return Warn
	case denied && inside != 400 && inside != 401 && inside != 403:
		return Fail
	case outside.Status >= 400 && inside/100 == 2:
		return Fail
	case inside/100 != outside.Status/100:
		return Warn
	}
	return Pass
}
