package rules

import "github.com/interlock-proxy/interlock/wire"

// needs are facts about an exchange that a rule cannot do without: where one is missing, its When is
// false. They are known at a glance, and so most rules are not asked about an ordinary handshake.
type needs uint32

const (
	needsSwitch      needs = 1 << iota // a 101
	needsOther                         // anything but a 101
	needsProbe                         // a probe
	needsBytes                         // bytes after the 101
	needsEarly                         // bytes before the answer
	needsInterim                       // a 1xx response before the answer
	needsFlaw                          // a flaw of one of the heads
	needsConnect                       // the method CONNECT
	needsContent                       // a header about the length of the request body
	needsExpect                        // Expect
	needsOrigin                        // Origin
	needsExtensions                    // Sec-WebSocket-Extensions in one of the heads
	needsSubprotocol                   // Sec-WebSocket-Protocol in one of the heads
	needsMasque                        // an offer of MASQUE, or Capsule-Protocol in one of the heads
	needsH2C                           // an offer of h2c
	needsTLS                           // an offer of TLS
)

// facts returns what is the case of an exchange that was read. A probe may be judged by rules that do
// not apply to it, so it has all.
func (c *Case) facts() needs {
	if c.probe != nil {
		return ^needs(0)
	}
	x := c.X
	has := headerFacts(&x.Request.Head)
	if x.Response != nil {
		has |= headerFacts(&x.Response.Head) & (needsExtensions | needsSubprotocol | needsMasque | needsFlaw)
	}
	if c.switched {
		has |= needsSwitch
	}
	if c.status() != 101 {
		has |= needsOther
	}
	if len(x.After.Client)+len(x.After.Server) > 0 {
		has |= needsBytes
	}
	if len(x.Early) > 0 {
		has |= needsEarly
	}
	if len(x.Interim) > 0 {
		has |= needsInterim
	}
	if x.Request.Method == "CONNECT" {
		has |= needsConnect
	}
	for i := range c.offered {
		has |= offerFacts(&c.offered[i])
	}
	return has
}

func offerFacts(m *wire.Protocol) needs {
	switch {
	case m.Is("websocket"):
		return 0
	case m.Is("h2c"):
		return needsH2C
	case m.Is("TLS"):
		return needsTLS
	case m.Is("connect-udp"), m.Is("connect-ip"):
		return needsMasque
	}
	return 0
}

// headerFacts returns the facts that the headers of a message show.
func headerFacts(h *wire.Head) (has needs) {
	if len(h.Flaws) > 0 {
		has = needsFlaw
	}
	for i := range h.Fields {
		name := h.Text(h.Fields[i].Name)
		switch len(name) {
		case len("Expect"): // and Origin
			if wire.EqualFold(name, "Expect") {
				has |= needsExpect
			} else if wire.EqualFold(name, originField) {
				has |= needsOrigin
			}
		case len("Content-Length"):
			if wire.EqualFold(name, "Content-Length") {
				has |= needsContent
			}
		case len("Capsule-Protocol"):
			if wire.EqualFold(name, capsuleField) {
				has |= needsMasque
			}
		case len("Transfer-Encoding"):
			if wire.EqualFold(name, "Transfer-Encoding") {
				has |= needsContent
			}
		case len(protocolField):
			if wire.EqualFold(name, protocolField) {
				has |= needsSubprotocol
			}
		case len(extensionField):
			if wire.EqualFold(name, extensionField) {
				has |= needsExtensions
			}
		}
	}
	return has
}
