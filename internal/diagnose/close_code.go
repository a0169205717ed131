package diagnose

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

var _ = register(Kind{
	ID: "tunnel-close-code", Family: Ended, Stages: Over, Over: EveryVersion,
	Title: "The tunnel was closed with a code that reports an error",
	Why: `The Close frame of the side that ends a tunnel says why, by a code and often a reason. 1000 and
1001 say that all went well. Other codes below 3000 are from the RFC, those from 3000 on from a
registry, and those from 4000 on from the application.`,
	Refs: []rules.Ref{
		{RFC: "6455", Section: "7.4.1", Text: "what the codes from 1000 on mean"},
		{RFC: "6455", Section: "7.4.2", Text: "who may use which codes"},
	},
	See: func(v *View) string {
		f := v.endsAs("tunnel-close-code")
		if f == nil {
			return ""
		}
		return fmt.Sprintf("%s closed the tunnel %s with code %d%s%s", capital(f.closer), f.lasted(), f.closing.Code, codeName(f.closing.Code), reason(f.closing))
	},
	Causes: append(append([]Cause{manyFragments()}, closeCauses()...), Cause{
		Text: "The application ended the tunnel for a reason of its own", Certainty: rules.Possible,
		Fix: []Remedy{{"", "Look up the code in the documentation of the application or of its WebSocket library"}},
	}),
})

// manyFragments is the cause of a close frame with 1008 or 1009 after a message that came in very many
// frames.
func manyFragments() Cause {
	const many = 10_000 // ws takes 16,384 unless told otherwise
	return Cause{
		Text: "A message came in more frames than the other side takes", Certainty: rules.Likely,
		Fix: []Remedy{
			{"", "Send messages in fewer and larger frames"},
			{"Node (ws)", "new WebSocketServer({ maxFragments: 64 * 1024 }) (the default is 16,384)"}},
		Mark: func(v *View) string {
			f := v.finish()
			if v.X.After.Frames == nil || f.closing.Code != 1008 && f.closing.Code != 1009 {
				return ""
			}
			from := ws.Client
			if f.closer == "the client" {
				from = ws.Server
			}
			if n := v.X.After.Frames.Sides[from].MostFragments; n >= many {
				return fmt.Sprintf("%d frames of one message before the close code %d", n, f.closing.Code)
			}
			return ""
		},
	}
}

// A closeCode is what a code means, and what to do about it.
type closeCode struct {
	code   int
	name   string
	cause  string
	phrase string // only with this in the reason; empty: with any
	proto  string // only with a subprotocol that begins so; empty: with any
	fix    []Remedy
}

