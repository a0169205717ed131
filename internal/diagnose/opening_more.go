package diagnose

import (
	"bytes"
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Kind{
	ID: "h2-only", Family: Opening, Stages: Switched | Answered | Unanswered, Covers: []string{"bytes-before-response", "closed-unanswered"},
	Title: "The backend speaks HTTP/2 at this port",
	Why: `The first bytes of the server are a SETTINGS frame: it expects HTTP/2 with prior knowledge, as
gRPC servers do, and cannot read a WebSocket handshake in HTTP/1.1.`,
	Refs:  []rules.Ref{{RFC: "9113", Section: "3.4", Text: "an HTTP/2 server begins with a SETTINGS frame"}},
	Rules: []string{"UPGRADE-RESP-UNREADABLE", "UPGRADE-H2C-NO-101"},
	See: func(v *View) string {
		const head = 9 // of a frame
		b := v.X.Noise
		if len(b) < head || b[0] != 0 || b[3] != 4 || b[4] != 0 || !bytes.Equal(b[5:head], make([]byte, 4)) || int(b[1])<<8|int(b[2]) > len(b)-head {
			return ""
		}
		return "The first bytes of the server are a SETTINGS frame of HTTP/2"
	},
	Causes: []Cause{{Text: "It is a gRPC server, or one that is configured for HTTP/2 only", Certainty: rules.Possible, Fix: []Remedy{
		{"", "send WebSocket to another port, or let the server speak HTTP/1.1 as well"}, {"ASP.NET Core", `"Protocols": "Http1AndHttp2" with TLS, or "Http1" for the endpoint`}}}},
})

var _ = register(Kind{
	ID: "tls-in-tunnel", Family: Opening, Stages: Switched,
	Title: "TLS runs in a tunnel that was not switched to TLS",
	Why: `After the 101 one side sent a TLS record, not a frame. A wss:// client was put on a port
of plain HTTP behind something that had upgraded already, or a generic tunnel carries TLS.`,
	Refs:  []rules.Ref{{RFC: "8446", Section: "5.1", Text: "a TLS record begins with its type and version"}},
	Rules: []string{"UPGRADE-WS-UNMASKED", "UPGRADE-WS-OPCODE", "UPGRADE-WS-RSV", "UPGRADE-WS-CONTROL"},
	See: func(v *View) string {
		if !v.Response.Offers("websocket") {
			return ""
		}
		for _, side := range [...]struct {
			name  string
			bytes []byte
		}{{"client", v.X.After.Client}, {"server", v.X.After.Server}} {
			if b := side.bytes; len(b) > 5 && b[1] == 3 && b[2] <= 4 && (b[0] == 0x16 || b[0] == 0x15) && (b[0] != 0x16 || b[5] <= 2) {
				return fmt.Sprintf("After the 101 to websocket the %s began with a TLS record", side.name)
			}
		}
		return ""
	},
	Causes: []Cause{{Text: "The client speaks TLS inside the WebSocket connection without framing it", Certainty: rules.Possible, Fix: advice("use wss:// to the port that terminates TLS, and no TLS inside; a tunnel over WebSocket puts its bytes into frames")}},
})

var _ = register(Kind{
	ID: "extra-crlf", Family: Opening, Stages: Switched | Answered,
	Title: "An extra line end follows the headers",
	Why: `The head ends with one empty line. A further CRLF belongs to what follows: a server reads it
as the first frame of the client, or the client as that of the server, and the connection fails. It
comes from programs that write the head by hand.`,
	Refs:  []rules.Ref{{RFC: "9112", Section: "2.1", Text: "the head ends with one empty line"}},
	Rules: []string{"UPGRADE-TRAILING-CRLF", "UPGRADE-WS-UNMASKED", "UPGRADE-WS-OPCODE", "UPGRADE-WS-RSV", "UPGRADE-WS-CONTROL", "UPGRADE-WS-MASKED-SERVER", "UPGRADE-EARLY-DATA"},
	See: func(v *View) string {
		crlf := []byte("\r\n")
		switch {
		case !v.Request.Has("Upgrade"):
		case v.Status() == 101 && bytes.HasPrefix(v.X.After.Server, crlf):
			return "The server sent an extra CRLF after its 101"
		case bytes.HasPrefix(v.X.After.Client, crlf), bytes.HasPrefix(v.X.Early, crlf):
			return "The client sent an extra CRLF after its handshake"
		}
		return ""
	},
	Causes: []Cause{{Text: "The program writes the head by hand", Certainty: rules.Possible, Fix: append(advice(`end the head with \r\n\r\n once: println adds a line end of its own`),
		Remedy{"Apache", "mod_proxy_wstunnel of 2.4.46 and older forwards it into the tunnel: use ProxyPass ... upgrade=websocket"})}},
})

