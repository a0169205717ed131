package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-AUTH-NONE", Level: Should, Party: Server,
	Severity: Severities{Refused: Info, Switched: Critical}, Since: "0.1",
	Title: "A server that requires credentials requires them of upgrade requests, too",
	Problem: Problems{
		Switched: "Server accepts handshakes without credentials",
	},
	Label: "Handshake without credentials accepted",
	Refs: []Ref{
		{"6455", "10.5", "a server authenticates clients in the handshake, with any mechanism of HTTP such as cookies or 401"},
		{"9110", "11.4", "a server answers a request for a protected resource that lacks credentials with 401"},
	},
	Why: `The application behind a tunnel usually trusts that the handshake was authenticated. If
nothing checked it, anyone who can reach the port reads and sends messages in that application:
consoles, notebooks and dashboards were taken over this way. Login middleware is often installed for
routes or for pages, and the handler of the upgrade runs beside it. An endpoint for everyone is
legitimate: a handshake without credentials fails only if the same request without the offer is
rejected, or if the configuration says that the endpoint requires them. Otherwise it is reported as
information.`,
	Fix: `Check the session or the token in the handler of the upgrade, before the 101, and answer 401.
ws (Node): use noServer: true, authenticate in server.on('upgrade') and only then call handleUpgrade.
Socket.IO: io.use(...) and allowRequest; middleware of Express does not run for upgrades.
FastAPI, Starlette: an HTTP middleware does not see scope["type"] == "websocket"; use a dependency of
	the WebSocket route. Django Channels: wrap the URLRouter in AuthMiddlewareStack and check scope["user"].
nginx, in front: put auth_request in the location of the WebSocket as well.
If the endpoint is for everyone, no change is needed. If it is not, set auth: required for it in
	Interlock's configuration (rules.endpoints).`,
	When: func(c *Case) bool {
		switch {
		case c.probed():
			return c.brings("UPGRADE-AUTH-NONE") && c.X.Response != nil
		case !c.asks() || c.headCut || c.X.Response == nil:
			return false
		case c.requiresAuth():
			return true
		}
		return c.switched && c.othersCarry() && !c.carries()
	},
	Judge: judgeAnonymous,
	Show: func(c *Case, _ Result) Shown {
		at := c.inResponse()
		plain := denial(c.twin("plain"))
		switch {
		case c.requiresAuth():
			return says("Server accepts handshakes without credentials; the configuration says that this endpoint requires them", at)
		case plain != "":
			return says("Server accepts handshakes without credentials, but answers the same request without an offer with %s", at, plain)
		case !c.probed():
			return says("Server accepts handshakes without credentials; other clients of this endpoint send some", at)
		}
		return seen(at)
	},
	Probes: []Probe{{
		ID: "UPGRADE-AUTH-NONE", Class: Differential, Label: "Handshake without credentials",
		Want: "401, 403 or another rejection; 101 only if the endpoint is for everyone",
		Edit: Anonymous(), Twins: []Twin{plainAnonymous(), plainCarrying(), withCredentials("the handshake with its credentials", nil)},
	}},
})

// judgeAnonymous judges the answer to a handshake without credentials.
func judgeAnonymous(c *Case) Result {
	switch {
	case !c.probed() && c.carries():
		return c.result(Pass)
	case !c.switched:
		if s := c.status(); s >= 400 && s < 500 && s != 429 || Denied(c.X.Response) {
			return c.result(Pass)
		}
		return c.result(NotApplicable)
	case c.requiresAuth(), c.deniedWithout("plain"):
		return c.result(Fail)
	case c.probed() && c.twin(carrying) == nil: // the handshake has no credentials that could be left out
		return c.result(NotApplicable)
	}
	return c.result(Warn).rated(Info)
}

// requiresAuth reports whether the configuration says that the endpoint requires credentials.
func (c *Case) requiresAuth() bool {
	all := c.Options.Auth
	if len(all) == 0 {
		return false
	}
	endpoint := EndpointOf(c.X)
	return slices.ContainsFunc(all, func(glob string) bool { return MatchGlob(glob, endpoint) })
}

// carries reports whether the request has credentials of its client.
func (c *Case) carries() bool { return c.Options.Redact.CarriesCredentials(c.X.Request) }

// othersCarry reports whether the endpoint has switched for a client with credentials.
func (c *Case) othersCarry() bool {
	return c.Seen.Carries != nil && c.Seen.Carries(c.X.Route, EndpointOf(c.X))
}

// carrying names the twin that has the credentials of the base; without any it is not sent.
const carrying = "credentials"

// plainAnonymous is the twin without an offer and without credentials.
func plainAnonymous() Twin {
	return Twin{Name: "plain", Text: "the same request without the offer, without credentials", Edit: Edits(NoOffer(), Anonymous())}
}

// plainCarrying is the twin without an offer and with the credentials of the base. If it is rejected
// as well, the rejection is not about credentials.
func plainCarrying() Twin {
	return Twin{Name: "plain-credentials", Text: "the same request without the offer, with the credentials given", Edit: NoOffer(), When: (*Handshake).Carries}
}

// withCredentials is the twin with an offer and with the credentials of the base.
func withCredentials(text string, offer Edit) Twin {
	return Twin{Name: carrying, Text: text, Edit: offer, When: (*Handshake).Carries}
}

// deniedWithout reports whether a twin without an offer was rejected for lack of credentials. A
// rejection that credentials do not change is of another kind.
func (c *Case) deniedWithout(name string) bool {
	without, with := c.twin(name), c.twin(name+"-credentials")
	if denial(without) == "" {
		return false
	}
	return with == nil || without.Response.Status == 401 || !sameStatus(without, with)
}

func sameStatus(a, b *wire.Exchange) bool {
	return a.Response != nil && b.Response != nil && a.Response.Status == b.Response.Status
}
