package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-RESP-UNREADABLE", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: High, Worst: Critical}, Since: "0.1",
	Title: "A server sends nothing before the status line of its response",
	Problem: Problems{
		Switched: "Server sent %s before the 101",
		Refused:  "Server sent %s instead of an HTTP response",
	},
	Label: "Bytes before the response",
	Refs: []Ref{
		{"9112", "2.1", "a response is a status line, header lines that end with CRLF, and an empty line"},
		{"9112", "9.3", "bytes that belong to no response are not part of HTTP; a client closes the connection"},
	},
	Why: `It is undefined where the response starts. A strict client closes the connection; a
lenient one skips what it does not understand and finds a 101 that a proxy with another parser
never saw. An interim response that ends with a bare LF, or that says HTTP/2.0, is enough: the
proxy continues in HTTP while client and server have switched. If WebSocket frames come first, one
part of the server or of a proxy wrote into the tunnel before another part sent the 101; nginx
with the Datadog module has done so.`,
	Fix: `Write every response, interim ones too, as HTTP/1.1 with CRLF line ends, and send
	the first byte of the new protocol after the empty line of the 101.
In a proxy, flush the headers of the 101 before any byte of the tunnel.`,
	HopByHop: true,
	When: func(c *Case) bool {
		return c.switched || len(c.X.Noise) > 0 && !c.leftHTTP && !c.brings("UPGRADE-H2C-PRIOR") && !c.longAnswer()
	},
	Judge: func(c *Case) Result {
		switch {
		case len(c.X.Noise) == 0:
			return c.result(Pass)
		case !c.switched:
			return c.result(Unclear)
		case isHTTPName(c.X.Noise): // some read it, and some do not
			return c.result(Fail).rated(c.rule.Severity.Worst)
		}
		return c.result(Fail)
	},
	Show: func(c *Case, _ Result) Shown {
		if c.switched {
			return seen(c.inResponse(), describeNoise(c))
		}
		return seen(nil, describeNoise(c))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-RESP-CUT-OFF", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server ends the headers of its response with an empty line",
	Problem: Problems{
		Switched: "Server closed the connection before its response headers were complete: %s",
		Refused:  "Server closed the connection before its response headers were complete: %s",
	},
	Label: "Response headers cut off",
	Refs: []Ref{
		{"9112", "2.1", "an empty line ends the headers"},
		{"9112", "8", "a response whose headers are cut off is incomplete"},
	},
	Why: `The status says that the upgrade was rejected, but many clients report a broken
connection instead and try again. The VNC server of QEMU rejects every handshake this way.`,
	Fix: `Send the empty line (CRLF) after the last header, and Content-Length: 0 if the response
	has no body.`,
	When:  func(c *Case) bool { return c.X.Outcome == wire.Refused || responseCutOff(c) },
	Judge: func(c *Case) Result { return c.passIf(!responseCutOff(c)) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(), quoteStatusLine(c))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-NO-101", Level: Must, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A server that accepts an offer of h2c sends a 101 before its first frame",
	Problem: Problems{
		Switched: "Server accepted an offer of h2c without a 101: it sent an HTTP/2 SETTINGS frame",
	},
	Label: "h2c accepted without a 101",
	Refs: []Ref{
		{"7540", "3.2", "a server accepts the offer with a 101 and starts HTTP/2 after its empty line"},
		{"9110", "7.8", "a server switches with a 101, and only if the request allows it"},
	},
	Why: `The server has left HTTP/1 without saying so. A proxy waits for a status line and
gets frames: it may close the connection, or forward them as an HTTP/0.9 response, while the
server takes everything that follows for HTTP/2. Apache httpd does this when the offer comes in an
HTTP/1.0 request, since HTTP/1.0 has no 1xx status.`,
	Fix: `Switch only with a 101, and never on an HTTP/1.0 request. Better, do not accept h2c
	through Upgrade.
Apache httpd: Protocols http/1.1.`,
	needs: needsH2C,
	When:  func(c *Case) bool { return c.h2c && c.leftHTTP },
	Judge: func(c *Case) Result { return c.passIf(c.switched) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"))
	},
})

// beganH2Directly reports whether the server accepted an offer of h2c without a 101: it starts with
// a SETTINGS frame.
func beganH2Directly(c *Case) bool {
	if c.X.Response != nil || len(c.X.Noise) == 0 || !hasProtocol(c.offered, "h2c") {
		return false
	}
	f, ok := readH2Frame(c.X.Noise)
	return ok && f.settings()
}

// responseCutOff reports whether the connection ended within the head of the response: what is
// missing may have been about to come.
func responseCutOff(c *Case) bool {
	if c.X.Response == nil {
		return false
	}
	_, cut := c.X.Response.Flaw(wire.FlawHeadUnfinished)
	return cut
}

// describeNoise describes bytes that are not a response.
func describeNoise(c *Case) string {
	b := c.X.Noise
	switch {
	case isHTTPName(b):
		return "an unreadable response (" + quote(firstLine(b)) + ")"
	case leavesHTTP(b) && b[0] != 'P' && b[0] != tlsHandshake:
		return "what looks like a WebSocket frame (" + quote(b[:min(len(b), 2)]) + "...)"
	}
	const most = 16
	return quote(b[:min(len(b), most)])
}

// isHTTPName reports whether bytes start with the name of the protocol, in either case.
func isHTTPName(b []byte) bool {
	const name = "HTTP/"
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) >= len(name) && wire.EqualFold(b[:len(name)], name)
}
