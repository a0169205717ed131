package rules

import "strconv"

var _ = register(Rule{
	ID: "UPGRADE-WS-PMD-OFFER", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client offers permessage-deflate with valid parameters, and a server declines an invalid offer by leaving it out of the 101",
	Problem: Problems{
		Switched: "Server accepted an invalid permessage-deflate offer: %s",
		Refused:  "Client sent an invalid permessage-deflate offer: %s",
	},
	Label: "Invalid deflate offer",
	Refs: []Ref{
		{"7692", "7", "a server declines an offer with a parameter that is unknown, repeated or invalid"},
		{"7692", "7.1", "the parameters: two without a value, and two with a number of bits from 8 to 15, which the client's may omit in an offer"},
	},
	Why: `To decline means to leave the extension out of the response; the connection then
continues without compression. Servers that do not check start to compress on terms that are
undefined: with a window of 16 bits, or with the first of two values where the client means the
last. Servers that do check sometimes overdo it: Tomcat answered an offer of 16 bits with 500
instead of a plain 101. A 101 without the extension, or one that accepts another offer of the same
request, is correct; then only the client is at fault.`,
	Fix: `Check the parameters of each offer, leave invalid offers out of the response, and
	continue.
Or turn compression off: ws perMessageDeflate: false (default), Python websockets
	compression=None, aiohttp WebSocketResponse(compress=False), uvicorn --ws-per-message-deflate
	false.`,
	needs: needsExtensions,
	When: func(c *Case) bool {
		return c.websocket && !c.headCut && c.X.Request.Has(extensionField) && !negotiated(c).offered.broken &&
			negotiated(c).deflate.unsound.fault != ""
	},
	Judge: func(c *Case) Result {
		t := &negotiated(c).deflate
		res := RefuseSwitch(c)
		switch {
		case c.switched && t.answers > 0 && !t.sound:
			return res.as(Fail)
		case !c.switched:
			return res
		case c.probed():
			return res.as(Pass)
		}
		return c.result(Warn).by(Client)
	},
	Show: func(c *Case, r Result) Shown {
		d := &negotiated(c).deflate.unsound
		at := []Span{{InRequest, d.at.From, d.at.To}}
		if c.switched && !r.answered {
			return says("Client sent an invalid permessage-deflate offer (%s), which the server declined", at, d.fault)
		}
		return seen(at, d.fault)
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-PMD-FOO", Class: Negotiate, Label: "permessage-deflate with unknown parameter", Want: "101 without permessage-deflate (declined, not rejected)",
			Edit: Set(extensionField, "permessage-deflate; foo=1")},
		{ID: "UPGRADE-WS-PMD-BITS16", Class: Negotiate, Label: "client_max_window_bits=16 (invalid)", Want: "101 without permessage-deflate (declined, not rejected)",
			Edit: Set(extensionField, "permessage-deflate; client_max_window_bits=16")},
		probe2("UPGRADE-H2-EXT-DEFLATE-BAD", "client_max_window_bits=16 (invalid) in HTTP/2", Negotiate, "200 without permessage-deflate (declined, not rejected)",
			Extended(), []Edit{Field("sec-websocket-extensions", "permessage-deflate; client_max_window_bits=16")}),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PMD-RESPONSE", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server accepts permessage-deflate once and with valid parameters",
	Problem: Problems{
		Switched: "Server accepted permessage-deflate with an invalid parameter: %s",
	},
	Label: "Invalid deflate response",
	Refs: []Ref{
		{"7692", "7", "a client closes the connection if a parameter of the response is unknown, repeated or invalid"},
		{"7692", "7.1.2.2", "in a response, client_max_window_bits has a value"},
		{"7692", "5", "a server does not accept two extensions that use the same bit of the frame header"},
	},
	Why: `A client that follows the RFC closes the connection, and only users whose browser or
library checks notice: libsoup, for example, was changed to reject client_max_window_bits without
a value. A client that does not check guesses what the server meant, and compressed messages fail
if the guess is wrong. Servers that send the client's offer back as their response do this with
every client that offers client_max_window_bits without a value, and Chrome does.`,
	Fix: `Write the response from what was chosen, not from what was offered; give
	client_max_window_bits a value or omit it.`,
	needs: needsExtensions,
	When:  func(c *Case) bool { return acceptsExtensions(c) && negotiated(c).deflate.answers > 0 },
	Judge: func(c *Case) Result {
		t := &negotiated(c).deflate
		return c.passIf(t.answers == 1 && t.bad.fault == "")
	},
	Show: func(c *Case, _ Result) Shown {
		d := &negotiated(c).deflate.bad
		if d.fault == "" {
			return says("Server accepted permessage-deflate twice: %s", c.inResponse(extensionField), responseValues(c, extensionField))
		}
		return seen([]Span{{InResponse, d.at.From, d.at.To}}, d.fault)
	},
	Probes: []Probe{
		{ID: "CTRL-WS-PMD", Class: Accept, Label: "Valid handshake with permessage-deflate", Want: "101, with permessage-deflate declined or accepted with valid parameters",
			Edit: Set(extensionField, "permessage-deflate; client_max_window_bits")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PMD-CLIENT-BITS", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server limits the client's compression window only if the client offered client_max_window_bits",
	Problem: Problems{
		Switched: "Server sent client_max_window_bits=%s; the client had not offered it",
	},
	Label: "Unoffered client_max_window_bits",
	Refs: []Ref{
		{"7692", "7.1.2.2", "a response has client_max_window_bits only if the offer has it, with a value that is not larger"},
	},
	Why: `The server tells the client how far back its compression may refer, and allocates no
more than that itself. A client that never said that it can be limited continues with 15 bits, and
the server cannot decompress what refers farther back; or the client closes the connection, as
most do. ws, Netty, Boost.Beast and libsoup have all had to fix this negotiation. A value larger
than the one in the offer only contradicts a hint, so it is a warning, but ws closes such
connections as well.`,
	Fix: `Put client_max_window_bits into the response only if the accepted offer has it, with
	a value that is not larger.`,
	needs: needsExtensions,
	When: func(c *Case) bool {
		return acceptsExtensions(c) && negotiated(c).deflate.compared && negotiated(c).deflate.answer.clientBits != 0
	},
	Judge: func(c *Case) Result {
		switch t := &negotiated(c).deflate; {
		case t.answer.fitsClientBits(&t.offer):
			return c.result(Pass)
		case t.offer.clientBits == 0:
			return c.result(Fail)
		}
		return c.result(Warn).rated(Medium)
	},
	Show: func(c *Case, _ Result) Shown {
		t := &negotiated(c).deflate
		if t.offer.clientBits != 0 {
			return says("Server sent client_max_window_bits=%s; the client had offered at most %s", deflateSpans(c),
				strconv.Itoa(t.answer.clientBits), strconv.Itoa(t.offer.clientBits))
		}
		return seen(deflateSpans(c), strconv.Itoa(t.answer.clientBits))
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-PMD-NOCMWB", Class: Negotiate, Label: "Deflate without client_max_window_bits", Want: "101 without client_max_window_bits",
			Edit: Set(extensionField, "permessage-deflate")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PMD-SERVER-BITS", Level: Advice, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server that accepts server_max_window_bits keeps to it and repeats it in the 101",
	Problem: Problems{
		Switched: "Server sent no server_max_window_bits; the client had asked for %s",
	},
	Label: "server_max_window_bits ignored",
	Refs: []Ref{
		{"7692", "7.1.2.1", "a server that accepts an offer with server_max_window_bits responds with it, at the same or a smaller value"},
	},
	Why: `A client that asks for a small window has little memory and keeps only as much of
earlier data as it said. A server that accepts the offer and ignores the limit refers to bytes
that the client has discarded; the message cannot be decompressed, and the connection ends with
the first large one. A server that cannot limit its window, such as one built on Java's Deflater,
must decline the offer. If the client asks for 15 bits, the maximum, nothing can go wrong; a
strict client may still miss the parameter, so that is a warning.`,
	Fix: `Repeat server_max_window_bits in the response and limit the window, or leave
	permessage-deflate out of the response.`,
	needs: needsExtensions,
	When:  func(c *Case) bool { return acceptsExtensions(c) && negotiated(c).deflate.offer.serverBits != 0 },
	Judge: func(c *Case) Result {
		switch t := &negotiated(c).deflate; {
		case t.answer.fitsServerBits(&t.offer):
			return c.result(Pass)
		case t.offer.serverBits == 15: // the default
			return c.result(Warn).rated(Low)
		}
		return c.result(Fail)
	},
	Show: func(c *Case, _ Result) Shown {
		t := &negotiated(c).deflate
		asked := strconv.Itoa(t.offer.serverBits)
		if t.answer.serverBits != 0 {
			return says("Server sent server_max_window_bits=%s; the client had asked for at most %s", deflateSpans(c),
				strconv.Itoa(t.answer.serverBits), asked)
		}
		return seen(deflateSpans(c), asked)
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-PMD-BITS10", Class: Negotiate, Label: "permessage-deflate with 10-bit windows", Want: "101 with both windows limited to 10 bits or less, or without the extension",
			Edit: Set(extensionField, "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PMD-NO-TAKEOVER", Level: Advice, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server that accepts server_no_context_takeover repeats it in the 101",
	Problem: Problems{
		Switched: "Server accepted permessage-deflate without the server_no_context_takeover that the client had asked for",
	},
	Label: "No-context-takeover ignored",
	Refs: []Ref{
		{"7692", "7.1.1.1", "a server that accepts an offer with server_no_context_takeover repeats it in the response"},
	},
	Why: `The client asked because it does not keep the window between messages. If the server
compresses across messages, the first one can be read and the second cannot, a bug that no test
with a single message finds. Clients that check the response close the connection.`,
	Fix: `Repeat server_no_context_takeover in the response and start each message with an
	empty window, or leave permessage-deflate out.`,
	needs: needsExtensions,
	When:  func(c *Case) bool { return acceptsExtensions(c) && negotiated(c).deflate.offer.serverReset },
	Judge: func(c *Case) Result {
		t := &negotiated(c).deflate
		return c.passIf(t.answer.fitsServerReset(&t.offer))
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(deflateSpans(c))
	},
})

// acceptsExtensions reports whether the response accepts extensions in a well-formed list, and the
// offer is known.
func acceptsExtensions(c *Case) bool {
	return switchedToWebSocket(c) && !c.headCut && c.X.Response.Has(extensionField) &&
		!negotiated(c).accepted.broken && !negotiated(c).offered.broken
}

// deflateSpans returns the offer and the answer of permessage-deflate that were compared.
func deflateSpans(c *Case) []Span {
	t := &negotiated(c).deflate
	return []Span{{InRequest, t.offer.at.From, t.offer.at.To}, {InResponse, t.answer.at.From, t.answer.at.To}}
}
