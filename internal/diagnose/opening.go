package diagnose

import (
	"bytes"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Kind{
	ID: "chunked-tunnel", Family: Opening, Stages: Switched,
	Title: "The tunnel begins with the size of a chunk",
	Why: `Something treats what follows the 101 as a chunked body: chunk sizes stand between the
frames, and the client sees invalid frames. The 101 mostly has Transfer-Encoding: chunked, which a
framework or a proxy added.`,
	Refs:   []rules.Ref{{RFC: "9112", Section: "7.1", Text: "a chunk begins with its size in hexadecimal digits and CRLF"}, {RFC: "9112", Section: "6.1", Text: "a 1xx has no Transfer-Encoding"}},
	Rules:  []string{"UPGRADE-101-TE", "UPGRADE-WS-RSV", "UPGRADE-WS-OPCODE", "UPGRADE-WS-CONTROL", "UPGRADE-WS-LENGTH", "UPGRADE-WS-MASKED-SERVER"},
	Covers: []string{"body-headers-in-101"},
	See: func(v *View) string {
		line, ok := chunkSize(v.X.After.Server)
		if !ok {
			return ""
		}
		return "The first bytes of the server after the 101 are " + rules.Quote(string(line)) + ", the size of a chunk"
	},
	Causes: []Cause{
		{Text: "The server or a proxy after Interlock sends the tunnel as a chunked body", Certainty: rules.Certain, Mark: got("Transfer-Encoding", "chunked"), Fix: noChunks()},
		{Text: "The server or a proxy after Interlock sends the tunnel as a chunked body", Certainty: rules.Possible, Fix: noChunks()},
	},
})

func noChunks() []Remedy {
	return []Remedy{
		{"", "take the connection over (hijack, upgrade event) in place of writing to the HTTP response"},
		{"nginx", "chunked_transfer_encoding off; proxy_http_version 1.1;"},
	}
}

// chunkSize returns the line that a chunk begins with (RFC 9112 §7.1) with the CRLF after it. A
// frame of a server begins with a byte of 0x80 and more, or that of a fragment.
func chunkSize(b []byte) (line []byte, ok bool) {
	const most = 8
	i := bytes.Index(b[:min(len(b), most+2)], []byte("\r\n"))
	if i < 1 || len(bytes.Trim(b[:i], "0123456789abcdefABCDEF")) > 0 {
		return nil, false
	}
	return b[:i+2], true
}

