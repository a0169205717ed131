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
		{"6455", "4.1", "the request has a Sec-WebSocket-Key field: 16 random bytes in base64"},
		{"6455", "4.2.1", "a server that finds no such field stops there and answers with an error status"},
	},
	Why: `The key keeps a handshake from being made by accident or by misuse: scripts in a browser cannot set fields that
begin with Sec-, so what has the field and comes from a browser was made by its WebSocket API. And the key is what the
server's proof is made from. Without it no answer can show that a WebSocket server read the request, and a recorded or
cached 101 looks like a fresh one.`,
	Fix: `Refuse with 400 unless there is exactly one Sec-WebSocket-Key field with 22 characters of base64 and "==" behind
	them.`,
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
		{"6455", "4.2.2", "the answer that accepts a handshake has a Sec-WebSocket-Accept field made from the key"},
		{"6455", "4.1", "a client drops the connection if the field is missing"},
	},
	Why: `Nobody knows whether it was a WebSocket server that answered: it may be a cache, a server of an early draft, or
one that says 101 to everything. Clients that keep to the RFC drop the connection. An intermediary or a client that
does not look sends frames to somebody who may read them as HTTP.`,
	Fix: `Send Sec-WebSocket-Accept: base64 of the SHA-1 of the key and 258EAFA5-E914-47DA-95CA-C5AB0DC85B11. A maintained
	WebSocket library does.`,
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
		{"6455", "4.2.2", "the value is the base64 of the SHA-1 of the key, as it was sent, and a fixed identifier"},
		{"6455", "4.1", "a client drops the connection if the value is another one"},
	},
	Why: `The value proves that this answer belongs to this handshake. A wrong one may come from a cache, from a proxy that
made a key of its own and did not translate the answer, from a server that has the handshake of another connection in
hand, or from one that reads another key than the client sent. A client drops the connection; one that does not look
talks to somebody it does not know.`,
	Fix: `Compute the value from the Sec-WebSocket-Key field of the request that is being answered, without the white space
	around it, and refuse requests with two of them.
Intermediaries that make a key of their own: compute the answer anew as well. Caches: never store a 101.`,
	HopByHop: true,
	When: func(c *Case) bool { // with two keys there is no one right value: UPGRADE-WS-KEY-DUP
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
	for v := range h.Named(name) {
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

// provesKey reports whether the response proves that this key was read.
func provesKey(c *Case, key []byte) bool {
	want := acceptValue(key)
	return bytes.Equal(first(&c.X.Response.Head, acceptField), want[:])
}

// acceptedKey names what else than the first key the server has read, if it can be told.
func acceptedKey(c *Case) string {
	h := &c.X.Request.Head
	var keys [][]byte
	for v := range h.Named(keyField) {
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
