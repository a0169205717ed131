package rules

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
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
		{"6455", "4.2.1", "the key is base64 that decodes to 16 bytes; a server stops at a handshake that breaks the grammar"},
		{"6455", "4.3", "the key is base64 in its usual alphabet, with its padding, and not empty"},
	},
	Why: `The answer can be computed from any text, so the RFC does not even ask a server to decode the key. But a server
that takes any text takes what no WebSocket client sends: the field may have come together from two requests, or from
somebody who only wants the 101. The key goes into a hash and, in servers written in C, into a buffer: OpenSIPS was not
safe from a long one. Bandit, wsServer, tungstenite and Kamailio have not looked at length or alphabet either. Some
devices, charging stations for example, do send the base64 of 32 bytes, and a server that begins to look shuts them
out.`,
	Fix: `Take a key only if it is 22 characters of A-Z a-z 0-9 + / with "==" behind them; answer anything else with 400.
Go: base64.StdEncoding skips line ends; compare the length with 24 before decoding.`,
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
		{"4648", "3.5", "who encodes sets the bits that fill up the last character to zero; who decodes may refuse others"},
	},
	Why: `16 bytes are 128 bits and 22 characters are 132: four bits are left over. A client that draws 22 characters at
random, and not 16 bytes, leaves them as they fall; the key then means the same as fifteen others. Some decoders refuse
it, most do not, and a WebSocket server need not decode at all. This is a fact that explains why one server takes a
client's keys now and then and another always. The example in RFC 6455 itself has such bits and passes.`,
	Fix: `Draw 16 random bytes and encode them. In a server, leave such keys alone.`,
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

