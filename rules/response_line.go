package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-RESP-STATUS-LINE", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Medium, Worst: High}, Since: "0.1",
	Title: "A server writes the status line as the version, a space, the status and another space",
	Problem: Problems{
		Switched: "Server sent a 101 with a malformed status line: %s in %s",
		Refused:  "Server sent a malformed status line: %s in %s",
	},
	Label: "Malformed status line",
	Refs: []Ref{
		{"9112", "4", "one space separates version, status and reason, and the second one is there even if the reason is empty"},
		{"9112", "2.3", "the version is HTTP in capitals, a slash, a digit, a point and a digit"},
	},
	Why: `Chromium reads almost anything here, programs do not. Only Chromium connects if the
version is in lower case; Node.js, Go and Python reject that response, and curl takes it for
HTTP/0.9 and reports 200. Node.js and h11 also reject two spaces after the version, which Go and
Python's http.client accept. So an endpoint works in the browser and fails for everything else, or
a proxy in front does not see the 101. A missing space after the status is low: all of them
accept it.`,
	Fix: `Write exactly HTTP/1.1 101 Switching Protocols, or let the HTTP library write the
	status line.`,
	When: answersOffer,
	Judge: func(c *Case) Result {
		switch fault := statusLineFault(c.X.Response); {
		case fault == "":
			return c.result(Pass)
		case fault == noLastSpace:
			return oncePerRun(c, c.result(Fail).rated(Low))
		case fault == oddVersion && c.switched:
			return c.result(Fail).rated(c.rule.Severity.Worst)
		}
		return oncePerRun(c, c.result(Fail))
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(), statusLineFault(c.X.Response), quoteStatusLine(c))
	},
})

// What may be wrong with a status line.
const (
	oddVersion  = "invalid version"
	oddSpace    = "not exactly one space after the version"
	noLastSpace = "no space after the status"
)

// statusLineFault returns what is wrong with the status line; it is empty if nothing is. A reason
// may start with a space. That a 101 is labelled HTTP/2 is a rule of its own.
func statusLineFault(p *wire.Response) string {
	line := p.Text(p.Start)
	version, rest, _ := bytes.Cut(line, []byte(" "))
	switch {
	case bytes.IndexByte(version, '\t') >= 0, len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t'):
		return oddSpace
	case !isHTTP1(version) && !(p.Status == 101 && labelledHTTP2(version)):
		return oddVersion
	case len(rest) < 4 || rest[3] != ' ':
		return noLastSpace
	}
	return ""
}

// isHTTP1 reports whether a version is written as one of HTTP/1 is.
func isHTTP1(version []byte) bool {
	const name = "HTTP/1."
	return len(version) == len(name)+1 && string(version[:len(name)]) == name && '0' <= version[len(name)] && version[len(name)] <= '9'
}

// labelledHTTP2 reports whether a version is HTTP/2 or later, in either case.
func labelledHTTP2[T ~string | ~[]byte](version T) bool {
	const name = "HTTP/"
	return len(version) > len(name) && wire.EqualFold(version[:len(name)], name) && '2' <= version[len(name)] && version[len(name)] <= '9'
}
