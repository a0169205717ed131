package diagnose

import (
	"slices"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Kind{
	ID: "stripped-101", Family: Stripped, Stages: Switched,
	Title: "The 101 has no Upgrade header, or no Connection header that lists it",
	Why: `The server agreed: it sent 101, and mostly Sec-WebSocket-Accept too. A proxy between
Interlock and the server passed the response on without the two headers that are for one hop only,
or the server never sent them. Browsers, Go and Caddy require both and drop the connection; nginx
passes such a response on.`,
	Refs: []rules.Ref{
		{RFC: "6455", Section: "4.1", Text: "a client fails the connection if the 101 lacks Upgrade: websocket or Connection: Upgrade"},
		{RFC: "9110", Section: "7.8", Text: "a 101 names the new protocol in Upgrade"},
	},
	Rules: []string{"UPGRADE-101-NO-UPGRADE", "UPGRADE-101-MISSING-CONN", "UPGRADE-RESP-MISSING-CONN", "UPGRADE-WS-ACCEPT-MISSING"},
	See: func(v *View) string {
		if !v.Request.Has("Upgrade") || v.lacksResponse() {
			return ""
		}
		switch upgrade, option := v.Response.Has("Upgrade"), v.Response.HasOption("upgrade"); {
		case !upgrade && !v.Response.Has("Connection"):
			return "The 101 has neither an Upgrade nor a Connection header"
		case !upgrade:
			return "The 101 has no Upgrade header"
		case !v.Response.Has("Connection"):
			return "The 101 has no Connection header"
		case !option:
			return "The 101 has " + v.got("Connection") + ", which does not list upgrade"
		}
		return ""
	},
	Causes: append(named("%s between Interlock and the server removed them from the 101", after, keep101(), "nginx", "Apache", "Cloudflare", "Envoy", "Varnish", "Squid", "Kong"),
		Cause{Text: "The proxy between Interlock and the server removed them from the 101", Certainty: rules.Likely, Mark: viaAfter, Fix: keep101()},
		Cause{Text: "The server does not send them, or a proxy between Interlock and the server removed them", Certainty: rules.Possible, Fix: keep101()},
	),
})

func keep101() []Remedy {
	return []Remedy{
		{"nginx", `proxy_http_version 1.1; and no proxy_hide_header Upgrade and no add_header Connection in this location`},
		{"Apache", `no Header unset Upgrade for this path; ProxyPass ... upgrade=websocket`},
		{"", "a server of its own sends Upgrade: websocket and Connection: Upgrade with every 101"},
	}
}

// viaAfter is the mark of a response that a proxy passed on.
func viaAfter(v *View) string {
	if _, basis := v.product(rules.InResponse, append(hops(), edges()...)); basis != "" {
		return basis
	}
	return v.proxied(rules.InResponse)
}

// lacksResponse reports whether the headers of the response are not known in full.
func (v *View) lacksResponse() bool {
	if v.Response == nil || slices.Contains(v.X.Lossy, "response fields") {
		return true
	}
	_, cut := v.Response.Flaw(wire.FlawHeadUnfinished)
	return cut
}

var _ = register(Kind{
	ID: "lost-extension", Family: Stripped, Stages: Switched,
	Title: "The server compresses its frames, but the 101 accepts no extension",
	Why: `The client offered permessage-deflate, and the server sets the bit that marks compressed
messages. Its 101 has no Sec-WebSocket-Extensions header, so the client was never told: it closes the
connection with "Invalid frame header" or "RSV1 must be clear".`,
	Refs: []rules.Ref{
		{RFC: "7692", Section: "5", Text: "compression is in use only if the 101 accepts the extension"},
		{RFC: "6455", Section: "5.2", Text: "a reserved bit that no extension defines fails the connection"},
	},
	Rules: []string{"UPGRADE-WS-RSV"},
	See: func(v *View) string {
		after := v.X.After.Server
		if len(after) == 0 || after[0]&0x70 != 0x40 || !v.has(rules.InRequest, "Sec-WebSocket-Extensions", "permessage-deflate") ||
			v.Response.Has("Sec-WebSocket-Extensions") || v.lacksResponse() || !v.Request.Offers("websocket") {
			return ""
		}
		return "The client offers permessage-deflate, the 101 accepts no extension, and the first frame of the server is compressed"
	},
	Causes: []Cause{
		{Text: "The proxy between Interlock and the server removed Sec-WebSocket-Extensions from the 101", Certainty: rules.Likely, Mark: viaAfter, Fix: keepExtensions()},
		{Text: "A proxy between Interlock and the server removed Sec-WebSocket-Extensions from the 101, or the server compresses without agreement", Certainty: rules.Possible,
			Fix: keepExtensions()},
	},
})

func keepExtensions() []Remedy {
	return []Remedy{
		{"", "let the proxy pass Sec-WebSocket-Extensions in both directions, or remove it from requests so that neither side compresses"},
		{"npm ws", "perMessageDeflate: false"},
		{"Python websockets", "compression=None"},
		{"uvicorn", "--ws-per-message-deflate false"},
	}
}
