package rules

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-RESP-OBS-FOLD", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Title: "A server does not fold the header lines of a response",
	Problem: Problems{
		Switched: "Server sent a 101 with a folded line in the %s header",
		Refused:  "Server sent a response with a folded line in the %s header",
	},
	Label: "Folded line in response",
	Refs: []Ref{
		{"9112", "5.2", "a sender does not fold lines; a client reads each fold as spaces, and a proxy answers 502 or writes spaces in its place"},
	},
	Why: `Node.js rejects such a response, so a WebSocket never opens there; Go, Python
and Chromium join the lines. A proxy that reads the second line as a header of its own sees another
response than the client, and forwards headers that the server never sent.`,
	Fix: `Write each header on one line. Remove line ends from values that come from outside
	before you write them.
In a proxy, write a space in place of each fold, or answer 502.`,
	When:  answersOffer,
	Judge: func(c *Case) Result { return judgeHead(c, wire.FlawObsFold) },
	Show: func(c *Case, _ Result) Shown {
		p := &c.X.Response.Head
		at := flawsOf(InResponse, p, wire.FlawObsFold)
		return seen(at, quote(fieldBefore(p, at[0].From)))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-RESP-FIELD-NAME", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium, Worst: High}, Since: "0.1",
	Title: "A server writes each header line of a response as a name, a colon and a value",
	Problem: Problems{
		Switched: "Server sent a 101 with a line that is not a header: %s",
		Refused:  "Server sent a response with a line that is not a header: %s",
	},
	Label: "Malformed line in response",
	Refs: []Ref{
		{"9112", "5", "a header line is a name, a colon and a value"},
		{"9110", "5.1", "the name of a header is a token"},
		{"9112", "2.2", "no line between the status line and the first header starts with whitespace"},
	},
	Why: `Clients read such a response in three ways. Node.js, Go, h11 and curl report an error
if a line has no colon. Chromium skips the line. Python's http.client takes it for the end of the
headers and loses those that follow, such as Sec-WebSocket-Accept or Content-Length; then it also
disagrees on where the response ends. A name with a space or another invalid character is accepted
by some and rejected by others.`,
	Fix: `Check the names of headers before you write them, and remove line ends from values
	that come from outside: the rest of such a value is often the line without a colon.`,
	When: answersOffer,
	Judge: func(c *Case) Result {
		res := judgeHead(c, wire.FlawNoColon, wire.FlawLeadingSpace)
		if res.Verdict == Fail && c.switched {
			return res.rated(c.rule.Severity.Worst)
		}
		if res.Verdict == Pass {
			return judgeHead(c, wire.FlawFieldName)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		p := &c.X.Response.Head
		for _, kind := range [...]wire.FlawKind{wire.FlawNoColon, wire.FlawLeadingSpace} {
			if at := flawsOf(InResponse, p, kind); len(at) > 0 {
				return seen(at, beginning(p.Raw[at[0].From:at[0].To]))
			}
		}
		at := flawsOf(InResponse, p, wire.FlawFieldName)
		for i, s := range at {
			at[i].To = s.From + max(bytes.IndexByte(p.Raw[s.From:s.To], ':'), 0)
		}
		return says("Server sent the invalid header name %s in a response", at, quote(p.Raw[at[0].From:at[0].To]))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-RESP-CTL", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium, Worst: High}, Since: "0.1",
	Title: "A server sends no control character in the headers of a response",
	Problem: Problems{
		Switched: "Server sent a 101 with the byte %s in %s",
		Refused:  "Server sent a response with the byte %s in %s",
	},
	Label: "Control character in response",
	Refs: []Ref{
		{"9110", "5.5", "a header value has no control characters; CR, LF and NUL in it are dangerous, so a recipient rejects the message or reads spaces in their place"},
		{"9112", "2.2", "a sender writes no CR without LF; a recipient treats one as an error, or as a space"},
	},
	Why: `A CR without LF is a line end for Chromium and Python's http.client, and part of the
value or an error for everyone else: whoever can put a CR into a value adds a header, such as
Upgrade, that proxies and filters do not see. Then the rule is high. Node.js and Go reject all
other control characters too; Chromium and h11 reject a NUL and accept the rest; http.client
accepts everything. So the same 101 opens a WebSocket in one client and not in the next.`,
	Fix: `Replace bytes below 0x20 except tab, and 0x7f, in values that come from outside, or
	answer with an error.
In a proxy, answer 502 to such a response.`,
	When: answersOffer,
	Judge: func(c *Case) Result {
		switch {
		case c.flawed(wire.FlawControl), c.flawed(wire.FlawBareCR): // the value may be the client's; that is a rule of its own
			return c.result(NotApplicable)
		case len(c.X.Response.Flaws) > 0 && len(responseCRs(c)) > 0:
			return oncePerRun(c, c.result(Fail).rated(c.rule.Severity.Worst))
		}
		return judgeHead(c, wire.FlawControl)
	},
	Show: func(c *Case, _ Result) Shown {
		p := &c.X.Response.Head
		at := responseCRs(c)
		if len(at) == 0 {
			at = flawBytes(InResponse, p, wire.FlawControl)
		}
		return seen(at, fmt.Sprintf("%#02x", p.Raw[at[0].From]), placeOf(p, at[0].From))
	},
})

// answersOffer reports whether there is a response to a request that is about an upgrade.
func answersOffer(c *Case) bool { return c.X.Response != nil && c.asks() }

// judgeHead judges a response whose head must not have one of the flaws.
func judgeHead(c *Case, kinds ...wire.FlawKind) Result {
	if len(c.X.Response.Flaws) == 0 {
		return c.result(Pass)
	}
	has := func(f wire.Flaw) bool { return slices.Contains(kinds, f.Kind) && f.Offset < len(c.X.Response.Raw) }
	return oncePerRun(c, c.passIf(!slices.ContainsFunc(c.X.Response.Flaws, has)))
}

// responseCRs returns the CRs in the response that no LF follows. If a CR is the last byte of a
// head that was cut off, an LF may have followed.
func responseCRs(c *Case) []Span {
	p := &c.X.Response.Head
	return slices.DeleteFunc(flawBytes(InResponse, p, wire.FlawBareCR), func(s Span) bool { return s.To == len(p.Raw) })
}
