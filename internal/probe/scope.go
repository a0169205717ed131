package probe

import (
	"slices"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Family returns the protocol of a probe: that of its control or, without a control, the protocol
// that it offers on that base. It is one of websocket, h2c, tls, masque and other.
func Family(p *rules.Probe, base *rules.Handshake) string {
	switch {
	case p.HTTP2():
		return "websocket"
	case p.Control != "":
		return p.Control
	}
	q := wire.ReadRequest([]byte(p.On(base).Head()))
	switch offered := (&wire.Exchange{Request: q}).Protocol(); {
	case q.Has("Sec-WebSocket-Key"):
		return "websocket"
	case offered == "tls", offered == "masque", offered == "other":
		return offered
	}
	return "websocket"
}

// unsent returns why a probe is not sent, or "" if it is. switches says whether a control of the
// target was accepted.
func (c *caller) unsent(p *rules.Probe, switches bool) string {
	h := p.On(c.target.Base)
	s := &c.settings
	if s.Protocols != nil {
		if family := Family(p, c.target.Base); !slices.Contains(s.Protocols, family) {
			return "--protocol leaves out " + family
		}
	}
	if s.Canary == "" && h.Lures() {
		return "needs a listener that the target can reach; --canary ADDR opens it"
	}
	if c.loopback {
		return ""
	}
	content := h.Content != "" && h.Hold != rules.HoldForever
	changes := slices.Contains([]string{"PUT", "DELETE", "PATCH"}, h.Method)
	switch {
	case p.Risk == rules.Crash && !s.Risky:
		return "can crash servers; --risky sends it"
	case changes && !s.UnsafeMethods:
		return h.Method + " may change data on the backend; --unsafe-methods sends it"
	case content && !s.UnsafeMethods:
		return "has a body, which may change data on the backend; --unsafe-methods sends it"
	case h.Method == "POST" && !switches && !s.UnsafeMethods:
		return "is a POST to an endpoint that accepted no valid handshake; --unsafe-methods sends it"
	}
	return ""
}