// closeCodes are the codes of Close frames that report an error.
func closeCodes() []closeCode {
	log := func(who string) []Remedy {
		return []Remedy{{"", "Look into the log of " + who + " at that time: the error is there"}}
	}
	return []closeCode{
		{1002, "protocol error", "The other side sent frames that the WebSocket protocol does not allow", "", "", []Remedy{
			{"", "See the findings of this exchange about frames; a proxy that compresses or splits frames is a common reason"}}},
		{1003, "unsupported data", "The other side sent binary messages where text is expected, or the reverse", "", "", []Remedy{
			{"", "Send the kind of message that the endpoint accepts: socket.send(text) sends text, socket.send(bytes) binary"}}},
		{1005, "reserved", "A program copied a code that means \"no code\" into a Close frame", "", "", []Remedy{
			{"", "Send 1000, or a code from 3000 on: 1005, 1006 and 1015 must not be sent"}}},
		{1006, "reserved", "A program, often a proxy in code, copied the code of an abnormal end into a Close frame", "", "", []Remedy{
			{"", "Send 1011 or 1014 where the other connection ended abnormally: 1005, 1006 and 1015 must not be sent"}}},
		{1007, "invalid payload", "A text message is not UTF-8, or a compressed one cannot be inflated", "", "", []Remedy{
			{"", "Send bytes that are not text as binary messages; turn permessage-deflate off to see whether it is the reason"}}},
		{1008, "policy violation", "The endpoint checks authentication, authorization or Origin after the 101, and does not accept the client", "", "", []Remedy{
			{"", "Check the token, cookie and Origin of this handshake. Rejecting the handshake with 401 or 403 would tell proxies and logs"},
			{"Starlette, FastAPI", "websocket.close() before websocket.accept() rejects the handshake with 403"}}},
		{1009, "message too big", "A message is larger than the other side takes", "", "", []Remedy{
			{"Node (ws)", "new WebSocketServer({ maxPayload: 100 * 1024 * 1024 })"},
			{"Python (websockets)", "max_size=16 * 2**20 (the default is 1 MiB)"},
			{"Go (coder/websocket)", "conn.SetReadLimit(16 << 20) (the default is 32 KiB)"},
			{"Spring", "ServletServerContainerFactoryBean.setMaxTextMessageBufferSize(1048576) (the default is 8 KiB)"},
			{"SignalR", "options.MaximumReceiveMessageSize = 1048576 (the default is 32 KB)"},
			{"Netty", "new WebSocketServerProtocolHandler(path, null, true, 1048576) (the default is 64 KiB)"},
			{"socket.io", "maxHttpBufferSize: 1e7 (the default is 1 MB)"}}},
		{1010, "extension missing", "The client needs an extension that the server did not accept", "", "", []Remedy{
			{"", "Compare Sec-WebSocket-Extensions of the request and of the 101; a proxy may remove the header"}}},
		{1011, "internal error", "Pings were not answered in time: the other side, or the connection to it, was blocked", "ping timeout", "", []Remedy{
			{"Python (websockets)", "ping_timeout=60, or move work that blocks the event loop to a thread"},
			{"uvicorn", "--ws-ping-interval 20 --ws-ping-timeout 60"}}},
		{1011, "internal error", "The handler of the tunnel failed", "", "", log("the side that sent the code")},
		{1012, "service restart", "The service restarts", "", "", []Remedy{{"", "Let the client reconnect after 5 to 30 s, at a random time"}}},
		{1013, "try again later", "The service is overloaded", "", "", []Remedy{{"", "Let the client reconnect with a back-off; look at the load of the service"}}},
		{1014, "bad gateway", "A gateway got no valid answer from the server after it", "", "", log("the gateway")},
		{1015, "reserved", "A program copied the code of a failed TLS handshake into a Close frame", "", "", []Remedy{
			{"", "Send a code from 3000 on: 1005, 1006 and 1015 must not be sent"}}},
		{3000, "unauthorized", "The endpoint wants credentials, or does not accept those of the client", "", "", []Remedy{{"", "Check the token or cookie of this handshake, and whether it has expired"}}},
		{3003, "forbidden", "The client may not use the endpoint", "", "", []Remedy{{"", "Check what the user of this handshake is allowed to do"}}},
		{3008, "timeout", "The client did not do in time what the endpoint waits for", "", "", log("the side that sent the code")},
		{4400, "", "A message is not one of the GraphQL protocol", "", "graphql", []Remedy{{"GraphQL", "compare the subprotocol of client and server: graphql-transport-ws (library graphql-ws) and graphql-ws (library subscriptions-transport-ws) differ"}}},
		{4401, "", "The client subscribed before connection_ack", "", "graphql", []Remedy{{"GraphQL", "send connection_init first, and wait for connection_ack"}}},
		{4403, "", "onConnect of the GraphQL server does not accept the client", "", "graphql", []Remedy{{"GraphQL", "check connectionParams, which have the token"}}},
		{4406, "", "Client and server have no GraphQL subprotocol in common", "", "graphql", []Remedy{{"GraphQL", "offer graphql-transport-ws or graphql-ws, as the server does"}}},
		{4408, "", "The client sent no connection_init in time", "", "graphql", []Remedy{{"GraphQL", "send connection_init at once after the 101; connectionInitWaitTimeout is 3 s"}}},
		{4409, "", "Two subscriptions have the same ID", "", "graphql", []Remedy{{"GraphQL", "use an ID once for each connection"}}},
		{4429, "", "The client sent connection_init more than once", "", "graphql", []Remedy{{"GraphQL", "send connection_init once for each connection"}}},
	}
}

// closeCauses are the causes that codes stand for.
func closeCauses() (all []Cause) {
	for _, c := range closeCodes() {
		all = append(all, Cause{Text: c.cause, Certainty: rules.Likely, Fix: c.fix, Mark: func(v *View) string {
			w := v.finish().closing
			if w.Kind != wire.WordClose || w.Code != c.code || !strings.Contains(w.Reason, c.phrase) || c.proto != "" && v.field(rules.InResponse, "Sec-WebSocket-Protocol", c.proto) == "" {
				return ""
			}
			return fmt.Sprintf("close code %d", w.Code)
		}})
	}
	return all
}

// codeName returns what a code is called, in parentheses.
func codeName(code int) string {
	if name := CodeName(code); name != "" {
		return " (" + name + ")"
	}
	return ""
}

// CodeName returns what the code of a Close frame is called, in a few words; empty for one without a
// name.
func CodeName(code int) string {
	switch code {
	case 1000:
		return "normal closure"
	case 1001:
		return "going away"
	}
	for _, c := range closeCodes() {
		if c.code == code && c.name != "" {
			return c.name
		}
	}
	return ""
}
