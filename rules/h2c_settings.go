package rules

import (
	"fmt"
	"strconv"
)

const settingsField = "HTTP2-Settings"

var _ = register(Rule{
	ID: "UPGRADE-H2C-DUP-SETTINGS", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server does not switch to h2c if the request has more than one HTTP2-Settings header",
	Problem: Problems{
		Switched: "Server switched to h2c although the request has %s HTTP2-Settings headers: %s",
		Refused:  "Client sent %s HTTP2-Settings headers with its offer of h2c: %s",
	},
	Label: "Duplicate HTTP2-Settings",
	Refs: []Ref{
		{"7540", "3.2", "a request that offers h2c has exactly one HTTP2-Settings field"},
		{"7540", "3.2.1", "a server does not switch to HTTP/2 if that field is missing or there are several"},
	},
	Why: `Which of the settings hold is anybody's guess, and client and server begin HTTP/2 with different ones: window sizes
and the size of the header table then differ, and so does what the two read in the same bytes. Two fields also tell
that somebody on the way has added one to a request that already was an offer.`,
	Fix: `Switch to h2c only if there is exactly one HTTP2-Settings field; better, not at all (see UPGRADE-H2C-SWITCHED).
Intermediaries: replace the field, or take it off; never add one.`,
	HopByHop: true,
	When:     func(c *Case) bool { return c.h2c && c.X.Request.Count(settingsField) > 1 },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(settingsField), strconv.Itoa(c.X.Request.Count(settingsField)), requestValues(c, settingsField))
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2C-DUP-SETTINGS", Control: "h2c", Label: "h2c: two HTTP2-Settings headers",
			Edit: Edits(OfferH2C(), Twice(settingsField, h2cSettings))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-SETTINGS-CONN", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A client that sends HTTP2-Settings lists it in Connection",
	Problem: Problems{
		Switched: "Client sent HTTP2-Settings without listing it in Connection (%s); the server switched",
		Refused:  "Client sent HTTP2-Settings without listing it in Connection (%s)",
	},
	Label: "HTTP2-Settings not in Connection",
	Refs: []Ref{
		{"7540", "3.2.1", "who sends HTTP2-Settings sends the connection option HTTP2-Settings with it, so that nobody passes the field on"},
	},
	Why: `Without the option an intermediary that knows nothing of h2c passes the settings on, and the server behind it sees
an offer that was made to somebody else. Smuggling tools leave the option out on purpose (h2csmuggler calls it
upgrade-only): intermediaries that drop what Connection names then keep the field. The server is not told to check it;
Go's h2c package went by this option alone for a while, and not by upgrade.`,
	Fix: `Send Connection: Upgrade, HTTP2-Settings with an offer of h2c, or do not offer it.
Intermediaries: take HTTP2-Settings off whether Connection names it or not.`,
	HopByHop: true,
	When: func(c *Case) bool {
		return hasProtocol(c.offered, "h2c") && !c.headCut && c.X.Request.Has(settingsField)
	},
	Judge: func(c *Case) Result {
		switch {
		case c.X.Request.HasOption(settingsField):
			return c.result(Pass)
		case c.switched && c.h2c:
			return c.result(Fail)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.inRequest(settingsField, "Connection")
		if c.X.Request.Has("Connection") {
			return seen(at, requestValues(c, "Connection"))
		}
		return seen(at, "no Connection header")
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2C-SETTINGS-CONN", Class: Either, Control: "h2c", Label: "h2c: HTTP2-Settings not in Connection", Want: "Any valid response; ignoring the offer is best",
			Edit: Edits(OfferH2C(), Set("Connection", "Upgrade"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-SETTINGS-B64", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: High}, Since: "0.1",
	Title: "A server does not switch to h2c if HTTP2-Settings cannot be decoded",
	Problem: Problems{
		Switched: "Server switched to h2c although HTTP2-Settings cannot be decoded: %s",
		Refused:  "Client sent an HTTP2-Settings header that cannot be decoded: %s",
	},
	Label: "Undecodable HTTP2-Settings",
	Refs: []Ref{
		{"7540", "3.2.1", "the value is the payload of a SETTINGS frame in base64url, without padding"},
		{"7540", "6.5", "a SETTINGS payload whose length is no multiple of six bytes is a connection error"},
	},
	Why: `A server that switches has not read the settings, or has read something else than the client meant: decoders differ
in what they do with the other alphabet, with padding and with a rest. The field is also a place for bytes that no
filter looks at. An empty value means no settings and is only a matter of grammar.`,
	Fix: `Decode the value before the 101 is sent: only letters, digits, "-" and "_", and whole settings of six bytes; refuse
	with 400 otherwise, or go on in HTTP/1.1.`,
	When: func(c *Case) bool { return c.h2c && c.X.Request.Has(settingsField) },
	Judge: func(c *Case) Result {
		value := first(&c.X.Request.Head, settingsField)
		switch {
		case isSettings(value) && len(value) > 0:
			return c.result(Pass)
		case len(value) > 0:
			return RefuseSwitch(c)
		}
		return c.result(Warn).rated(Low)
	},
	Show: func(c *Case, _ Result) Shown {
		value := first(&c.X.Request.Head, settingsField)
		at, what := c.inRequest(settingsField), quote(value)
		switch bad := notBase64URL(value); {
		case len(value) == 0:
			return says("Client sent an empty HTTP2-Settings header", at)
		case bad < 0:
			what += fmt.Sprintf(" (%d bytes, not a multiple of 6)", len(value)*3/4)
		}
		return seen(at, what)
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2C-EMPTY-SETTINGS", Class: Either, Control: "h2c", Label: "h2c: empty HTTP2-Settings header", Want: "Any valid response; ignoring the offer is best",
			Edit: Edits(OfferH2C(), Set(settingsField, ""))},
		{ID: "UPGRADE-H2C-BAD-B64", Control: "h2c", Label: "h2c: HTTP2-Settings is not base64url",
			Edit: Edits(OfferH2C(), Set(settingsField, "!!!!"))},
		{ID: "UPGRADE-H2C-BAD-LEN", Control: "h2c", Label: "h2c: HTTP2-Settings is cut short",
			Edit: Edits(OfferH2C(), Set(settingsField, "AAMAAABkAA"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-SETTINGS-RESPONSE", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A server never sends HTTP2-Settings in a response",
	Problem: Problems{
		Switched: "Server sent HTTP2-Settings in the 101: %s",
		Refused:  "Server sent HTTP2-Settings in a response: %s",
	},
	Label: "HTTP2-Settings in response",
	Refs: []Ref{
		{"7540", "3.2.1", "a server does not send HTTP2-Settings"},
	},
	Why: `The server's settings are the first frame behind the 101. A server that writes the field copies what the client has
sent, and with it whatever else it should not; or the response was put together by something that takes requests for
responses. Intermediaries that do not know the field in a response pass it on to clients further away.`,
	Fix: `Send no HTTP2-Settings in responses; do not copy fields of the request into the 101.`,
	When: func(c *Case) bool {
		return c.X.Response != nil && (hasProtocol(c.offered, "h2c") || c.X.Response.Has(settingsField))
	},
	Judge: func(c *Case) Result { return c.passIf(!c.X.Response.Has(settingsField)) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(settingsField), responseValues(c, settingsField))
	},
})

// isSettings reports whether a value of HTTP2-Settings is the base64url of settings. Settings have six bytes each, so their
// base64url has eight characters each and never any padding.
func isSettings(value []byte) bool { return len(value)%8 == 0 && notBase64URL(value) < 0 }

// notBase64URL is where the first byte stands that base64url (RFC 4648 §5) does not have; -1 if there is none.
func notBase64URL(value []byte) int {
	for i, c := range value {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return i
		}
	}
	return -1
}
