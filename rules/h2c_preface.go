package rules

import (
	"fmt"

	"github.com/interlock-proxy/interlock/wire/h2"
)

var _ = register(Rule{
	ID: "UPGRADE-H2C-SERVER-PREFACE", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server starts with a SETTINGS frame after a 101 to h2c",
	Problem: Problems{
		Switched: "Server did not send a SETTINGS frame after the 101 to h2c; it sent %s",
	},
	Label: "Missing HTTP/2 server preface",
	Refs: []Ref{
		{"7540", "3.2", "the first frame that the server sends after the 101 is its preface"},
		{"7540", "3.5", "the server preface is a SETTINGS frame, which may be empty"},
	},
	Why: `A client closes the connection. Whatever the server speaks, it is not HTTP/2,
although the 101 says so: it may echo bytes, it may be a proxy that connected the tunnel to
something else, or one part of the server wrote the 101 and another part writes the bytes.
Meanwhile a proxy has opened a tunnel to it. In a Docker build session the roles are swapped, and
the daemon starts as an HTTP/2 client; that is reported as information only.`,
	Fix: `Hand the connection to a complete HTTP/2 implementation together with the 101, or do
	not switch.`,
	needs: needsH2C,
	When:  func(c *Case) bool { return h2cFollows(c) && !mayBeHTTP(c.X.After.Server, FromServer) },
	Judge: func(c *Case) Result {
		if swappedSides(c) {
			return c.result(Warn).rated(Info)
		}
		f, ok := readH2Frame(c.X.After.Server)
		if !ok {
			return c.result(Unclear)
		}
		return c.passIf(f.settings())
	},
	Show: func(c *Case, r Result) Shown {
		at, b := spanOf(FromServer, c.X.After.Server), describeH2(c.X.After.Server)
		switch {
		case swappedSides(c):
			return says("Server started as an HTTP/2 client; client and server have swapped roles", at)
		case r.Verdict == Unclear:
			return says("Server sent too few bytes after the 101 to tell whether HTTP/2 follows: %s", at, b)
		}
		return seen(at, b)
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-CLIENT-PREFACE", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A client starts with the HTTP/2 preface and a SETTINGS frame after a 101 to h2c",
	Problem: Problems{
		Switched: "Client did not send the HTTP/2 preface after the 101; it sent %s",
	},
	Label: "Missing HTTP/2 client preface",
	Refs: []Ref{
		{"7540", "3.2", "when it gets the 101, the client sends its preface"},
		{"7540", "3.5", "the client preface is a fixed sequence of 24 bytes and a SETTINGS frame, which may be empty"},
	},
	Why: `The preface was chosen so that an HTTP/1 server stops when it reads it. A client
that omits it writes bytes into the tunnel that no one agreed on, and a server that does not
require it reads any bytes as frames: the body of a request, or data for someone else. In a Docker
build session the roles are swapped, and the client starts as a server; that is reported as
information only.`,
	Fix: `In a server, close the connection if the first 24 bytes are not the preface.
In a client, start with the preface and a SETTINGS frame, even if there is nothing to set.`,
	needs: needsH2C,
	When: func(c *Case) bool {
		return h2cFollows(c) && len(c.X.After.Client) > 0 && !isRequestLine(c.X.After.Client) && !contentCutOff(c)
	},
	Judge: func(c *Case) Result {
		rest, v := cutH2Preface(c.X.After.Client)
		switch f, _ := readH2Frame(c.X.After.Client); {
		case v == Fail && swappedSides(c):
			return c.result(Warn).rated(Info)
		case v == Fail && f.settings() && len(c.X.After.Server) == 0 && !c.X.Request.Has(settingsField):
			return c.result(Unclear) // perhaps the server is about to begin as a client
		case v != Pass:
			return c.result(v)
		}
		f, ok := readH2Frame(rest)
		if !ok {
			return c.result(Unclear)
		}
		return c.passIf(f.settings())
	},
	Show: func(c *Case, r Result) Shown {
		b := c.X.After.Client
		rest, v := cutH2Preface(b)
		if v == Fail && swappedSides(c) {
			return says("Client sent a SETTINGS frame alone and the server sent the preface; the two have swapped roles", spanOf(FromClient, b))
		}
		text, at, what := c.rule.Problem.Switched, Span{FromClient, 0, min(len(b), len(h2Preface))}, quote(b[:min(len(b), h2Head)])
		if v == Pass {
			text, what = "Client sent no SETTINGS frame after the HTTP/2 preface; it sent %s", describeH2(rest)
			at = Span{FromClient, len(h2Preface), len(h2Preface) + min(len(rest), h2Head)}
		}
		if r.Verdict == Unclear {
			text = "Client sent what may not be the HTTP/2 preface and a SETTINGS frame after the 101: %s"
		}
		return says(text, []Span{at}, what)
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-BODY", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: High, Worst: Critical}, Since: "0.1",
	Title: "A server reads the whole request body before it starts HTTP/2, and a client sends it whole",
	Problem: Problems{
		Switched: "Server read HTTP/2 frames out of the request body: it acknowledged SETTINGS that the client had not sent after the body",
	},
	Label: "Body read as HTTP/2",
	Refs: []Ref{
		{"7540", "3.2", "a client sends a request with a body in full before it sends frames"},
		{"9110", "7.8", "the client cannot change the protocol in the middle of a message"},
	},
	Why: `One side takes bytes for a body that the other takes for frames. A server that
switches before it has read the whole body reads the rest as HTTP/2, and whoever chose the body
has chosen requests: in Go's h2c package that was CVE-2022-41721, through MaxBytesHandler. If a
client stops in the middle of the body when it gets the 101, its preface is lost as part of the
body. Helidon, Jetty and mod_h2 have also had bugs with h2c offers that have a body.`,
	Fix: `In a server, do not switch on a request with a body, or read all of it first; reject
	the request if the body is too large.
In a client, offer h2c only with requests that have no body.
Go: golang.org/x/net 0.2.0 or later, or remove the h2c package.`,
	needs: needsH2C | needsContent,
	When:  func(c *Case) bool { return h2cFollows(c) && hasContent(c) && !c.X.After.Opaque },
	Judge: func(c *Case) Result {
		b := c.X.After.Client
		_, v := cutH2Preface(b)
		switch {
		case len(b) == 0 && acknowledgedSettings(c):
			return c.result(Fail).rated(c.rule.Severity.Worst).by(Server)
		case len(b) == 0 && c.X.BodyDone && testsContent(c) && servesH2(c):
			return c.result(Pass).by(Server) // it waits for the preface, so the content is gone
		case len(b) == 0 && c.X.BodyDone:
			return c.result(NotApplicable)
		case v == Fail && c.X.BodyDone:
			return c.result(NotApplicable) // of the preface, not of the content
		}
		return c.result(v)
	},
	Show: func(c *Case, r Result) Shown {
		b := c.X.After.Client
		switch {
		case r.Party == Server:
			return seen(spanOf(FromServer, c.X.After.Server))
		case len(b) == 0:
			return says("Server sent the 101 before the request body was complete, and nothing followed", c.inResponse())
		}
		n := min(len(b), len(h2Preface))
		return says("Client sent %s after a request body that was incomplete at the 101, instead of the HTTP/2 preface",
			[]Span{{FromClient, 0, n}}, quote(b[:min(n, h2Head)]))
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2C-BODY", Class: Body, Risk: Crash, Control: "h2c", Label: "h2c: body that looks like HTTP/2", Want: "Any response; 101 only after the body has been read",
			Edit: Edits(OfferH2C(), Method("POST"), Content(h2Preface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00", Set("Content-Length", "33")))},
	},
})

// swappedSides reports whether the server acts as the HTTP/2 client, and the client does not. (An
// echo server does both.)
func swappedSides(c *Case) bool {
	if _, v := cutH2Preface(c.X.After.Server); v != Pass {
		return false
	}
	f, ok := readH2Frame(c.X.After.Client)
	return !ok || f.settings()
}

// h2cFollows reports whether HTTP/2 should follow the 101, and some of what follows was recorded.
func h2cFollows(c *Case) bool {
	return c.h2c && c.switched && c.X.Complete && len(c.X.After.Client)+len(c.X.After.Server) > 0 &&
		(len(c.chosen) == 0 || hasProtocol(c.chosen, "h2c"))
}

// contentCutOff reports whether the server answered before it had the whole request body.
func contentCutOff(c *Case) bool { return !c.X.BodyDone && hasContent(c) }

// servesH2 reports whether the server started HTTP/2 as it must.
func servesH2(c *Case) bool {
	f, ok := readH2Frame(c.X.After.Server)
	return ok && f.settings()
}

// acknowledgedSettings reports whether the server has acknowledged settings. The 101 acknowledges
// those of HTTP2-Settings (RFC 7540 §3.2.1), so these settings came in a frame.
func acknowledgedSettings(c *Case) bool { return http2Of(c).Sides[h2.Server].Acks.Settings > 0 }

// describeH2 quotes bytes that should be HTTP/2 frames, and says which frame they would be.
func describeH2(b []byte) string {
	f, ok := readH2Frame(b)
	if !ok {
		return quote(b)
	}
	return fmt.Sprintf("%s (frame type %#x, stream %d, %d bytes)", quote(b[:h2Head]), f.Type, f.Stream, f.Length)
}

// spanOf returns the span of the head of an HTTP/2 frame, or of the bytes in its place.
func spanOf(from Part, b []byte) []Span { return []Span{{from, 0, min(len(b), h2Head)}} }
