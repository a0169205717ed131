package rules

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"

	"github.com/interlock-proxy/interlock/wire"
)

const (
	keyField    = "Sec-WebSocket-Key"
	acceptField = "Sec-WebSocket-Accept"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-KEY-MISSING", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server rejects a WebSocket handshake without Sec-WebSocket-Key",
	Problem: Problems{
		Switched: "Server accepted a WebSocket handshake without Sec-WebSocket-Key (offered: %s)",
		Refused:  "Client sent a WebSocket handshake without Sec-WebSocket-Key (offered: %s)",
	},
	Label: "Missing key accepted",
	Refs: []Ref{
		{"6455", "4.1", "the request has a Sec-WebSocket-Key header: 16 random bytes in base64"},
		{"6455", "4.2.1", "a server that finds no such header stops processing the handshake and answers with an error status"},
	},
	Why: `The key keeps a handshake from being made by accident or by abuse: scripts in a
browser cannot set headers that start with Sec-, so a browser request with this header comes from
its WebSocket API. The server's proof is computed from the key. Without it no response can show
that a WebSocket server read the request, and a recorded or cached 101 looks like a fresh one.`,
	Fix: `Reject with 400 unless there is exactly one Sec-WebSocket-Key header with 22 base64
	characters followed by "==".` + guard,
	When: func(c *Case) bool { return c.websocket && !c.headCut && !c.X.Request.Has(keyField) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), members(c.offered))
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-KEY-MISSING", Label: "No Sec-WebSocket-Key header",
			Edit: Without(keyField)},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-ACCEPT-MISSING", Level: Must, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A server sends Sec-WebSocket-Accept with the 101 to a WebSocket handshake",
	Problem: Problems{
		Switched: "Server accepted a WebSocket handshake without Sec-WebSocket-Accept",
	},
	Label: "Missing Sec-WebSocket-Accept",
	Refs: []Ref{
		{"6455", "4.2.2", "the response that accepts a handshake has a Sec-WebSocket-Accept header computed from the key"},
		{"6455", "4.1", "a client closes the connection if the header is missing"},
	},
	Why: `It is unknown whether a WebSocket server answered: it may be a cache, a server of an
early draft, or one that answers 101 to everything. Clients that follow the RFC close the
connection. A proxy or client that does not check sends frames to something that may read them as
HTTP.`,
	Fix: `Send Sec-WebSocket-Accept: base64 of the SHA-1 of the key and
	258EAFA5-E914-47DA-95CA-C5AB0DC85B11. A maintained WebSocket library does this.`,
	When:  func(c *Case) bool { return c.websocket && c.switched && c.X.Request.Has(keyField) },
	Judge: func(c *Case) Result { return c.passIf(c.X.Response.Has(acceptField)) },
	Show: func(c *Case, _ Result) Shown {
		return seen(append(c.inRequest(keyField), c.inResponse()...))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-ACCEPT-WRONG", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server computes Sec-WebSocket-Accept from the key of the request that it answers",
	Problem: Problems{
		Switched: "Server sent a Sec-WebSocket-Accept (%s) that does not match the key %s (expected %s)",
	},
	Label: "Wrong Sec-WebSocket-Accept",
	Refs: []Ref{
		{"6455", "4.2.2", "the value is the base64 of the SHA-1 of the key, as sent, and a fixed identifier"},
		{"6455", "4.1", "a client closes the connection if the value is different"},
	},
	Why: `The value proves that this response belongs to this handshake. A wrong one may come
from a cache, from a proxy that made its own key and did not translate the response, from a server
that mixed up two connections, or from one that read another key than the client sent. A client
closes the connection; one that does not check talks to something that it does not know.`,
	Fix: `Compute the value from the Sec-WebSocket-Key header of the request that you answer,
	without surrounding whitespace, and reject requests with two of them.
In a proxy that makes its own key, compute the response again as well. In a cache, never store a
	101.`,
	HopByHop: true,
	When: func(c *Case) bool { // with two keys there is no single right value: UPGRADE-WS-KEY-DUP
		return c.websocket && c.switched && c.X.Request.Has(keyField) && !severalKeys(c) && c.X.Response.Has(acceptField)
	},
	Judge: func(c *Case) Result { return c.passIf(provesKey(c, first(&c.X.Request.Head, keyField))) },
	Show: func(c *Case, _ Result) Shown {
		h := &c.X.Request.Head
		want := acceptValue(first(h, keyField))
		return seen(append(c.inRequest(keyField), c.inResponse(acceptField)...),
			responseValues(c, acceptField), values(h, keyField), quote(want[:]))
	},
})

// first is the value of the first field line with that name.
func first(h *wire.Head, name string) []byte {
	for v := range h.Values(name) {
		return h.Text(v)
	}
	return nil
}

// acceptValue is the value of Sec-WebSocket-Accept that proves that key was read (RFC 6455 §4.2.2).
func acceptValue(key []byte) [28]byte {
	const identifier = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	var value [28]byte
	sum := sha1.Sum(append(append(make([]byte, 0, 96), key...), identifier...))
	base64.StdEncoding.Encode(value[:], sum[:])
	return value
}

// provesKey reports whether the response proves that the server read this key.
func provesKey(c *Case, key []byte) bool {
	want := acceptValue(key)
	return bytes.Equal(first(&c.X.Response.Head, acceptField), want[:])
}

// acceptedKey says which key other than the first one the server used, if that can be told.
func acceptedKey(c *Case) string {
	h := &c.X.Request.Head
	var keys [][]byte
	for v := range h.Values(keyField) {
		keys = append(keys, h.Text(v))
	}
	if len(keys) < 2 {
		return ""
	}
	for _, key := range keys[1:] {
		if provesKey(c, key) {
			return "key " + quote(key)
		}
	}
	for _, separator := range []string{"", ",", ", "} {
		if provesKey(c, bytes.Join(keys, []byte(separator))) {
			return "all keys joined by " + quote(separator)
		}
	}
	return ""
}