var _ = register(Kind{
	ID: "response-after-101", Family: Opening, Stages: Switched,
	Title: "An HTTP response follows the 101",
	Why: `The server sent 101 and then went on in HTTP: the handler also wrote an ordinary response or
an error page, or it answered a second request of the same connection. The client reads it as frames
and fails.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "15.2.2", Text: "the new protocol begins directly after the empty line of the 101"}},
	Rules: []string{"UPGRADE-101-NOT-SWITCHED", "UPGRADE-WS-RSV", "UPGRADE-WS-OPCODE", "UPGRADE-WS-CONTROL"},
	See: func(v *View) string {
		switch {
		case !v.failed("UPGRADE-101-NOT-SWITCHED"): // of a private protocol it may be a part
		case statusLine(v.X.After.Server):
			line, _, _ := bytes.Cut(v.X.After.Server, []byte("\r\n"))
			return "After the 101 the server sent " + rules.Quote(string(line))
		case statusLine(v.X.After.Last):
			line, _, _ := bytes.Cut(v.X.After.Last, []byte("\r\n"))
			return "At the end of the tunnel the server sent " + rules.Quote(string(line))
		}
		return ""
	},
	Causes: []Cause{
		{Text: "The server answered another request, which the client or a proxy in front of Interlock sent on the same connection", Certainty: rules.Certain,
			Mark: when(requestAfter, "a request after the 101"), Fix: advice("a proxy must not reuse a connection after a 101: look for connection pools that share it")},
		{Text: "Socket.IO 3 and later accept the handshake of a client of version 2 and then answer 400 in the tunnel", Certainty: rules.Likely, Mark: path("EIO=3"), Fix: allowOldClients()},
		{Text: "The handler wrote an HTTP response or an error after it had accepted the upgrade", Certainty: rules.Possible,
			Fix: []Remedy{{"Go", "return from the handler after Upgrade without writing to w"}, {"Node.js", "do not pass the request of an upgrade event on to the request handler"}, {"", "end a tunnel with a Close frame, not with an error page"}}},
	},
})

// statusLine reports whether bytes begin a response of HTTP/1.
func statusLine(b []byte) bool { return bytes.HasPrefix(b, []byte("HTTP/1.")) }

// requestAfter reports whether the client's first bytes after the 101 are an HTTP request.
func requestAfter(v *View) bool { return requestLine(v.X.After.Client) }

// requestLine reports whether bytes begin a request of HTTP/1.
func requestLine(b []byte) bool {
	line, _, ok := bytes.Cut(bytes.TrimLeft(b, "\r\n"), []byte("\n"))
	method, rest, two := bytes.Cut(line, []byte(" "))
	return ok && two && wire.IsToken(method) && bytes.Contains(rest, []byte(" HTTP/1."))
}

var _ = register(Kind{
	ID: "requests-after-101", Family: Opening, Stages: Switched, Covers: []string{"response-after-101", "extra-crlf"},
	Title: "An HTTP request follows the 101 on the same connection",
	Why: `A client that offered an upgrade does not send HTTP after the 101. A proxy that took the 101
for an ordinary response, or that shares its connections to the server between clients, does: the
requests of others then reach a server that reads them as frames, or that answers them in HTTP. This
is how requests are smuggled.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "7.8", Text: "after a 101 the connection speaks the new protocol"}},
	Rules: []string{"UPGRADE-101-TRAFFIC-HTTP", "UPGRADE-101-NOT-SWITCHED", "UPGRADE-WS-UNMASKED", "UPGRADE-WS-OPCODE", "UPGRADE-WS-RSV"},
	See: func(v *View) string {
		if !requestAfter(v) || !v.failed("UPGRADE-101-TRAFFIC-HTTP") {
			return ""
		}
		line, _, _ := bytes.Cut(bytes.TrimLeft(v.X.After.Client, "\r\n"), []byte(" "))
		return "After the 101 a " + rules.Quote(string(line)) + " request came on the same connection"
	},
	Causes: []Cause{
		{Text: "The proxy in front of Interlock reuses the connection", Certainty: rules.Likely, Mark: beforeAny, Fix: noReuse()},
		{Text: "A proxy in front of Interlock reuses the connection, or the client does not know that it was upgraded", Certainty: rules.Possible, Fix: noReuse()},
	},
})

func noReuse() []Remedy {
	return []Remedy{{"nginx", "send Upgrade only with the client's own: map $http_upgrade $connection_upgrade { default upgrade; '' close; }"},
		{"", "update the proxy: it must read the 101 and give the connection to one client"}}
}