var _ = register(Kind{
	ID: "late-101", Family: Opening, Stages: Switched,
	Title: "A 101 follows another response to the same request",
	Why: `The request had its answer already when the 101 came. A proxy answered in place of the server
and then tunneled what the server sent: it took the GET for a CONNECT, or began the tunnel before it
knew the answer.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "15.2", Text: "a 1xx precedes the final response"}},
	Rules: []string{"UPGRADE-101-LATE", "UPGRADE-101-UNSOLICITED"},
	See: func(v *View) string {
		if v.X.Outcome != wire.Late || v.X.Former == nil {
			return ""
		}
		return fmt.Sprintf("The request was answered with %d, and then a 101 came", v.X.Former.Status)
	},
	Causes: []Cause{
		{Text: "Tinyproxy after Interlock takes the request for a CONNECT", Certainty: rules.Likely, Mark: formerly("Proxy-Agent", "tinyproxy"), Fix: connectThrough()},
		{Text: "A proxy after Interlock answered in place of the server", Certainty: rules.Likely, Mark: formerly("Proxy-Agent", ""), Fix: connectThrough()},
		{Text: "A proxy after Interlock answered before the server, or the server answered twice", Certainty: rules.Possible, Fix: advice("wait for the answer of the server before the tunnel begins; answer each request once")},
	},
})

// formerly is the mark of a header of the response that came before a late 101.
func formerly(name, contains string) mark {
	return func(v *View) string {
		if v.X.Former == nil {
			return ""
		}
		for s := range v.X.Former.Values(name) {
			if value := v.X.Former.Text(s); contained(value, contains) {
				return name + ": " + rules.Quote(string(value))
			}
		}
		return ""
	}
}

var _ = register(Kind{
	ID: "tunnel-after-refusal", Family: Opening, Stages: Answered | Unanswered,
	Title: "The client sends frames although the server did not accept the upgrade",
	Why: `Bytes that are no HTTP follow a request that was not answered with 101. The client does not
look at the status, or a proxy in front of Interlock opened a tunnel without waiting for it: anything that
the client sends then reaches the server as requests of the proxy.`,
	Refs:  []rules.Ref{{RFC: "9110", Section: "7.8", Text: "without a 101 the connection goes on in HTTP"}},
	Rules: []string{"UPGRADE-TUNNEL-AFTER-REFUSAL"},
	See: func(v *View) string {
		if len(v.X.Next.Bytes) == 0 || v.X.Next.HTTP || !v.found("UPGRADE-TUNNEL-AFTER-REFUSAL") {
			return ""
		}
		return fmt.Sprintf("After the %d the client sent bytes that are no HTTP request", v.Status())
	},
	Causes: []Cause{
		{Text: "The proxy in front of Interlock opened the tunnel without waiting for the 101", Certainty: rules.Likely, Mark: beforeAny, Fix: awaitSwitch()},
		{Text: "The client does not look at the status, or a proxy in front of Interlock opened the tunnel without waiting", Certainty: rules.Possible, Fix: awaitSwitch()},
	},
})

func awaitSwitch() []Remedy {
	return []Remedy{
		{"Apache", "2.4.47 and later with ProxyPass ... upgrade=websocket; mod_proxy_wstunnel before tunneled whatever the backend answered"},
		{"Varnish", "answer handshakes that the backend rejects outside of pipe, and do not pipe other versions of WebSocket"},
		{"", "read the status line before the first frame is sent"},
	}
}
