package rules

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

const capsuleField = "Capsule-Protocol"

var _ = register(Rule{
	ID: "UPGRADE-CAPSULE-FRAMING", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A client or server puts no Content-Length, Content-Type or Transfer-Encoding into messages that start the capsule protocol",
	Problem: Problems{
		Switched: "Server accepted a request for the capsule protocol with %s",
		Refused:  "Client sent %s in a request for the capsule protocol",
	},
	Label: "Framing headers with capsules",
	Refs: []Ref{
		{"9297", "3.2", "such messages have no Content-Length, Content-Type or Transfer-Encoding, and their status is not 204, 205 or 206; a recipient treats others as malformed"},
		{"9298", "3.3", "the 101 meets these requirements"},
	},
	Why: `A reader that uses Content-Length or Transfer-Encoding takes the first capsules for
a body, and a reader that uses Upgrade takes a body for capsules. Between two such readers the
packets of one client become requests of another: request smuggling with bytes that anyone may
choose.`,
	Fix: `Send none of the three headers with connect-udp, connect-ip or Capsule-Protocol: ?1,
	in either direction, not even Content-Length: 0. Answer 400 to a request that has one.`,
	needs: needsMasque,
	When:  func(c *Case) bool { return offersMasque(c) || announcesCapsules(c) },
	Judge: func(c *Case) Result {
		switch {
		case len(responseFraming(c)) > 0:
			return c.result(Fail).by(Server)
		case len(requestFraming(c)) > 0:
			return RefuseSwitch(c)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		if all := responseFraming(c); len(all) > 0 {
			return says("Server sent %s in a response that starts the capsule protocol",
				c.inResponse(append(all, "Upgrade", capsuleField)...), strings.Join(all, " and "))
		}
		all := requestFraming(c)
		return seen(c.inRequest(append(all, "Upgrade", capsuleField)...), strings.Join(all, " and "))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-CAPSULE-FIELD", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A client or server writes Capsule-Protocol as one boolean: ?1 or ?0",
	Problem: Problems{
		Switched: "Client sent an invalid Capsule-Protocol header (%s); the server switched",
		Refused:  "Client sent an invalid Capsule-Protocol header: %s",
	},
	Label: "Invalid Capsule-Protocol value",
	Refs: []Ref{
		{"9297", "3.4", "the header is a structured boolean, ?1 or ?0; a recipient treats anything else, and several values, as absent"},
	},
	Why: `The header tells proxies that capsules follow. A strict proxy ignores a value such
as 1 or true, a lenient one takes it for yes; then one of them reads capsules where the other
copies bytes. A duplicate header is ignored as well.`,
	Fix:   `Send Capsule-Protocol: ?1 once, or omit the header.`,
	needs: needsMasque,
	When:  hasCapsuleField,
	Judge: func(c *Case) Result {
		switch {
		case c.X.Response != nil && !validCapsuleField(&c.X.Response.Head):
			return c.result(Fail).by(Server)
		case validCapsuleField(&c.X.Request.Head):
			return c.result(Pass)
		case c.switched:
			return c.result(Fail)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, r Result) Shown {
		if r.Party == Server {
			return says("Server sent an invalid Capsule-Protocol header: %s", c.inResponse(capsuleField), responseValues(c, capsuleField))
		}
		return seen(c.inRequest(capsuleField), requestValues(c, capsuleField))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-CAPSULE-STATUS", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server sends Capsule-Protocol only in a 101 or 2xx response",
	Problem: Problems{
		Refused: "Server sent Capsule-Protocol: %s in a response that accepts nothing (%s)",
	},
	Label: "Capsule-Protocol in a refusal",
	Refs: []Ref{
		{"9297", "3.4", "a response has the header only if its status is 101 or 2xx"},
	},
	Why: `A rejection with this header says both that capsules follow and that none do. A
proxy that goes by the header reads the error page as capsules, and then the next response too.`,
	Fix: `Send Capsule-Protocol only when you accept the request. Do not set it on all
	responses of a path.`,
	needs: needsMasque,
	When:  func(c *Case) bool { return c.X.Response != nil && c.X.Response.Has(capsuleField) },
	Judge: func(c *Case) Result {
		return c.passIf(c.switched || c.status() >= 200 && c.status() < 300)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(capsuleField), responseValues(c, capsuleField), quoteStatusLine(c))
	},
})

func hasCapsuleField(c *Case) bool {
	return c.X.Request.Has(capsuleField) || c.X.Response != nil && c.X.Response.Has(capsuleField)
}

// announcesCapsules reports whether the request or the response says that capsules follow.
func announcesCapsules(c *Case) bool {
	return capsulesFollow(&c.X.Request.Head) || c.X.Response != nil && capsulesFollow(&c.X.Response.Head)
}

// capsulesFollow reports whether the message has one Capsule-Protocol field that says yes.
func capsulesFollow(h *wire.Head) bool {
	return bytes.HasPrefix(first(h, capsuleField), []byte("?1")) && validCapsuleField(h)
}

// validCapsuleField reports whether the message has no Capsule-Protocol field, or one with a
// boolean (RFC 8941 §3.3.6), perhaps with parameters.
func validCapsuleField(h *wire.Head) bool {
	n := h.Count(capsuleField)
	if n == 0 {
		return true
	}
	value := first(h, capsuleField)
	if n > 1 || len(value) < 2 || value[0] != '?' || value[1] != '0' && value[1] != '1' {
		return false
	}
	return len(value) == 2 || value[2] == ';'
}

// requestFraming returns the names of headers that a request for the capsule protocol must not
// have.
func requestFraming(c *Case) []string {
	h := &c.X.Request.Head
	if !offersMasque(c) && !capsulesFollow(h) {
		return nil
	}
	return framingFields(h)
}

// responseFraming returns the names of headers that a response that starts the capsule protocol
// must not have, and its status if that is wrong. A server that ignores the offer answers as it
// always does.
func responseFraming(c *Case) []string {
	p := c.X.Response
	switch {
	case p == nil:
		return nil
	case c.switched && (towardsMasque(c) || announcesCapsules(c)), c.status()/100 == 2 && capsulesFollow(&p.Head):
	default:
		return nil
	}
	all := framingFields(&p.Head)
	if s := c.status(); s >= 204 && s <= 206 {
		all = append(all, fmt.Sprintf("status %d", s))
	}
	return all
}

func framingFields(h *wire.Head) []string {
	var all []string
	for _, name := range [...]string{"Content-Length", "Content-Type", "Transfer-Encoding"} {
		if h.Has(name) {
			all = append(all, name)
		}
	}
	return all
}
