package rules

import (
	"bytes"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-101-NOT-SWITCHED", Level: Advice, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A server speaks the new protocol after its 101 and sends no more HTTP on that connection",
	Problem: Problems{
		Switched: "Server sent another HTTP response after the 101: %s",
	},
	Label: "HTTP response after 101",
	Refs: []Ref{
		{"9110", "7.8", "directly after a 101 the server continues with the original request in the protocol that it has switched to"},
		{"9110", "15.2.2", "the protocol that a 101 names applies from the end of that response"},
	},
	Why: `The server said that it leaves HTTP, and did not. Every proxy on the path now
forwards raw bytes, while the server still answers requests: what a client writes into the tunnel
bypasses all access rules, logs and authentication of the proxies. A server that switches
correctly and later writes an error page into the tunnel causes the same confusion, since the
client reads a response as frames; then the severity is high.`,
	Fix: `Send the 101 only when you hand the connection over, and detach it from the HTTP
	server in the same step. Report errors as HTTP before the 101, and in the new protocol after
	it (for WebSocket: a close frame).`,
	needs: needsSwitch | needsBytes,
	When:  func(c *Case) bool { return c.switched && c.X.Complete && len(c.X.After.Server) > 0 },
	Judge: func(c *Case) Result {
		b := c.X.After.Server
		switch at := httpIn(c, FromServer); {
		case at >= 0 && emptyLines(b[:at]):
			return c.result(unlessPrivate(c, Fail))
		case len(b) < len(statusLine) && mayBeHTTP(b, FromServer):
			return c.result(Unclear)
		case at < 0 && laterHTTP(c, FromServer):
		case at < 0 && !endsInHTTP(c):
			return c.result(Pass)
		case at < 0 && carriesHTTP(c):
			return c.result(Unclear)
		}
		// it has switched, and forgot that at the end
		return c.result(Fail).rated(High)
	},
	Show: func(c *Case, r Result) Shown {
		at := httpIn(c, FromServer)
		if at < 0 && laterHTTP(c, FromServer) {
			return showLaterHTTP(c, FromServer, "response")
		}
		if at < 0 && endsInHTTP(c) {
			text, last := "Server wrote an HTTP response into the tunnel at the end: %s", quote(firstLine(c.X.After.Last))
			if carriesHTTP(c) {
				text += "; its frames carry HTTP, so this may be part of one"
			}
			return says(text, c.inResponse(), last)
		}
		return showHTTP(c, FromServer, max(at, 0), r)
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-HTTP-IN-TUNNEL", Class: Sequence, Risk: Crash, Label: "HTTP request sent after the 101", Want: "101, and no HTTP response after it",
			Edit: After(again)},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-TRAFFIC-HTTP", Level: Advice, Party: Client,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A client sends no HTTP request after a 101",
	Problem: Problems{
		Switched: "Client sent an HTTP request after the 101: %s",
	},
	Label: "HTTP request after 101",
	Refs: []Ref{
		{"9110", "7.8", "the new protocol starts when the request has been sent in full and the 101 has arrived"},
		{"9110", "15.2.2", "the protocol that a 101 names applies from the end of that response"},
	},
	Why: `Either the client does not know that the connection was switched, and its requests,
with their cookies, end up as data of another protocol. Or it knows, and uses the tunnel to reach
the server with requests that no proxy inspects: the handshake only served to open the tunnel
(WebSocket smuggling). Requests that were pipelined after an upgrade request end up here as well.`,
	Fix: `In a server, close a connection whose first bytes do not belong to the new protocol,
	and never hand it back to the HTTP parser.
In a proxy, open a tunnel only for a 101 that names what was offered, and check
	Sec-WebSocket-Accept.
In a client, send nothing after an upgrade request until the response has arrived, and accept no
	101 that you did not ask for.`,
	needs: needsSwitch | needsBytes,
	When:  func(c *Case) bool { return c.switched && c.X.Complete && len(c.X.After.Client) > 0 },
	Judge: func(c *Case) Result {
		switch {
		case httpIn(c, FromClient) >= 0, laterHTTP(c, FromClient):
			return c.result(unlessPrivate(c, Fail))
		case !switchedToPrivate(c) && perhapsRequestLine(c.X.After.Client):
			return c.result(Unclear)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, r Result) Shown {
		at := httpIn(c, FromClient)
		if at < 0 && laterHTTP(c, FromClient) {
			return showLaterHTTP(c, FromClient, "request")
		}
		return showHTTP(c, FromClient, max(at, 0), r)
	},
})

// laterHTTP reports whether HTTP takes the place of a frame after the recorded bytes of one side.
func laterHTTP(c *Case, from Part) bool {
	if !framed13(c) {
		return false
	}
	s := scanFrames(c, from)
	return s.HTTP && s.Read >= int64(len(sentAfter(c, from)))
}