var _ = register(Kind{
	ID: "bytes-before-response", Family: Opening, Stages: Switched | Answered | Unanswered,
	Title: "Something precedes the server's response",
	Why: `The first bytes of the server are no HTTP. A program printed to the connection, a byte order
mark or an empty line stands before the status line, or the server speaks first because it speaks
another protocol. Lenient clients skip it, strict ones fail.`,
	Refs:  []rules.Ref{{RFC: "9112", Section: "2.1", Text: "a response begins with its status line"}},
	Rules: []string{"UPGRADE-RESP-UNREADABLE"},
	See: func(v *View) string {
		b := v.X.Noise
		if len(b) == 0 {
			return ""
		}
		line, _, _ := bytes.Cut(b, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if answered(b) && v.Response == nil {
			return "The server sent a response whose head cannot be read: it begins with " + rules.Quote(string(line[:min(len(line), 32)]))
		}
		return "Before its response the server sent " + rules.Quote(string(line[:min(len(line), 32)]))
	},
	Causes: []Cause{
		{Text: "The server speaks SSH", Certainty: rules.Certain, Mark: begins("SSH-"), Fix: otherPort()},
		{Text: "The server speaks a mail or file transfer protocol", Certainty: rules.Likely, Mark: begins("220 "), Fix: otherPort()},
		{Text: "Its headers are longer than 64 KiB, or do not end", Certainty: rules.Likely, Mark: when(func(v *View) bool {
			return v.Response == nil && answered(v.X.Noise) && !bytes.Contains(v.X.Noise, []byte("\r\n\r\n"))
		}, "a final status line, and no end of the headers in what follows"), Fix: advice("send fewer or shorter headers: a cookie, a policy or a trace header that grows is the usual one; clients stop at 8 to 256 KiB")},
		{Text: "An interim response of the server is malformed: a line ends in LF alone, or its version is not HTTP/1.1", Certainty: rules.Likely, Mark: begins("HTTP/"),
			Fix: advice(`write HTTP/1.1 100 Continue with \r\n at the end of each line, or no interim response`)},
		{Text: "The program printed text before its headers", Certainty: rules.Possible, Fix: advice("write nothing to the connection before the status line: debug output, byte order marks, PHP warnings")},
	},
})

func otherPort() []Remedy {
	return advice("this is the port of another service: correct the address of the backend")
}

// answered reports whether bytes begin with the status line of a final response.
func answered(b []byte) bool {
	line, _, whole := bytes.Cut(b, []byte("\r\n"))
	return whole && len(line) >= len("HTTP/1.1 200") && bytes.HasPrefix(line, []byte("HTTP/1.")) && line[8] == ' ' && line[9] >= '2' && line[9] <= '5'
}

// begins is the mark of what a server sends before its response.
func begins(text string) mark {
	return when(func(v *View) bool { return bytes.HasPrefix(v.X.Noise, []byte(text)) }, "it begins with "+rules.Quote(text))
}

var _ = register(Kind{
	ID: "frames-before-101", Family: Opening, Stages: Switched | Answered | Unanswered, Covers: []string{"bytes-before-response"},
	Title: "The server's first frame precedes its 101",
	Why: `The bytes before the status line are a WebSocket frame: an application sent a message before
its handshake was written, or a module of a proxy let the data overtake the head. Clients take it for
garbage and fail.`,
	Refs:  []rules.Ref{{RFC: "6455", Section: "4.2.2", Text: "a server sends its first frame after the 101"}},
	Rules: []string{"UPGRADE-RESP-UNREADABLE"},
	See: func(v *View) string {
		if !v.Request.Offers("websocket") || !frame(v.X.Noise) {
			return ""
		}
		return "The first bytes of the server are a WebSocket frame; its 101 comes after it"
	},
	Causes: []Cause{
		{Text: "A module of the proxy after Interlock delays the head", Certainty: rules.Likely, Mark: viaAfter, Fix: inOrder()},
		{Text: "The application sends before the handshake is written, or a proxy module delays the head", Certainty: rules.Possible, Fix: inOrder()},
	},
})

func inOrder() []Remedy {
	return []Remedy{{"", "send the first message in the open event, not while the upgrade is handled"}, {"nginx", "turn off modules that filter headers in this location, such as tracing"}}
}

// frame reports whether bytes begin with a whole unmasked frame of RFC 6455 §5.2 that is no
// fragment: of text, binary data or a control frame, with its length in one byte.
func frame(b []byte) bool {
	if len(b) < 2 || b[1] > 125 || len(b) < 2+int(b[1]) {
		return false
	}
	switch b[0] {
	case 0x81, 0x82, 0x88, 0x89, 0x8a:
		return true
	}
	return false
}