var _ = register(Rule{
	ID: "UPGRADE-WS-KEY-DUP", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High, Worst: Critical}, Since: "0.1",
	Title: "A server rejects a WebSocket handshake with more than one key",
	Problem: Problems{
		Switched: "Server accepted a handshake with two Sec-WebSocket-Key values: %s",
		Refused:  "Client sent two Sec-WebSocket-Key values: %s",
	},
	Label: "Duplicate Sec-WebSocket-Key",
	Refs: []Ref{
		{"6455", "11.3.1", "Sec-WebSocket-Key stands in a request only once"},
		{"6455", "4.2.1", "a server stops at a handshake that is not as the RFC describes it"},
	},
	Why: `Of two keys servers take the first, the last, or both joined by a comma. As long as everybody on the path takes
the same one nothing happens; where an intermediary checks the answer against one key and the server made it from the
other, one of them takes the connection for a tunnel and the other for HTTP. Then the rule is critical. Two keys come
from an intermediary that adds its own to the client's, or from somebody who looks for just that difference. Of 78
servers that were tried, 57 switched, and Bun was reported for it.`,
	Fix: `Count the Sec-WebSocket-Key fields, and answer 400 unless there is exactly one with one value.
Intermediaries that make a key of their own: replace the client's.`,
	When: func(c *Case) bool { return c.websocket && !c.headCut && severalKeys(c) },
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if hopsReadDifferentKeys(c) {
			return res.rated(c.rule.Severity.Worst)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		h := &c.X.Request.Head
		keys, at := values(h, keyField), c.inRequest(keyField)
		if sameKeys(c) {
			return varies(Problems{
				Switched: "Server accepted a handshake with the same Sec-WebSocket-Key twice: %s",
				Refused:  "Client sent the same Sec-WebSocket-Key twice: %s",
			}, at, quote(first(h, keyField)))
		}
		if !c.switched || !c.X.Response.Has(acceptField) {
			return seen(at, keys)
		}
		at = append(at, c.inResponse(acceptField)...)
		switch which := acceptedKey(c); {
		case hopsReadDifferentKeys(c):
			keys += "; two servers on the path used different keys"
		case which != "":
			keys += "; it used " + which
		case provesKey(c, first(h, keyField)):
			keys += "; it used key " + quote(first(h, keyField))
		}
		return seen(at, keys)
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-KEY-DUP-SAME", Label: "Same Sec-WebSocket-Key header twice",
			Edit: func(h *Handshake) { Twice(keyField, h.Key)(h) }},
		{ID: "UPGRADE-WS-KEY-DUP-DIFF", Label: "Two different Sec-WebSocket-Key headers",
			Edit: Twice(keyField, "eHh4eHh4eHh4eHh4eHh4eA==")},
		{ID: "UPGRADE-WS-KEY-LIST", Label: "Two keys in one Sec-WebSocket-Key header",
			Edit: SetTo(keyField, func(h *Handshake) string { return h.Key + ", eHh4eHh4eHh4eHh4eHh4eA==" })},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-KEY-REUSED", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A client uses a new random Sec-WebSocket-Key for each connection",
	Problem: Problems{
		Switched: "Client reused a Sec-WebSocket-Key on another connection: %s",
		Refused:  "Client reused a Sec-WebSocket-Key on another connection: %s",
	},
	Label: "Sec-WebSocket-Key reused",
	Refs: []Ref{
		{"6455", "4.1", "the key is drawn at random for each connection"},
	},
	Why: `The answer to a handshake can be computed from the key alone. A client that sends the same key again accepts a 101
that was recorded the last time: from a cache, or from somebody on the path who has never talked to the server. Clients
that were put together from the example of a tutorial do this, and monitoring checks made with a fixed line of curl;
there it shows that the check would not notice a replayed answer. A server cannot know, and is not at fault. The two
keys that RFC 6455 prints are let pass, and so is a key that comes again on its connection, as when a handshake is refused
for want of credentials and sent once more with them.`,
	Fix: `Draw 16 bytes from a good source of randomness for each handshake, also when a connection is tried again.`,
	When: func(c *Case) bool {
		if !c.websocket || c.headCut || c.Seen.KeySeen == nil || c.X.Origin == wire.OriginReplay {
			return false
		}
		key := first(&c.X.Request.Head, keyField)
		return keyShaped(key) && c.Seen.KeySeen(string(key), connectionOf(c))
	},
	Judge: func(c *Case) Result {
		switch {
		case sampleKey(first(&c.X.Request.Head, keyField)):
			return c.result(Pass)
		case c.switched:
			return c.result(Fail)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(keyField), requestValues(c, keyField))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-KEY-STRAY", Level: Advice, Party: Intermediary,
	Severity: Severities{Refused: Info, Switched: Critical}, Since: "0.1",
	Title: "A server ignores Sec-WebSocket headers in a request that offers no protocol, and a proxy does not forward them without Upgrade",
	Problem: Problems{
		Switched: "Server started a WebSocket although the request offers no protocol",
		Refused:  "Client or proxy sent Sec-WebSocket headers without an Upgrade header",
	},
	Label: "WebSocket headers, no Upgrade",
	Refs: []Ref{
		{"9110", "7.6.1", "an intermediary takes off fields about the connection, such as Upgrade; the Sec-WebSocket fields are none"},
		{"6455", "4.2.1", "a handshake has an Upgrade field with websocket in it"},
	},
	Why: `An intermediary that does not carry upgrades takes off Connection and Upgrade and passes the key on; what arrives
is an ordinary request with odd fields. A server that goes by these fields switches while the intermediary reads on in
HTTP: the frames become responses, and on a shared connection they become those of other users. Where the server does
not switch this is still the trace of a lost handshake: behind Spring Cloud Gateway clients got a 400 that nobody could
explain.`,
	Fix: `In the server, let the Upgrade field decide, and look at the Sec-WebSocket fields only after it.
nginx, in front: proxy_set_header Upgrade $http_upgrade and Connection $connection_upgrade (see UPGRADE-MISSING-CONN) in
	the location that is to carry WebSocket.`,
	When: func(c *Case) bool {
		q := c.X.Request
		return len(c.offered) == 0 && !c.headCut && (q.Has(keyField) || q.Has(versionField))
	},
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if res.Verdict == Pass && !c.probed() {
			return res.as(Warn)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		p := c.rule.Problem
		if c.forwarded() {
			p.Refused = "Proxy passed on Sec-WebSocket headers without an Upgrade header"
		}
		if c.X.Request.Has("Upgrade") {
			p.Switched = "Server started a WebSocket although the Upgrade header is empty"
			p.Refused = strings.Replace(p.Refused, "without an", "with an empty", 1)
		}
		return varies(p, c.inRequest(keyField, versionField, "Upgrade"))
	},
})

