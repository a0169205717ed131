package site

import (
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// A family is a column of the scoreboard: the probes of rules about the same part of a handshake.
type family struct {
	ID    string // fit for an anchor and a class
	Name  string
	About string   // what its probes are, in a few words
	rules []string // IDs of rules without UPGRADE-; one that ends in * is a prefix
}

// families are in the order of the columns. A probe belongs to the first one that has its rule.
func families() []family {
	return []family{
		{"method", "Method", "methods other than GET", []string{"POST"}},
		{"line", "Request line", "the version of HTTP and the request target", []string{"HTTP-VERSION", "HTTP10", "TARGET-*", "TRAILING-CRLF"}},
		{"host", "Host", "missing, duplicate and malformed Host headers", []string{"HOST-*"}},
		{"syntax", "Header syntax", "malformed header lines", []string{"BARE-*", "CTL", "FIELD-NAME", "LEAD-WS", "OBS-FOLD", "SPACE-COLON", "UNDERSCORE"}},
		{"connection", "Connection", "the Connection header", []string{"CONN-*", "MISSING-CONN"}},
		{"upgrade", "Upgrade", "the Upgrade header and the protocol in the 101", []string{"EMPTY", "SYNTAX", "DUP-LINE", "UNKNOWN", "H2-TOKEN", "WS-TOKEN-VERSION", "101-*"}},
		{"version", "Version", "Sec-WebSocket-Version", []string{"INVALID-VER", "WS-VER-*"}},
		{"key", "Key", "Sec-WebSocket-Key", []string{"WS-KEY-*"}},
		{"subprotocol", "Subprotocol", "Sec-WebSocket-Protocol", []string{"WS-PROTO-*"}},
		{"extension", "Extension", "Sec-WebSocket-Extensions", []string{"WS-EXT-*", "WS-PMD-*"}},
		{"origin", "Access", "pages of other sites, and credentials", []string{"WS-ORIGIN-*", "AUTH-*", "IDENTITY"}},
		{"body", "Body", "request bodies, and bytes after the request", []string{"BODY", "CL-*", "TE-*", "IGNORED-BODY", "EXPECT-ORDER", "EARLY-DATA", "PIPELINED", "REJECT-KEEPALIVE"}},
		{"protocols", "Other protocols", "h2c, TLS, UDP and IP proxying", []string{"H2C-*", "TLS-*", "UDP-*", "CAPSULE-*"}},
		{"valid", "Valid forms", "valid handshakes in every form that clients send", []string{"INTEROP", "EXPECT-NO*"}},
		{"frames", "Frames", "WebSocket frames after the 101", []string{"WS-*"}},
		{"crash", "Crash", "requests that have ended servers", []string{"CRASH"}},
		{"http2", "HTTP/2", "WebSockets over HTTP/2", []string{"H2-*"}},
	}
}

// other is the family of probes that the rulebook does not have: those of another version.
var other = family{ID: "other", Name: "Other", About: "probes of another version of Interlock"}

// familyOf returns the family of a probe.
func familyOf(all []family, probe string) family {
	p := rules.FindProbe(probe)
	if p == nil {
		return other
	}
	id := strings.TrimPrefix(p.Rule().ID, "UPGRADE-")
	for _, f := range all {
		for _, r := range f.rules {
			if prefix, ok := strings.CutSuffix(r, "*"); r == id || ok && strings.HasPrefix(id, prefix) {
				return f
			}
		}
	}
	return other
}