func showLaterHTTP(c *Case, from Part, what string) Shown {
	s := scanFrames(c, from)
	return says(subjectOf(from)+" sent an HTTP "+what+" into the tunnel after %s", nil, counted(s.count, "frame"))
}

// httpIn returns the offset of HTTP in what one side sent after the 101: at the start or, if the
// tunnel carries frames, in place of a later frame. It is -1 if there is none.
func httpIn(c *Case, from Part) int {
	begins := isStatusLine
	if from == FromClient {
		begins = isRequestLine
	}
	b := sentAfter(c, from)
	if rest := bytes.TrimLeft(b, "\r\n"); begins(rest) { // RFC 9112 §2.2: empty lines in front are passed over
		return len(b) - len(rest)
	}
	if framed13(c) {
		for f := range frames(b) {
			if begins(b[f.from:]) {
				return f.from
			}
		}
	}
	return -1
}

// emptyLines reports whether there is nothing but line ends in b.
func emptyLines(b []byte) bool { return len(bytes.TrimLeft(b, "\r\n")) == 0 }

// endsInHTTP reports whether the last bytes that the server wrote into a tunnel of frames look like
// a response.
func endsInHTTP(c *Case) bool {
	last := c.X.After.Last
	return c.X.After.Ended && len(last) > 0 && framed13(c) && isStatusLine(last) && wire.ReadResponse(last).Status > 0
}

// carriesHTTP reports whether one of the server's first frames carries a response: then a read that
// starts with one may have started within a frame.
func carriesHTTP(c *Case) bool {
	b := c.X.After.Server
	for f := range frames(b) {
		if bytes.Contains(f.payload(b), []byte(statusLine)) {
			return true
		}
	}
	return false
}

// unlessPrivate returns the verdict, or Unclear if the connection was switched to a private
// protocol: its bytes are unknown, and some of these protocols carry HTTP.
func unlessPrivate(c *Case, v Verdict) Verdict {
	if switchedToPrivate(c) {
		return Unclear
	}
	return v
}

func switchedToPrivate(c *Case) bool {
	return len(c.chosen) > 0 && !slices.ContainsFunc(c.chosen, registered)
}

// statusLine is the start of the status line of an HTTP/1 response, in either case.
const statusLine = "HTTP/1."

func isStatusLine(b []byte) bool {
	return len(b) >= len(statusLine) && wire.EqualFold(b[:len(statusLine)], statusLine)
}

// isRequestLine reports whether bytes begin with an HTTP/1 request line: a method, a target without
// spaces, a version.
func isRequestLine(b []byte) bool {
	method, rest, _ := bytes.Cut(b, []byte(" "))
	if !wire.IsToken(method) {
		return false
	}
	target, rest, _ := bytes.Cut(rest, []byte(" "))
	return len(target) > 0 && isStatusLine(rest) &&
		!slices.ContainsFunc(target, func(c byte) bool { return c <= ' ' || c >= 0x7f })
}

// perhapsRequestLine reports whether bytes that end too soon may continue as a request line. A
// single word may be the method only if it is not longer than methods are.
func perhapsRequestLine(b []byte) bool {
	const longest = 24
	return len(b) > 0 && len(b) < wire.MaxRecorded && (len(b) <= longest || bytes.IndexByte(b, ' ') >= 0) && maybeRequestLine(b)
}

// firstLine returns the bytes before the first line end.
func firstLine(b []byte) []byte {
	if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
		return b[:i]
	}
	return b
}

// showHTTP shows HTTP that one side sent after the 101, beginning at an offset: at once, or after
// frames.
func showHTTP(c *Case, from Part, at int, r Result) Shown {
	b, what, place := sentAfter(c, from), "another HTTP response", "after the 101"
	if from == FromClient {
		what = "an HTTP request"
	}
	line := bytes.Clone(firstLine(b[at:]))
	if from == FromClient {
		c.Options.redactRequestLine(line)
	}
	spans, values := []Span{{from, at, at + len(line)}}, []string{quote(line)}
	if !emptyLines(b[:at]) {
		what, place = strings.Replace(what, "another", "an", 1), "into the tunnel after its frames"
	}
	text := subjectOf(from) + " sent " + what + " " + place + ": %s"
	switch {
	case switchedToPrivate(c):
		text, values = text+"; the private protocol %s may carry HTTP", append(values, members(c.chosen))
	case r.Verdict == Unclear:
		text = subjectOf(from) + " sent what may be the start of " + strings.Replace(what, "another", "an", 1) + " " + place + ": %s"
	}
	return says(text, spans, values...)
}
