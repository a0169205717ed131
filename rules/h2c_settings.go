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
		{"7540", "3.2", "a request that offers h2c has exactly one HTTP2-Settings header"},
		{"7540", "3.2.1", "a server does not switch to HTTP/2 if that header is missing or there are several"},
	},
	Why: `It is undefined which settings apply, and client and server start HTTP/2 with
different ones: window and header table sizes then differ, and both sides read different things in
the same bytes. Two headers also show that something on the path added one to a request that
already was an offer.`,
	Fix: `Switch to h2c only if there is exactly one HTTP2-Settings header. Better, do not
	switch at all (see UPGRADE-H2C-SWITCHED).
In a proxy, replace or remove the header; never add one.`,
	HopByHop: true,
	needs:    needsH2C,
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
		{"7540", "3.2.1", "a sender of HTTP2-Settings lists it in Connection, so that no one forwards the header"},
	},
	Why: `Without the option a proxy that does not support h2c forwards the settings, and the
server sees an offer that was made to someone else. Smuggling tools omit the option on purpose
(h2csmuggler calls it upgrade-only): proxies that drop what Connection lists then keep the header.
A server is not required to check it; for a while Go's h2c package looked at this option only, and
not at upgrade.`,
	Fix: `Send Connection: Upgrade, HTTP2-Settings with an offer of h2c, or do not offer it.
In a proxy, remove HTTP2-Settings whether Connection lists it or not.`,
	HopByHop: true,
	needs:    needsH2C,
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
		{"7540", "6.5", "a SETTINGS payload whose length is not a multiple of six bytes is a connection error"},
	},
	Why: `A server that switches has not read the settings, or has read something else than
the client meant: decoders handle the other alphabet, padding and a remainder differently. The
header is also a place for bytes that no filter inspects. An empty value means no settings and is
only a syntax error.`,
	Fix: `Decode the value before you send the 101: only letters, digits, "-" and "_", and
	whole settings of six bytes. Otherwise answer 400, or continue in HTTP/1.1.`,
	needs: needsH2C,
	When:  func(c *Case) bool { return c.h2c && c.X.Request.Has(settingsField) },
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
	Why: `The server's settings are the first frame after the 101. A server that sends the
header copies what the client sent, and perhaps other headers that it should not copy; or
something that mixes up requests and responses assembled the response. Proxies that do not know
the header in a response forward it to their clients.`,
	Fix: `Send no HTTP2-Settings in responses; do not copy headers of the request into the
	101.`,
	When: func(c *Case) bool {
		return c.X.Response != nil && (hasProtocol(c.offered, "h2c") || c.X.Response.Has(settingsField))
	},
	Judge: func(c *Case) Result { return c.passIf(!c.X.Response.Has(settingsField)) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(settingsField), responseValues(c, settingsField))
	},
})

// isSettings reports whether a value of HTTP2-Settings is the base64url of settings. Settings have
// six bytes each, so their base64url has eight characters each and never any padding.
func isSettings(value []byte) bool { return len(value)%8 == 0 && notBase64URL(value) < 0 }

// notBase64URL returns the offset of the first byte that base64url (RFC 4648 §5) does not have; -1
// if there is none.
func notBase64URL(value []byte) int {
	for i, c := range value {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return i
		}
	}
	return -1
}
