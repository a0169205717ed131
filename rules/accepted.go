package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// HandshakeFlaw reports why a client would not take a 101 for the acceptance of its valid
// handshake: the 101 names a protocol that was not offered, or none, or does not prove that a
// WebSocket server read the key (RFC 6455 §4.1). It is empty if the client would, and without a
// 101.
func HandshakeFlaw(x *wire.Exchange) string {
	c := Case{X: x}
	c.read()
	if x.Outcome == wire.Switched && x.Request.HTTP2() && c.status() != 101 && documentSign(&c) != "" {
		return "with a document in place of a tunnel"
	}
	if !c.switched {
		return ""
	}
	if len(c.chosen) == 0 {
		return "without an Upgrade header"
	}
	if !slices.ContainsFunc(c.chosen, func(m wire.Protocol) bool { return wasOffered(&c, m) }) {
		return "to " + members(c.chosen)
	}
	switch q, p := &x.Request.Head, &x.Response.Head; {
	case !hasProtocol(c.chosen, "websocket") || !q.Has(keyField):
		return ""
	case !p.Has(acceptField):
		return "without a Sec-WebSocket-Accept header"
	case !provesKey(&c, first(q, keyField)):
		return "with a wrong Sec-WebSocket-Accept header"
	}
	return ""
}

// Accepted reports whether the server accepted a valid handshake: it switched, and the client would
// too.
func Accepted(x *wire.Exchange) bool { return x.Outcome == wire.Switched && HandshakeFlaw(x) == "" }
