package diagnose

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
)

// failing are the references for a client that does not take a 101.
func failing(text string) []rules.Ref { return []rules.Ref{{RFC: "6455", Section: "4.1", Text: text}} }

// found reports whether one of the rules did not pass.
func (v *View) found(ids ...string) bool {
	for _, id := range ids {
		if f := v.Ruling.Find(id); f != nil && f.Verdict < rules.Pass {
			return true
		}
	}
	return false
}

// failed reports whether one of the rules failed.
func (v *View) failed(id string) bool {
	f := v.Ruling.Find(id)
	return f != nil && f.Verdict == rules.Fail
}

var _ = register(Kind{
	ID: "subprotocol-not-chosen", Family: Dropped, Stages: Switched, Over: EveryVersion,
	Title: "The client offers subprotocols, and the 101 chooses none",
	Why: `RFC 6455 lets a server choose no subprotocol. The WebSocket standard of browsers does not: a
page that asked for one gets an error and code 1006 although the server sees an open connection. The
server has to choose one of the names that the client sent, exactly as written; if it does, a proxy
after Interlock removed the header.`,
	Refs:  failing("a client that needs a subprotocol fails the connection if the 101 names none (for browsers: WHATWG WebSockets §2.2)"),
	Rules: []string{"UPGRADE-WS-PROTO-SILENT"},
	See: func(v *View) string {
		if !v.Request.Offers("websocket") || v.lacksResponse() || v.Response.Has("Sec-WebSocket-Protocol") || !v.Request.Has("Sec-WebSocket-Protocol") {
			return ""
		}
		if v.X.After.ClientBytes > 0 || browser(v) == "" && !v.X.After.Ended { // this client does without
			return ""
		}
		text := "The client offers " + v.sent("Sec-WebSocket-Protocol") + ", and the 101 chooses none"
		if hop := viaAfter(v); hop != "" {
			return text + "; it passed a proxy, " + hop
		}
		return text
	},
	Causes: []Cause{
		{Text: "A browser closes such a connection at once, with code 1006", Certainty: rules.Certain,
			Mark: browser, Fix: chooseSubprotocol()},
		{Text: "Browsers close such a connection at once; other clients may go on", Certainty: rules.Possible, Fix: chooseSubprotocol()},
	},
})

var _ = register(Kind{
	ID: "subprotocol-not-offered", Family: Dropped, Stages: Switched, Over: EveryVersion,
	Title: "The 101 chooses a subprotocol that the client did not offer",
	Why: `Clients compare the name with those they sent and close the connection if it is not among
them. Servers that return the whole list, a fixed name, or a name in another spelling cause this, and
so does a proxy that drops Sec-WebSocket-Protocol from the request or adds it to the response.`,
	Refs:  failing("a client fails the connection if the 101 names a subprotocol that it did not offer"),
	Rules: []string{"UPGRADE-WS-PROTO-NOT-OFFERED", "UPGRADE-WS-PROTO-MULTI", "UPGRADE-WS-PROTO-EMPTY"},
	See: func(v *View) string {
		if !v.found("UPGRADE-WS-PROTO-NOT-OFFERED", "UPGRADE-WS-PROTO-MULTI", "UPGRADE-WS-PROTO-EMPTY") || v.lacksResponse() {
			return ""
		}
		if !v.Request.Has("Sec-WebSocket-Protocol") {
			return "The 101 has " + v.got("Sec-WebSocket-Protocol") + "; the client offered none"
		}
		return "The 101 has " + v.got("Sec-WebSocket-Protocol") + "; the client offered " + v.sent("Sec-WebSocket-Protocol")
	},
	Causes: []Cause{
		{Text: "The server returns the client's list in place of one name", Certainty: rules.Certain, Mark: all(got("Sec-WebSocket-Protocol", ","), returned), Fix: chooseSubprotocol()},
		{Text: "The server names several subprotocols, where it may name one", Certainty: rules.Likely, Mark: got("Sec-WebSocket-Protocol", ","), Fix: chooseSubprotocol()},
		{Text: "The server writes the header although it has chosen none", Certainty: rules.Likely, Mark: unnamed, Fix: []Remedy{{"", "leave Sec-WebSocket-Protocol out of the 101 if no subprotocol is chosen"}}},
		{Text: "A proxy in front of Interlock dropped Sec-WebSocket-Protocol from the request, or the server names its subprotocol to everyone", Certainty: rules.Likely,
			Mark: all(without(rules.InRequest, "Sec-WebSocket-Protocol"), beforeAny), Fix: append(chooseSubprotocol(), allowHeaders()[1])},
		{Text: "The server names a fixed subprotocol, or spells it differently", Certainty: rules.Possible,
			Fix: append(chooseSubprotocol(), Remedy{"nginx", "no add_header Sec-WebSocket-Protocol"})},
	},
})

// returned is the mark of a 101 whose subprotocols are those of the request, as they came.
func returned(v *View) string {
	offered, _ := v.Request.Value("Sec-WebSocket-Protocol")
	if chosen, ok := v.Response.Value("Sec-WebSocket-Protocol"); !ok || chosen != offered {
		return ""
	}
	return "the value of the request"
}

// unnamed is the mark of a 101 with an empty Sec-WebSocket-Protocol.
func unnamed(v *View) string {
	if chosen, ok := v.Response.Value("Sec-WebSocket-Protocol"); !ok || chosen != "" {
		return ""
	}
	return "an empty value"
}

