package rules

import "fmt"

const settingsField = "HTTP2-Settings"

var _ = register(Rule{
	ID: "UPGRADE-H2C-DUP-SETTINGS", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "an h2c offer with several HTTP2-Settings fields is not accepted",
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
	Show: func(c *Case, _ Result) (string, []Span) {
		return fmt.Sprintf("an offer of %s with %d HTTP2-Settings fields: %s", members(c.offered),
			c.X.Request.Count(settingsField), values(&c.X.Request.Head, settingsField)), c.inRequest(settingsField)
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2C-DUP-SETTINGS", Control: "h2c", Title: "h2c with two HTTP2-Settings", Edit: Edits(OfferH2C(), Twice(settingsField, h2cSettings))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-SETTINGS-CONN", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "the field HTTP2-Settings comes with the connection option of its name",
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
	Show: func(c *Case, _ Result) (string, []Span) {
		saw := "an HTTP2-Settings field without a Connection field"
		if h := &c.X.Request.Head; h.Has("Connection") {
			saw = "an HTTP2-Settings field with Connection " + values(h, "Connection")
		}
		return saw, c.inRequest(settingsField, "Connection")
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2C-SETTINGS-CONN", Class: Either, Control: "h2c", Title: "h2c without the connection option HTTP2-Settings",
			Edit: Edits(OfferH2C(), Set("Connection", "Upgrade"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-SETTINGS-B64", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: High}, Since: "0.1",
	Title: "an h2c offer whose HTTP2-Settings cannot be decoded is not accepted",
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
	Show: func(c *Case, _ Result) (string, []Span) {
		value := first(&c.X.Request.Head, settingsField)
		saw := "HTTP2-Settings " + quote(value)
		if bad := notBase64URL(value); bad < 0 && len(value) > 0 {
			saw += fmt.Sprintf(", %d bytes, which are no whole settings", len(value)*3/4)
		}
		return saw, c.inRequest(settingsField)
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2C-EMPTY-SETTINGS", Class: Either, Control: "h2c", Title: "h2c with empty settings", Edit: Edits(OfferH2C(), Set(settingsField, ""))},
		{ID: "UPGRADE-H2C-BAD-B64", Control: "h2c", Title: "h2c with settings that are not base64url", Edit: Edits(OfferH2C(), Set(settingsField, "!!!!"))},
		{ID: "UPGRADE-H2C-BAD-LEN", Control: "h2c", Title: "h2c with a part of a setting", Edit: Edits(OfferH2C(), Set(settingsField, "AAMAAABkAA"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-SETTINGS-RESPONSE", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "no response has an HTTP2-Settings field",
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
	Show: func(c *Case, _ Result) (string, []Span) {
		return "HTTP2-Settings " + values(&c.X.Response.Head, settingsField) + " in a response", c.inResponse(settingsField)
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
