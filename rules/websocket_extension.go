package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

const extensionField = "Sec-WebSocket-Extensions"

var _ = register(Rule{
	ID: "UPGRADE-WS-EXT-SYNTAX", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client sends a well-formed Sec-WebSocket-Extensions header, and a server rejects a malformed one",
	Problem: Problems{
		Switched: "Server accepted a handshake with a malformed Sec-WebSocket-Extensions header: %s",
		Refused:  "Client sent a malformed Sec-WebSocket-Extensions header: %s",
	},
	Label: "Malformed extensions accepted",
	Refs: []Ref{
		{"6455", "9.1", "the header is a list of extensions; names and values are tokens, also inside quotation marks; a recipient of anything else fails the connection"},
		{"6455", "4.2.1", "a server stops processing a handshake that does not match the grammar"},
	},
	Why: `Extensions change the frames: which bits they have and how the payload is read. If
one side reads an extension into the header and the other does not, the first compressed message
is garbage or a protocol error, long after the handshake. Quotation marks mislead parsers that
split the value at each comma and semicolon; and a quotation mark that is never closed could stop
the websocket-extensions libraries for Node.js and Ruby altogether (CVE-2020-7662, CVE-2020-7663).`,
	Fix: `Parse the header with the grammar of RFC 6455, including quotation marks, and answer
	400 if it does not match. In a response, write the names and values that were agreed on, and
	nothing else.`,
	needs: needsExtensions,
	When: func(c *Case) bool {
		switch {
		case switchedToWebSocket(c) && c.X.Response.Has(extensionField):
		case !c.websocket || c.headCut || !c.X.Request.Has(extensionField):
			return false
		}
		return negotiated(c).offered.broken || negotiated(c).accepted.broken
	},
	Judge: func(c *Case) Result {
		if negotiated(c).accepted.broken {
			return c.result(Fail).by(Server)
		}
		return RefuseSwitch(c)
	},
	Show: func(c *Case, _ Result) Shown {
		n := negotiated(c)
		if n.accepted.broken {
			at, what := brokenList(InResponse, &c.X.Response.Head, n.accepted.fault)
			return says("Server sent a malformed Sec-WebSocket-Extensions header: %s", at, what)
		}
		at, what := brokenList(InRequest, &c.X.Request.Head, n.offered.fault)
		return seen(at, what)
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-EXT-BAD", Soft: true, Label: "Sec-WebSocket-Extensions: ;;=",
			Edit: Set(extensionField, ";;=")},
		soft2("UPGRADE-H2-EXT-BAD", "Sec-WebSocket-Extensions: ;;= in HTTP/2", Field("sec-websocket-extensions", ";;=")),
		{ID: "UPGRADE-WS-EXT-REDOS", Soft: true, Risk: Crash, Label: "Quoted string that is never closed", Want: "400 (other 4xx pass), at once; a 101 is a warning: the server may repair it",
			Edit: unclosed(14 << 10), Sized: unclosed, Sizes: quotedSizes()},
		{ID: "UPGRADE-WS-EXT-BLANKS", Soft: true, Risk: Crash, Label: "Thousands of blanks in an extension", Want: "400 (other 4xx pass), at once; a 101 is a warning: the server may repair it",
			Edit: listBlanks(56 << 10), Sized: listBlanks, Sizes: blankSizes()},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-EXT-UNREGISTERED", Level: Must, Party: Client,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client and a server agree only on registered WebSocket extensions",
	Problem: Problems{
		Switched: "Client and server agreed on an unregistered extension: %s",
	},
	Label: "Unregistered extension",
	Refs: []Ref{
		{"6455", "9.1", "the names of extensions are registered"},
		{"6455", "11.4", "the registry of extensions"},
	},
	Why: `Two names are registered: permessage-deflate and the Broadband Forum's
bbf-usp-protocol. Others come from old browsers (x-webkit-deflate-frame), from tutorials
(superspeed, colormode), or are private. A private one may be intended, but no one else on the
path, and no tool that inspects frames, can read what was agreed on. An offer that the server does
not accept costs nothing and passes.`,
	Fix:   `Agree on permessage-deflate only, unless you control both ends.`,
	needs: needsExtensions,
	When: func(c *Case) bool {
		return c.websocket && !c.headCut && c.X.Request.Has(extensionField) &&
			slices.ContainsFunc(negotiated(c).offered.extensions, unregistered)
	},
	Judge: func(c *Case) Result {
		if switchedToWebSocket(c) && slices.ContainsFunc(negotiated(c).accepted.extensions, unregistered) {
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(append(c.inRequest(extensionField), c.inResponse(extensionField)...), responseValues(c, extensionField))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-EXT-NOT-OFFERED", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server accepts only extensions that the client offered",
	Problem: Problems{
		Switched: "Server accepted the extension %s; the client had offered %s",
	},
	Label: "Extension not offered",
	Refs: []Ref{
		{"6455", "4.2.2", "the extensions of the response are among those that the client offered"},
		{"6455", "4.1", "a client closes the connection if the response names an extension that it did not offer"},
	},
	Why: `The server will compress what it sends to a client that cannot decompress it.
Clients that follow the RFC close the connection at once; others hand compressed bytes to the
application. The cause is a server that has compression turned on and does not check whether the
client offers it, or a proxy that removes the offer: then client and server are both right, and
the proxy broke the connection.`,
	Fix: `Respond with permessage-deflate only if the client offered it.
In a proxy, forward Sec-WebSocket-Extensions in both directions or remove it in both.`,
	needs: needsExtensions,
	When: func(c *Case) bool {
		if !switchedToWebSocket(c) || c.headCut || !c.X.Response.Has(extensionField) {
			return false
		}
		offered := &negotiated(c).offered
		return !offered.broken && !offered.long
	},
	Judge: func(c *Case) Result {
		_, found := unofferedExtension(c)
		return c.passIf(!found)
	},
	Show: func(c *Case, _ Result) Shown {
		v, _ := unofferedExtension(c)
		at := append(c.inRequest(extensionField), Span{InResponse, v.From, v.To})
		name := quote(c.X.Response.Text(v))
		if !c.X.Request.Has(extensionField) {
			return says("Server accepted the extension %s; the client had offered none", at, name)
		}
		return seen(at, name, requestValues(c, extensionField))
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-EXT-NONE", Class: Negotiate, Label: "No Sec-WebSocket-Extensions header", Want: "101 without Sec-WebSocket-Extensions",
			Edit: Without(extensionField)},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-EXT-MULTI-LINE", Level: Must, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server lists all accepted extensions in one Sec-WebSocket-Extensions header",
	Problem: Problems{
		Switched: "Server sent several Sec-WebSocket-Extensions headers: %s",
	},
	Label: "Several extension headers",
	Refs: []Ref{
		{"6455", "11.3.2", "the header appears only once in a response"},
		{"6455", "4.2.2", "contradicting that: the list of extensions in a response may be split over several headers"},
	},
	Why: `The RFC says both, so several headers are not clearly a mistake. But clients that
follow the first sentence close the connection, and those that look up one value per name, as many
HTTP libraries do, miss the other headers: client and server then disagree on whether frames are
compressed.`,
	Fix:   `Write all extensions into one header.`,
	needs: needsExtensions,
	When:  func(c *Case) bool { return switchedToWebSocket(c) && c.X.Response.Has(extensionField) },
	Judge: func(c *Case) Result {
		if c.X.Response.Count(extensionField) > 1 {
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(extensionField), responseValues(c, extensionField))
	},
})

// A negotiation is what both sides said about extensions.
type negotiation struct {
	offered, accepted extensionList
	deflate           deflateTerms
}

// negotiated returns what the request offers and, for a 101, what the response accepts. It is
// parsed once.
func negotiated(c *Case) *negotiation {
	if c.extensions == nil {
		n := &negotiation{offered: readExtensions(&c.X.Request.Head)}
		if c.switched {
			n.accepted = readExtensions(&c.X.Response.Head)
		}
		n.deflate = settle(&n.offered, &n.accepted)
		c.extensions = n
	}
	return c.extensions
}

// unregistered reports whether no extension of that name is in the registry of RFC 6455 §11.4.
func unregistered(e extension) bool { return !e.is(permessageDeflate) && !e.is("bbf-usp-protocol") }

// unofferedExtension returns the first extension of the response that the request does not offer.
func unofferedExtension(c *Case) (wire.Span, bool) {
	n := negotiated(c)
	for i := range n.accepted.extensions {
		if e := &n.accepted.extensions[i]; !n.offered.has(e.name) {
			return e.at, true
		}
	}
	return wire.Span{}, false
}

// brokenList quotes where a list of extensions breaks the grammar.
func brokenList(in Part, h *wire.Head, fault wire.Span) (at []Span, what string) {
	what = values(h, extensionField)
	if fault.Len() == 0 {
		return fieldSpans(in, h, extensionField), what + " (no extension in it)"
	}
	return []Span{{in, fault.From, fault.To}}, what + "; the error is at the end of " + quote(h.Text(fault))
}