var _ = register(Kind{
	ID: "extension-not-offered", Family: Dropped, Stages: Switched, Over: EveryVersion,
	Title: "The 101 accepts an extension that the client did not offer",
	Why: `Every client closes the connection then. Browsers offer permessage-deflate in each
handshake, so a request of a browser without Sec-WebSocket-Extensions lost it on the way.`,
	Refs:  failing("a client fails the connection if the 101 accepts an extension that it did not offer"),
	Rules: []string{"UPGRADE-WS-EXT-NOT-OFFERED", "UPGRADE-WS-EXT-UNREGISTERED"},
	See: func(v *View) string {
		if !v.found("UPGRADE-WS-EXT-NOT-OFFERED") || v.lacksResponse() {
			return ""
		}
		return "The 101 has " + v.got("Sec-WebSocket-Extensions") + ", which the client did not offer"
	},
	Causes: []Cause{
		{Text: "A proxy in front of Interlock removed Sec-WebSocket-Extensions from the request, and the server accepts compression all the same", Certainty: rules.Likely,
			Mark: all(browser, without(rules.InRequest, "Sec-WebSocket-Extensions")), Fix: keepExtensions()},
		{Text: "The server accepts extensions without looking at the offer, or a proxy adds the header to its response", Certainty: rules.Possible, Fix: keepExtensions()},
	},
})

var _ = register(Kind{
	ID: "extension-parameters", Family: Dropped, Stages: Switched, Over: EveryVersion,
	Title: "The 101 accepts compression with parameters that the client cannot use",
	Why: `Browsers check the parameters of permessage-deflate and close the connection if one is
unknown, repeated, out of range or an answer to something that was not offered.`,
	Refs:  []rules.Ref{{RFC: "7692", Section: "7.1", Text: "a client fails the connection if the accepted parameters are invalid"}},
	Rules: []string{"UPGRADE-WS-PMD-RESPONSE", "UPGRADE-WS-PMD-CLIENT-BITS", "UPGRADE-WS-EXT-SYNTAX"},
	See: func(v *View) string {
		if !v.found("UPGRADE-WS-PMD-RESPONSE", "UPGRADE-WS-PMD-CLIENT-BITS") || v.lacksResponse() || v.found("UPGRADE-WS-EXT-NOT-OFFERED") {
			return ""
		}
		return "The 101 has " + v.got("Sec-WebSocket-Extensions") + "; the client offered " + v.sent("Sec-WebSocket-Extensions")
	},
	Causes: []Cause{{Text: "The WebSocket library of the server negotiates compression wrongly, or is configured with a fixed answer", Certainty: rules.Possible, Fix: keepExtensions()}},
})

var _ = register(Kind{
	ID: "wrong-accept", Family: Dropped, Stages: Switched,
	Title: "The Sec-WebSocket-Accept of the 101 does not belong to the client's key",
	Why: `The value proves that the 101 answers this handshake. Clients compute it too and close the
connection if it differs. A proxy that sent a key of its own to the server, a cached response and a
server that computes it from something else cause this.`,
	Refs:  failing("a client fails the connection if Sec-WebSocket-Accept is missing or is not computed from its key"),
	Rules: []string{"UPGRADE-WS-ACCEPT-WRONG", "UPGRADE-WS-ACCEPT-MISSING", "UPGRADE-WS-ACCEPT-DUP"},
	See: func(v *View) string {
		if !v.found("UPGRADE-WS-ACCEPT-WRONG", "UPGRADE-WS-ACCEPT-MISSING") || v.lacksResponse() {
			return ""
		}
		if !v.Response.Has("Upgrade") && !v.Response.Has("Sec-WebSocket-Accept") { // the whole answer is missing
			return ""
		}
		key, _ := v.Request.Value("Sec-WebSocket-Key")
		want := fmt.Sprintf("the key requires %q", accept(key))
		if !v.Response.Has("Sec-WebSocket-Accept") {
			return "The 101 has no Sec-WebSocket-Accept; " + want
		}
		return "The 101 has " + v.got("Sec-WebSocket-Accept") + "; " + want
	},
	Causes: []Cause{
		{Text: "The server answers with the sample of RFC 6455", Certainty: rules.Certain, Mark: got("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), Fix: computeAccept()},
		{Text: "The server computed it from an empty key: it did not find Sec-WebSocket-Key", Certainty: rules.Certain, Mark: when(ofEmptyKey, "the value for an empty key"), Fix: computeAccept()},
		{Text: "The server encoded the hash in hexadecimal digits before it encoded it in base64", Certainty: rules.Likely, Mark: when(hexAccept, "56 characters in place of 28"), Fix: computeAccept()},
		{Text: "The proxy between Interlock and the server sent another key, or gave a cached answer", Certainty: rules.Likely, Mark: viaAfter,
			Fix: append(advice("forward Sec-WebSocket-Key and Sec-WebSocket-Accept unchanged; do not cache responses to upgrades"), computeAccept()...)},
		{Text: "The server computes it wrongly, or a proxy after Interlock changed the key or the value", Certainty: rules.Possible, Fix: computeAccept()},
	},
})

func computeAccept() []Remedy {
	return advice("base64(SHA-1(key + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11)): the key as it came, without white space around it, and the 20 bytes of the hash")
}

// accept is the Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2).
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func ofEmptyKey(v *View) bool {
	value, _ := v.Response.Value("Sec-WebSocket-Accept")
	return value == accept("")
}

func hexAccept(v *View) bool {
	const hexDigest = 56 // base64 of 40 digits
	value, _ := v.Response.Value("Sec-WebSocket-Accept")
	return len(value) == hexDigest
}
