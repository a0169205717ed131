package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-CL-TE", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: Critical}, Since: "0.1",
	Title: "A server never switches on a request that has both Content-Length and Transfer-Encoding",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with both Content-Length (%s) and Transfer-Encoding (%s)",
		Refused:  "Client sent both Content-Length (%s) and Transfer-Encoding (%s)",
	},
	Label: "Content-Length with Transfer-Encoding",
	Refs: []Ref{
		{"9112", "6.2", "a sender does not send Content-Length in a message that has Transfer-Encoding"},
		{"9112", "6.1", "a server closes the connection after it has answered a request with both"},
	},
	Why: `A reader that uses the length and one that uses the chunks disagree on where the
request ends; this is how requests are smuggled. The RFC's remedy is to close the connection after
the response, so that whatever one of them takes for the next request is never read. A 101 does
the opposite: it keeps the connection open, while the end of the request, and so the start of the
tunnel, is in dispute. Of 78 servers tested, 44 switched.`,
	Fix: `Answer 400 and close the connection. If you serve the request, use
	Transfer-Encoding, ignore Upgrade, and close after the response.
Python websockets: 14 or later. Caddy cannot detect this in a Caddyfile: reject it in the
	application.` + guard,
	needs: needsFlaw,
	When:  func(c *Case) bool { return c.flawed(wire.FlawLengthCoding) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Content-Length", "Transfer-Encoding"), requestValues(c, "Content-Length"), requestValues(c, "Transfer-Encoding"))
	},
	Probes: []Probe{
		{ID: "UPGRADE-BODY-CLTE", Risk: Crash, Label: "Content-Length and Transfer-Encoding",
			Edit: Content("0\r\n\r\n", Edits(Set("Content-Length", "5"), Set("Transfer-Encoding", "chunked")))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-CL-INVALID", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: Critical}, Since: "0.1",
	Title: "A server rejects a request whose Content-Length is not one single decimal number",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with an invalid Content-Length: %s",
		Refused:  "Client sent an upgrade request with an invalid Content-Length: %s",
	},
	Label: "Invalid Content-Length accepted",
	Refs: []Ref{
		{"9112", "6.3", "a server answers 400 to an invalid length and closes the connection; only a list of one repeated number may pass"},
		{"9110", "8.6", "Content-Length is decimal digits"},
	},
	Why: `One parser reads +8, 0x8 or "8, 0" as eight, another as nothing, and a third reports
an error. The bytes after the headers are then a body for one, and the start of the tunnel or of
another request for another. On a connection that stays open after a 101 no one ever notices.`,
	Fix: `Accept a Content-Length only if it consists of digits and all lines agree; otherwise
	answer 400 and close the connection.
Tornado: 6.3.3 or later. Python websockets: 14 or later.` + guard,
	needs: needsFlaw,
	When:  hasInvalidLength,
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Content-Length"), requestValues(c, "Content-Length"))
	},
	Probes: []Probe{
		{ID: "UPGRADE-BODY-CL-DUP", Class: Refuse400, Risk: State, Label: "Content-Length: 8 and Content-Length: 0",
			Edit: Content(ping, Edits(Set("Content-Length", "8"), Twice("Content-Length", "0")))},
		{ID: "UPGRADE-BODY-CL-BAD", Class: Refuse400, Risk: State, Label: "Content-Length: +8",
			Edit: Content(ping, Set("Content-Length", "+8"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-TE-UNFRAMED", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: Critical}, Since: "0.1",
	Title: "A server rejects a request whose last transfer coding is not chunked",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with Transfer-Encoding: %s",
		Refused:  "Client sent an upgrade request with Transfer-Encoding: %s",
	},
	Label: "Transfer-Encoding not chunked",
	Refs: []Ref{
		{"9112", "6.3", "a server answers 400 to a request whose last transfer coding is not chunked, and closes the connection: its length cannot be known"},
		{"9112", "6.1", "chunked is applied once, and last"},
	},
	Why: `Without chunks the end of the request is undefined. A parser that searches for the
word reads xchunked as chunked, another one as an unknown coding; gzip alone leaves the end open.
One side reads a body where the other reads the next request or, after a 101, the tunnel.`,
	Fix: `Compare the last transfer coding with chunked, as a whole and case-insensitively;
	otherwise answer 400 and close the connection.` + guard,
	needs: needsFlaw,
	When:  func(c *Case) bool { return c.flawed(wire.FlawCodingInvalid) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Transfer-Encoding"), requestValues(c, "Transfer-Encoding"))
	},
	Probes: []Probe{
		{ID: "UPGRADE-BODY-TE-UNKNOWN", Label: "Transfer-Encoding: gzip",
			Edit: Set("Transfer-Encoding", "gzip")},
		{ID: "UPGRADE-BODY-TE-OBF", Label: "Transfer-Encoding: xchunked",
			Edit: Set("Transfer-Encoding", "xchunked")},
	},
})

// isMisframed reports whether the request violates a rule about the framing of its body.
func isMisframed(c *Case) bool {
	return c.flawed(wire.FlawLengthCoding) || hasInvalidLength(c) || c.flawed(wire.FlawCodingInvalid)
}

// hasInvalidLength reports whether the Content-Length is not a number, or several. A number that is
// only too large for us is valid.
func hasInvalidLength(c *Case) bool {
	q := c.X.Request
	return len(q.Flaws) > 0 && !q.Has("Transfer-Encoding") &&
		(c.flawed(wire.FlawLengthDiffers) || c.flawed(wire.FlawLengthInvalid) && !decimalLength(&q.Head))
}

// decimalLength reports whether every Content-Length consists of decimal digits, or is a list of
// such numbers.
func decimalLength(h *wire.Head) bool {
	for v := range h.Values("Content-Length") {
		for rest, more := h.Text(v), true; more; {
			var number []byte
			number, rest, more = bytes.Cut(rest, []byte(","))
			number = bytes.Trim(number, " \t")
			if len(number) == 0 || bytes.ContainsFunc(number, func(r rune) bool { return r < '0' || r > '9' }) {
				return false
			}
		}
	}
	return true
}
