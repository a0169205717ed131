package rules

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-KEY-INVALID", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "0.1",
	Title: "A server rejects a WebSocket key that is not the base64 form of 16 bytes",
	Problem: Problems{
		Switched: "Server accepted an invalid Sec-WebSocket-Key: %s (%s)",
		Refused:  "Client sent an invalid Sec-WebSocket-Key: %s (%s)",
	},
	Label: "Invalid key accepted",
	Refs: []Ref{
		{"6455", "4.2.1", "the key is base64 that decodes to 16 bytes; a server stops processing a handshake that does not match the grammar"},
		{"6455", "4.3", "the key is base64 in its usual alphabet, with padding, and not empty"},
	},
	Why: `The response can be computed from any text, so the RFC does not even require a
server to decode the key. But a server that accepts any text accepts what no WebSocket client
sends: the header may have been assembled from two requests, or come from someone who only wants
the 101. The key goes into a hash and, in servers written in C, into a buffer: OpenSIPS was not
safe from a long one. Bandit, wsServer, tungstenite and Kamailio have not checked length or
alphabet either. Some devices, charging stations for example, send the base64 of 32 bytes, and a
server that starts to check locks them out.`,
	Fix: `Accept a key only if it is 22 characters of A-Z a-z 0-9 + / followed by "=="; answer
	anything else with 400.
Go: base64.StdEncoding skips line ends; compare the length with 24 before you decode.` + guard,
	When: func(c *Case) bool { return c.websocket && !c.headCut && malformedKey(c) != nil },
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if c.switched && decodedLength(malformedKey(c)) > 0 {
			return res.rated(Medium) // RFC 6455 §4.2.2: it is not necessary to decode the key
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		key := malformedKey(c)
		return seen(c.inRequest(keyField), quote(key), keyFault(key))
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-KEY-EMPTY", Label: "Empty Sec-WebSocket-Key", Edit: Set(keyField, "")},
		{ID: "UPGRADE-WS-KEY-NOTB64", Label: "Sec-WebSocket-Key is not base64",
			Edit: Set(keyField, "!!!!!!!!!!!!!!!!!!!!!!==")},
		{ID: "UPGRADE-WS-KEY-SHORT", Label: "Sec-WebSocket-Key: 1 byte",
			Edit: Set(keyField, "eA==")},
		{ID: "UPGRADE-WS-KEY-15", Label: "Sec-WebSocket-Key: 15 bytes",
			Edit: Set(keyField, "dGhlIHNhbXBsZSBub25j")},
		{ID: "UPGRADE-WS-KEY-17", Label: "Sec-WebSocket-Key: 17 bytes, 24 characters",
			Edit: Set(keyField, "dGhlIHNhbXBsZSBub25jZSE=")},
		{ID: "UPGRADE-WS-KEY-32", Label: "Sec-WebSocket-Key: 32 bytes",
			Edit: Set(keyField, "dGhlIHNhbXBsZSBub25jZXRoZSBzYW1wbGUgbm9uY2U=")},
		{ID: "UPGRADE-WS-KEY-NOPAD", Label: "Sec-WebSocket-Key without padding",
			Edit: Set(keyField, "dGhlIHNhbXBsZSBub25jZQ")},
		{ID: "UPGRADE-WS-KEY-URLSAFE", Label: "Sec-WebSocket-Key in base64url",
			Edit: Set(keyField, "-_-_-_-_-_-_-_-_-_-_-w==")},
		{ID: "UPGRADE-WS-KEY-TRAIL", Label: "Extra letter after the key's padding",
			Edit: Set(keyField, "dGhlIHNhbXBsZSBub25jZQ==x")},
		{ID: "UPGRADE-WS-KEY-INNER-SP", Label: "Space inside Sec-WebSocket-Key",
			Edit: Set(keyField, "dGhlIHNhbXBs ZSBub25jZQ==")},
		{ID: "UPGRADE-WS-KEY-HUGE", Risk: Crash, Label: "Sec-WebSocket-Key of 4 KiB",
			Edit: Set(keyField, strings.Repeat("A", 4096)+"==")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-KEY-NONCANON", Level: Advice, Party: Client,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A client encodes its WebSocket key with the unused bits set to zero",
	Problem: Problems{
		Switched: "Client sent a Sec-WebSocket-Key with non-zero unused bits: %s",
		Refused:  "Client sent a Sec-WebSocket-Key with non-zero unused bits: %s",
	},
	Label: "Non-canonical key",
	Refs: []Ref{
		{"4648", "3.5", "an encoder sets the unused bits of the last character to zero; a decoder may reject others"},
	},
	Why: `16 bytes are 128 bits and 22 characters are 132, so four bits are unused. A client
that chooses 22 random characters instead of 16 random bytes leaves them random; the key then
means the same as fifteen others. Some decoders reject it, most do not, and a WebSocket server
does not have to decode it at all. This explains why one server accepts a client's keys now and
then, and another always. The example in RFC 6455 itself has such bits and passes.`,
	Fix: `In a client, generate 16 random bytes and encode them. In a server, accept such
	keys.`,
	When: func(c *Case) bool {
		return c.websocket && !c.headCut && hasLooseBits(first(&c.X.Request.Head, keyField))
	},
	Judge: func(c *Case) Result {
		if sampleKey(first(&c.X.Request.Head, keyField)) {
			return c.result(Pass)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(keyField), requestValues(c, keyField))
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-KEY-NONCANON", Class: Either, Label: "Sample key of RFC 6455, non-canonical", Want: "Any valid response; 101 is right",
			Edit: Set(keyField, "AQIDBAUGBwgJCgsMDQ4PEC==")},
	},
})

