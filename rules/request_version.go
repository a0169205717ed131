package rules

import "github.com/interlock-proxy/interlock/wire"

var _ = register(Rule{
	ID: "UPGRADE-HTTP-VERSION", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server switches only on a request whose version is written exactly HTTP/1.1 or a later HTTP/1.x",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with the HTTP version %s",
		Refused:  "Client sent an upgrade request with the HTTP version %s",
	},
	Label: "Wrong HTTP version accepted",
	Refs: []Ref{
		{"9112", "2.3", "the version is HTTP, a slash, a digit, a dot and a digit, in capitals"},
		{"6455", "4.1", "the handshake is a request of HTTP/1.1 or higher"},
		{"6455", "4.2.1", "a server stops processing a handshake that is not as the RFC describes it"},
	},
	Why: `Upgrade belongs to HTTP/1.1. A request line without a version is HTTP/0.9, whose
response is a bare page that lasts until the connection ends; HTTP/2.0 as text is not a protocol
at all. A proxy that sees such a line closes the connection, answers and continues in a mode of
its own, or forwards it unchanged; a server that skips the version switches where everyone else
has given up. Of 78 servers tested, 58 did not check the version.`,
	Fix: `Compare the version with HTTP/1.1 as text before anything else; otherwise answer
	400, or 505 for another major version, and close the connection.
Node.js: req.httpVersion. Go: r.Proto. nginx: $server_protocol. HAProxy: req.ver. Apache httpd:
	%{THE_REQUEST}.` + guard,
	needs: needsFlaw,
	When: func(c *Case) bool {
		return c.flawed(wire.FlawVersion) && c.X.Request.Start.To < len(c.X.Request.Raw) // else more of the line may come
	},
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if c.switched && laterMajor(c.X.Request.Version) {
			return res.rated(Medium) // RFC 6455 §4.2.1 takes a higher version too
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		q := c.X.Request
		if q.Version == "" {
			return varies(Problems{
				Switched: "Server accepted an upgrade request without an HTTP version",
				Refused:  "Client sent an upgrade request without an HTTP version",
			}, []Span{{InRequest, q.Start.From, q.Start.To}})
		}
		return seen([]Span{{InRequest, max(q.Start.From, q.Start.To-len(q.Version)), q.Start.To}}, quote(q.Version))
	},
	Probes: []Probe{
		{ID: "UPGRADE-HTTP09", Label: "Request line without a version", Want: "400 or 505 (other 4xx pass); never 101",
			Edit: Version("")},
		{ID: "UPGRADE-HTTP11-LOWER", Label: "Request line with http/1.1 in lower case", Want: "400 or 505 (other 4xx pass); never 101",
			Edit: Version("http/1.1")},
		{ID: "UPGRADE-HTTP12", Class: Either, Label: "Request line with HTTP/1.2", Want: "Any valid response; 101 is right",
			Edit: Version("HTTP/1.2")},
		{ID: "UPGRADE-HTTP2-LINE", Label: "Request line with HTTP/2.0", Want: "400 or 505 (other 4xx pass); never 101",
			Edit: Version("HTTP/2.0")},
		{ID: "UPGRADE-HTTP-VER-JUNK", Label: "Request line with HTTP/1.10", Want: "400 or 505 (other 4xx pass); never 101",
			Edit: Version("HTTP/1.10")},
		{ID: "UPGRADE-HTTP-VER-01.1", Label: "Request line with HTTP/01.1", Want: "400 or 505 (other 4xx pass); never 101",
			Edit: Version("HTTP/01.1")},
	},
})

// laterMajor reports whether a version is well-formed and has a later major version than HTTP/1,
// such as HTTP/2.0.
func laterMajor(version string) bool {
	const form = "HTTP/d.d"
	return len(version) == len(form) && version[:5] == form[:5] && '2' <= version[5] && version[5] <= '9' &&
		version[6] == '.' && '0' <= version[7] && version[7] <= '9'
}

// atLeast11 reports whether a version is HTTP/1.1 or a later one of HTTP/1.
func atLeast11(version string) bool {
	const name = "HTTP/1."
	return len(version) == len(name)+1 && version[:len(name)] == name && '1' <= version[len(name)] && version[len(name)] <= '9'
}