// keyShaped reports whether b looks like the base64 of 16 bytes: 22 characters of the alphabet and two of padding.
func keyShaped(b []byte) bool {
	const digits = 22
	return len(b) == digits+2 && string(b[digits:]) == "==" && !slices.ContainsFunc(b[:digits], notBase64)
}

// notBase64 reports whether a character is none of those of RFC 4648 §4.
func notBase64(c byte) bool {
	return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '/'
}

// hasLooseBits reports whether a key has bits left over that are not zero.
func hasLooseBits(key []byte) bool {
	return len(key) > 21 && key[21] != 'A' && key[21] != 'Q' && key[21] != 'g' && key[21] != 'w' && keyShaped(key)
}

// sampleKey reports whether a key is one of the two that RFC 6455 prints (§1.3, §4.1).
func sampleKey(key []byte) bool {
	return string(key) == "dGhlIHNhbXBsZSBub25jZQ==" || string(key) == "AQIDBAUGBwgJCgsMDQ4PEC=="
}

// keyList reports whether a value is a list of keys, as it stands in the field where two were joined.
func keyList(value []byte) bool {
	if bytes.IndexByte(value, ',') < 0 {
		return false
	}
	for key := range bytes.SplitSeq(value, []byte(",")) {
		if !keyShaped(bytes.Trim(key, " \t")) {
			return false
		}
	}
	return true
}

// malformedKey is the first key of the request that cannot be one, or nil. A list of keys is several, and none of them
// is misshapen.
func malformedKey(c *Case) []byte {
	h := &c.X.Request.Head
	for v := range h.Named(keyField) {
		if key := h.Text(v); !keyShaped(key) && !keyList(key) {
			return key
		}
	}
	return nil
}

// severalKeys reports whether the request has more than one key.
func severalKeys(c *Case) bool {
	h := &c.X.Request.Head
	return h.Count(keyField) > 1 || keyList(first(h, keyField))
}

// sameKeys reports whether all lines have one and the same key.
func sameKeys(c *Case) bool {
	h := &c.X.Request.Head
	for v := range h.Named(keyField) {
		if !bytes.Equal(h.Text(v), first(h, keyField)) {
			return false
		}
	}
	return h.Count(keyField) > 1
}

// hopsReadDifferentKeys reports whether the same keys went over two hops, and the answers were made from different ones.
func hopsReadDifferentKeys(c *Case) bool {
	if !c.switched || c.Far == nil || c.Far.Response == nil || c.Far.Response.Status != 101 {
		return false
	}
	near, far := first(&c.X.Response.Head, acceptField), first(&c.Far.Response.Head, acceptField)
	return len(near) > 0 && len(far) > 0 && !bytes.Equal(near, far) &&
		values(&c.X.Request.Head, keyField) == values(&c.Far.Request.Head, keyField)
}

// keyFault says what a misshapen key is.
func keyFault(key []byte) string {
	if len(key) == 0 {
		return "empty"
	}
	if n := decodedLength(key); n > 0 {
		return fmt.Sprintf("base64 of %d bytes", n)
	}
	return fmt.Sprintf("%d characters, not the base64 of 16 bytes", len(key))
}

// decodedLength is how many bytes a key stands for that is well-formed base64; 0 if it is none.
func decodedLength(key []byte) int {
	digits := bytes.TrimRight(key, "=")
	if len(key)%4 != 0 || len(key)-len(digits) > 2 || slices.ContainsFunc(digits, notBase64) {
		return 0
	}
	return base64.RawStdEncoding.DecodedLen(len(digits))
}

// connectionOf names the connection of the exchange: the ends of it or, where these are not known, the exchange itself.
func connectionOf(c *Case) string {
	if c.X.Client == "" {
		return cmp.Or(c.X.Connection, c.X.ID)
	}
	return c.X.Client + " " + c.X.Backend
}