// keyShaped reports whether b looks like the base64 of 16 bytes: 22 characters of the alphabet and
// two of padding.
func keyShaped(b []byte) bool {
	const digits = 22
	return len(b) == digits+2 && string(b[digits:]) == "==" && !slices.ContainsFunc(b[:digits], notBase64)
}

// notBase64 reports whether a character is not in the alphabet of RFC 4648 §4.
func notBase64(c byte) bool {
	return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '/'
}

// hasLooseBits reports whether the unused bits of a key are not zero.
func hasLooseBits(key []byte) bool {
	return len(key) > 21 && key[21] != 'A' && key[21] != 'Q' && key[21] != 'g' && key[21] != 'w' && keyShaped(key)
}

// sampleKey reports whether a key is one of the two that RFC 6455 prints (§1.3, §4.1).
func sampleKey(key []byte) bool {
	return string(key) == "dGhlIHNhbXBsZSBub25jZQ==" || string(key) == "AQIDBAUGBwgJCgsMDQ4PEC=="
}

// malformedKey returns the first key of the request that is invalid, or nil. A list of keys counts
// as several keys, none of which is invalid.
func malformedKey(c *Case) []byte {
	h := &c.X.Request.Head
	for v := range h.Values(keyField) {
		if key := h.Text(v); !keyShaped(key) && !keyList(key) {
			return key
		}
	}
	return nil
}

// keyFault returns what is wrong with an invalid key.
func keyFault(key []byte) string {
	if len(key) == 0 {
		return "empty"
	}
	if n := decodedLength(key); n > 0 {
		return fmt.Sprintf("base64 of %d bytes", n)
	}
	return fmt.Sprintf("%d characters, not the base64 of 16 bytes", len(key))
}

// decodedLength returns the number of bytes that a key in well-formed base64 decodes to; 0 if it is
// malformed.
func decodedLength(key []byte) int {
	digits := bytes.TrimRight(key, "=")
	if len(key)%4 != 0 || len(key)-len(digits) > 2 || slices.ContainsFunc(digits, notBase64) {
		return 0
	}
	return base64.RawStdEncoding.DecodedLen(len(digits))
}
