package rules

import "bytes"

var _ = register(Rule{
	ID: "UPGRADE-IGNORED-BODY", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server that ignores an offer still reads the request body",
	Problem: Problems{
		Refused: "Server lost the request body when it ignored the offer: the same request without the offer returned it",
	},
	Label: "Body lost with ignored offer",
	Refs: []Ref{
		{"9110", "7.8", "a server may ignore an Upgrade header; the request is then the same as without one"},
		{"9112", "6", "a request has a body if Content-Length or Transfer-Encoding says so, whatever its other headers are"},
		{"9112", "9.3", "a server reads the whole body of a request or closes the connection after its response; otherwise the rest is read as the next request"},
	},
	Why: `HTTP parsers stop at an Upgrade header and leave the rest to the caller, who has to
continue with the body if the server does not switch. If the caller does not, the application gets
an empty request and answers 200: an order without its items, a form without its values. Java's
HttpClient and Apache HttpClient offer h2c and TLS with ordinary requests, so this happens to
normal clients; uvicorn with httptools and aiohttp have both lost bodies this way. If the body
stays on the connection, it is read as the next request. Only a comparison with the same request
without the offer shows this; a probe sends both.`,
	Fix: `Read the body by its framing once it is clear that the server does not switch.
uvicorn: use --http h11 if requests with an offer arrive without their body.
In front of the server: remove Upgrade unless it is websocket.`,
	needs: needsProbe,
	When:  func(c *Case) bool { return c.brings("UPGRADE-IGNORED-BODY") && c.X.Response != nil && !c.switched },
	Judge: func(c *Case) Result {
		t := c.twin("plain")
		switch {
		case t == nil || t.Response == nil || t.Response.Status/100 != 2:
			return c.result(NotApplicable) // nothing shows what happens to the body
		case c.status() != t.Response.Status:
			return c.result(Warn).rated(Medium)
		case lostContent(c):
			return c.result(Fail)
		case !bytes.Equal(c.X.Content, t.Content):
			return c.result(Unclear)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		with, without := c.X.Response, c.twin("plain").Response
		at := append(c.inRequest("Upgrade", "Content-Length"), c.inResponse("Content-Length")...)
		switch {
		case c.status() != without.Status:
			return says("Server answered %s with the offer and %s without it", at, quote(with.Text(with.Start)), quote(without.Text(without.Start)))
		case lostContent(c):
			return seen(at)
		}
		return says("Server sent different responses with and without the offer; they may differ for other reasons", at)
	},
	Probes: []Probe{
		{ID: "UPGRADE-IGNORED-BODY", Class: Differential, Risk: State, Control: "h2c", Label: "POST with a body and an h2c offer", Want: "Same response as without the h2c offer; the body must not get lost",
			Edit: Edits(OfferH2C(), postMarked()), Twins: []Twin{{Name: "plain", Text: "the same request without the offer", Edit: Edits(NoOffer(), postMarked())}}},
	},
})

// marked is the body of the request that is sent with and without an offer.
const marked = "hello"

func postMarked() Edit {
	return Edits(Method("POST"), Content(marked, Set("Content-Length", "5")))
}

// lostContent reports whether the response to the request without the offer repeats its body, and
// this one does not, or not all of it.
func lostContent(c *Case) bool {
	return bytes.Contains(c.twin("plain").Content, []byte(marked)) && !bytes.Contains(c.X.Content, []byte(marked))
}
