package diagnose

import (
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// breaks reports whether a rule did not pass.
func (v *View) breaks(id string) bool {
	f := v.Ruling.Find(id)
	return f != nil && f.Verdict < rules.Pass
}

// overHTTP1 is how a client is kept on HTTP/1.1 for its WebSockets.
func overHTTP1() []Remedy {
	return []Remedy{
		{"server", "leave SETTINGS_ENABLE_CONNECT_PROTOCOL out until the whole path to the WebSocket server supports RFC 8441: browsers then open their WebSockets over HTTP/1.1"},
		{"Node.js", "http2.createSecureServer({ settings: { enableConnectProtocol: false }, allowHTTP1: true })"},
		{"HAProxy", "h2-workaround-bogus-websocket-clients in global"},
		{"", "or offer only http/1.1 by ALPN to the host name of the WebSocket"},
	}
}

var _ = register(Kind{
	ID: "h2-page-as-tunnel", Family: Dropped, Stages: Switched, Over: OnlyHTTP2,
	Title: "A web page was sent where a tunnel over HTTP/2 was asked for",
	Why: `In HTTP/2 a WebSocket is opened by a 200, the status of every page. A server, or a proxy, that
does not look at :protocol answers an extended CONNECT with the page of the path. A browser takes that for
an open tunnel: it fires the event open, cannot read the page as frames, and fails with code 1006. Over
HTTP/1.1 the same path would have answered without a 101.`,
	Refs: []rules.Ref{
		{RFC: "8441", Section: "5", Text: "a 2xx to an extended CONNECT opens the tunnel"},
		{RFC: "9110", Section: "9.3.6", Text: "a successful response to CONNECT has no content"},
	},
	Rules: []string{"UPGRADE-H2-NOT-A-TUNNEL"}, Covers: []string{"tunnel-no-close"},
	See: func(v *View) string {
		if !v.breaks("UPGRADE-H2-NOT-A-TUNNEL") {
			return ""
		}
		text := fmt.Sprintf("The server answered the extended CONNECT for %s with %d and a page", v.target(), v.Status())
		if v.Response.Has("Content-Type") {
			text += ", " + v.got("Content-Type")
		}
		return text + ": a browser fires open, and then close with code 1006"
	},
	Causes: []Cause{
		{Text: "The path falls through to the page of an application, whose server does not look at :protocol", Certainty: rules.Likely,
			Mark: either(got("Content-Type", "html"), got("Content-Length", "")), Fix: append(mount(), overHTTP1()[0])},
		{Text: "The server does not look at :protocol", Certainty: rules.Possible, Fix: append(mount(), overHTTP1()[0])},
	},
})

var _ = register(Kind{
	ID: "h2-unreadable-refusal", Family: Rejected, Stages: Answered, Over: OnlyHTTP2,
	Title: "A refusal over HTTP/2 cannot be read, because it has headers of HTTP/1.1",
	Why: `A backend in HTTP/1.1 answers 426 with Upgrade and Connection. A proxy that speaks HTTP/2 to
its clients has to remove them. Where it does not, curl, nghttp2 and Node.js take the response for malformed
and reset the stream: they report a protocol error, and the status is lost. Go and Chromium
show it.`,
	Refs:  []rules.Ref{{RFC: "9113", Section: "8.2.2", Text: "a message in HTTP/2 with connection-specific headers is malformed"}},
	Rules: []string{"UPGRADE-H2-ANSWER-FIELD"}, Covers: []string{"h2-rejected"},
	See: func(v *View) string {
		if !v.breaks("UPGRADE-H2-ANSWER-FIELD") || v.Status() < 400 {
			return ""
		}
		for _, name := range [...]string{"Upgrade", "Connection", "Keep-Alive", "Transfer-Encoding", "Proxy-Connection"} {
			if v.Response.Has(name) {
				return fmt.Sprintf("The response %d has %s: many clients reset the stream and never see the status", v.Status(), v.got(name))
			}
		}
		return ""
	},
	Causes: []Cause{
		{Text: "nginx passes the header of its backend on", Certainty: rules.Likely, Mark: after("nginx"), Fix: []Remedy{{"nginx", "proxy_hide_header Upgrade; in the location, or clear it in the backend"}}},
		{Text: "The proxy passes the headers of its backend on, or the server writes them itself", Certainty: rules.Possible, Fix: []Remedy{
			{"nginx", "proxy_hide_header Upgrade;"}, {"HAProxy", "http-response del-header upgrade"}, {"", "remove Connection, Upgrade and Keep-Alive from responses over HTTP/2"}}},
	},
})

var _ = register(Kind{
	ID: "h2-setting-missing", Family: Rejected, Stages: Answered | Unanswered, Over: OnlyHTTP2, Covers: []string{"h2-rejected", "h2-reset", "closed-unanswered"},
	Title: "The server speaks HTTP/2 without WebSockets in it",
	Why: `A server announces extended CONNECT by SETTINGS_ENABLE_CONNECT_PROTOCOL. Without it browsers
open a second connection in HTTP/1.1 for their WebSockets, which works if the server accepts that too. A
client that asks over HTTP/2 all the same is refused.`,
	Refs:  []rules.Ref{{RFC: "8441", Section: "3", Text: "a client uses :protocol only after the server has offered it"}},
	Rules: []string{"UPGRADE-H2-NOT-OFFERED"},
	See: func(v *View) string {
		if s := v.X.Stream; s.Offered != wire.OfferNone && s.Offered != wire.OfferNo || !v.Request.Has(":protocol") || v.X.Outcome == wire.Local {
			return ""
		}
		return "The client asked for a WebSocket over HTTP/2, and the SETTINGS of the server do not offer that"
	},
	Causes: []Cause{{Text: "The server, or the proxy in front of it, has no support for RFC 8441, or it is turned off", Certainty: rules.Possible, Fix: []Remedy{
		{"client", "open WebSockets over HTTP/1.1 where the setting is missing, as browsers do"},
		{"Node.js", "http2.createSecureServer({ settings: { enableConnectProtocol: true } }), and answer :protocol websocket in the stream event"},
		{"Go", "GODEBUG=http2xconnect=1 for net/http"},
		{"Envoy", "http2_protocol_options: { allow_connect: true } and upgrade_configs: [{upgrade_type: websocket}]"},
		{"", "keep http/1.1 in ALPN beside h2: without it browsers cannot open a WebSocket at all"},
	}}},
})

var _ = register(Kind{
	ID: "h2-demands-accept", Family: Dropped, Stages: Switched | Tunnel, Over: OnlyHTTP2,
	Title: "A client waits for Sec-WebSocket-Accept over HTTP/2",
	Why: `Over HTTP/2 no key is proved: Sec-WebSocket-Key and Sec-WebSocket-Accept are not used. A
client that sends the key, as undici of Node.js does, mostly demands the accept value too, and gives up at
every server that follows the RFC.`,
	Refs:  []rules.Ref{{RFC: "8441", Section: "5", Text: "Sec-WebSocket-Key and Sec-WebSocket-Accept are not processed in HTTP/2"}},
	Rules: []string{"UPGRADE-H2-KEY"},
	See: func(v *View) string {
		x := v.X
		if !v.Request.Has("Sec-WebSocket-Key") || v.Response.Has("Sec-WebSocket-Accept") || v.Stage&Over == 0 || x.After.ClientBytes > 0 ||
			x.Cause != wire.CauseClientReset && x.Cause != wire.CauseClient {
			return ""
		}
		return "The client sent Sec-WebSocket-Key over HTTP/2, got a 200 without Sec-WebSocket-Accept, and ended the stream without a frame"
	},
	Causes: []Cause{
		{Text: "undici, the client of Node.js, demands Sec-WebSocket-Accept", Certainty: rules.Likely, Mark: either(sent("User-Agent", "undici"), sent("User-Agent", "node")), Fix: noAccept()},
		{Text: "The client demands Sec-WebSocket-Accept, which HTTP/2 does not have", Certainty: rules.Possible, Fix: noAccept()},
	},
})

func noAccept() []Remedy {
	return []Remedy{
		{"Node.js", "new WebSocket(url, { dispatcher: new Agent({ allowH2: false }) }), or npm ws, which speaks HTTP/1.1"},
		{"client", "take a 200 for the extended CONNECT as accepted, without Sec-WebSocket-Accept"},
	}
}

var _ = register(Kind{
	ID: "h2-close-reset", Family: Ended, Stages: Over, Over: OnlyHTTP2, Covers: []string{"tunnel-no-close"},
	Title: "A Close frame over HTTP/2 was answered by a reset of the stream",
	Why: `Chromium sends its Close frame with END_STREAM: nothing more comes from it. A server that takes the
end of the stream for the end of the tunnel resets it and never sends its own Close frame. The
browser then reports code 1006 for a tunnel that it has closed in order.`,
	Refs: []rules.Ref{
		{RFC: "8441", Section: "5", Text: "an orderly end of TCP is END_STREAM, and a reset is RST_STREAM with CANCEL"},
		{RFC: "6455", Section: "5.5.1", Text: "a Close frame is answered by one"},
	},
	Rules: []string{"UPGRADE-H2-CLOSE", "UPGRADE-WS-CLOSE-UNANSWERED", "UPGRADE-H2-HALF-CLOSE"},
	See: func(v *View) string {
		x := v.X
		if x.After.End == nil || x.After.End.Client.Kind != wire.WordClose || x.After.End.Server.Kind == wire.WordClose || x.Stream.Server.End != wire.StreamReset {
			return ""
		}
		text := "The client sent a Close frame"
		if x.Stream.Client.End == wire.StreamEnded {
			text += " and END_STREAM"
		}
		return fmt.Sprintf("%s, and the server reset the stream (%v) instead of sending its own", text, x.Stream.Server.Code)
	},
	Causes: []Cause{{Text: "The server, or a proxy, takes END_STREAM for the end of the tunnel, though it ends one direction only", Certainty: rules.Possible, Fix: []Remedy{
		{"server", "after END_STREAM of the client, send the Close frame and END_STREAM: the other direction is still open"},
		{"client", "a browser calls close() and waits for the event: code 1006 after that is harmless"}}}},
})

var _ = register(Kind{
	ID: "h2-connection-ended", Family: Ended, Stages: Answered | Unanswered | Switched | Over, Over: OnlyHTTP2, Covers: []string{"tunnel-no-close", "h2-reset", "closed-unanswered", "h2-rejected"},
	Title: "One stream took the whole HTTP/2 connection with it",
	Why: `All requests and tunnels of a page share one connection in HTTP/2. What is wrong with one stream
is to end that stream alone. A server that ends the connection instead drops every other tunnel and
request on it: they fail at the same moment, with code 1006.`,
	Refs: []rules.Ref{
		{RFC: "9113", Section: "5.4.2", Text: "an error of a stream does not affect the other streams"},
		{RFC: "9113", Section: "8.1.1", Text: "a malformed request is an error of its stream"},
	},
	Rules: []string{"UPGRADE-H2-CONNECTION-KILLED"},
	See: func(v *View) string {
		if f := v.Ruling.Find("UPGRADE-H2-CONNECTION-KILLED"); f != nil && f.Verdict < rules.Unclear {
			return f.Detail
		}
		return ""
	},
	Causes: []Cause{{Text: "The server, or a proxy in front of it, answers the fault of one stream with the end of the connection", Certainty: rules.Possible, Fix: []Remedy{
		{"server", "answer with RST_STREAM; look for an update of its HTTP/2 library"},
		{"HAProxy, lighttpd, hypercorn", "keep WebSockets on a name of their own, so that nothing else shares their connection"}}}},
})

var _ = register(Kind{
	ID: "h2-rejected", Family: Rejected, Stages: Answered, Over: OnlyHTTP2, Covers: []string{"rejected-500"},
	Title: "The server rejects a valid extended CONNECT",
	Why: `The server has offered WebSockets over HTTP/2, and does not take this one. Often a proxy speaks
HTTP/2 to the browser and HTTP/1.1 to the server, and does not turn the CONNECT into a handshake on this
route: the server then sees an unknown method, or an ordinary GET.`,
	Refs: []rules.Ref{
		{RFC: "8441", Section: "5", Text: "a server that does not accept the WebSocket answers with another status than 2xx"},
		{RFC: "9220", Section: "3", Text: "an unknown :protocol is answered with 501"},
	},
	See: func(v *View) string {
		switch v.Status() {
		case 400, 405, 406, 410, 413, 415, 421, 426, 431, 501, 505:
			if v.Valid() {
				return v.rejection()
			}
		}
		return ""
	},
	Causes: []Cause{
		{Text: "The server demands an upgrade in HTTP/1.1: the proxy in front of it forwards the CONNECT as an ordinary request, without the headers of a handshake", Certainty: rules.Likely,
			Mark: when(func(v *View) bool { return v.Status() == 426 }, "status 426"), Fix: bridge()},
		{Text: "The server knows no CONNECT at this path: it is not reached by a WebSocket over HTTP/2", Certainty: rules.Likely,
			Mark: when(func(v *View) bool { return v.Status() == 405 || v.Status() == 501 }, "a status that rejects the method"), Fix: bridge()},
		{Text: "The path is not the one of the WebSocket server, or the server takes WebSockets over HTTP/1.1 only", Certainty: rules.Possible, Fix: append(mount(), bridge()...)},
	},
})

// bridge is how a WebSocket over HTTP/2 gets to a server in HTTP/1.1.
func bridge() []Remedy {
	return append([]Remedy{
		{"HAProxy", "it turns an extended CONNECT into a handshake by itself where the server speaks HTTP/1.1: look at the route"},
		{"nghttpx", "it does so for backends with proto=http/1.1"},
		{"Envoy", "upgrade_configs: [{upgrade_type: websocket}] on the route"},
		{"nginx", "it does not: open WebSockets over HTTP/1.1"},
	}, overHTTP1()[0])
}

var _ = register(Kind{
	ID: "h2-reset", Family: Rejected, Stages: Unanswered, Over: OnlyHTTP2,
	Title: "The server resets the stream of a valid extended CONNECT",
	Why: `The server gave no answer but an error code. PROTOCOL_ERROR says that it takes the request for
malformed, which is what a server without extended CONNECT does; REFUSED_STREAM that it was not processed and
may be sent again; HTTP_1_1_REQUIRED that it wants the handshake of HTTP/1.1.`,
	Refs: []rules.Ref{
		{RFC: "9113", Section: "7", Text: "what the error codes mean"},
		{RFC: "9113", Section: "8.7", Text: "a request that was refused may be repeated"},
	},
	See: func(v *View) string {
		switch {
		case !v.Valid():
			return ""
		case v.X.Outcome == wire.GoneAway:
			return "The server ended the connection (GOAWAY) before it looked at the extended CONNECT for " + v.target()
		case v.X.Outcome == wire.Reset && v.X.Stream.Server.End == wire.StreamReset:
			return fmt.Sprintf("The server reset the stream of the valid extended CONNECT for %s (%v)", v.target(), v.X.Stream.Server.Code)
		}
		return ""
	},
	Causes: []Cause{
		{Text: "The server was about to end the connection, as at a restart: the client may ask again on a new one", Certainty: rules.Likely,
			Mark: when(func(v *View) bool { return v.X.Outcome == wire.GoneAway }, "GOAWAY"), Fix: backOff()},
		{Text: "The server wants the handshake of HTTP/1.1", Certainty: rules.Certain, Mark: resetWith(codeHTTP11), Fix: overHTTP1()},
		{Text: "The server has not processed the request: it has too many streams, or ends the connection", Certainty: rules.Likely, Mark: resetWith(codeRefused), Fix: backOff()},
		{Text: "The server takes the request for malformed: it offers extended CONNECT and does not support it here", Certainty: rules.Possible, Fix: append(overHTTP1(), bridge()[:3]...)},
	},
})

// Error codes of HTTP/2 (RFC 9113 §7).
const (
	codeRefused h2.Code = 0x7
	codeHTTP11  h2.Code = 0xd
)

// resetWith is the mark of a reset of the server with a code.
func resetWith(code h2.Code) mark {
	return func(v *View) string {
		if v.X.Stream.Server.End != wire.StreamReset || v.X.Stream.Server.Code != code {
			return ""
		}
		return "code " + code.String()
	}
}
