package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-UNKNOWN", Level: Must, Party: Server,
	Severity: Severities{Refused: Info, Switched: Critical}, Since: "0.1",
	Title: "A server switches only to a protocol that it implements",
	Problem: Problems{
		Switched: "Server switched protocols on an offer of an unregistered protocol (offered: %s)",
		Refused:  "Client offered a protocol that is not registered: %s",
	},
	Label: "Unknown protocol accepted",
	Refs: []Ref{
		{"9110", "15.2.2", "a 101 says that the server understands the Upgrade header and is willing to continue in the protocol named there"},
		{"9110", "7.8", "a server does not switch to a protocol that cannot satisfy the request"},
	},
	Why: `A server that answers 101 to an invented protocol does not look at the name. Often
it looks at other headers: those of WebSocket are enough for it, whatever Upgrade says, so it
switches where a filter that goes by the name has seen no WebSocket. Or it forwards the offer to
something that never checks. In live traffic an unregistered name may be intended (Docker's tcp,
kubectl's SPDY/3.1), so a switch is reported as information only there; a probe with an invented
protocol decides.`,
	Fix: `Compare each protocol in Upgrade with those that the server speaks,
	case-insensitively, and ignore the header if none matches. Compare in ASCII: Unicode case
	folding takes a Kelvin sign for k.
If a private protocol is intended, list it in rules.protocols of Interlock's configuration.` + guard,
	When: func(c *Case) bool { return hasUnknown(c, c.offered) || c.brings("UPGRADE-UNKNOWN") },
	Judge: func(c *Case) Result {
		if c.switched && !switchedToUnknown(c) {
			return c.result(Pass)
		}
		res := RefuseSwitch(c)
		switch {
		case c.switched && !c.probed():
			return res.as(Warn).rated(Info)
		case c.switched && res.Verdict == Warn: // a real protocol, which the configuration does not list
			return res.rated(Medium)
		}
		return res
	},
	Show: func(c *Case, r Result) Shown {
		unknown := slices.DeleteFunc(slices.Clone(c.offered), func(m wire.Protocol) bool { return !isUnknown(c, m) })
		if len(unknown) == 0 {
			unknown = c.offered
		}
		at, text := c.inRequest("Upgrade"), ""
		switch {
		case c.switched && !c.probed():
			text = c.rule.Problem.Switched + "; add it to rules.protocols in the configuration if it is intended"
		case c.switched && r.Verdict == Fail:
			text = "Server accepted an offer of the unknown protocol %s"
		}
		return says(text, at, members(unknown))
	},
	Probes: []Probe{
		{ID: "UPGRADE-UNKNOWN", Label: "Upgrade: totally-made-up/1.0", Also: []string{"UPGRADE-101-NOT-OFFERED"},
			Edit: Offer("totally-made-up/1.0")},
		{ID: "UPGRADE-DOCKER-TCP", Class: Warn101, Risk: State, Label: "POST with Upgrade: tcp (as Docker sends)",
			Edit: Edits(Offer("tcp"), Method("POST"), Set("Content-Length", "0"))},
		{ID: "UPGRADE-SPDY", Class: Warn101, Risk: State, Label: "POST with Upgrade: SPDY/3.1 (as kubectl)",
			Edit: Edits(Offer("SPDY/3.1"), Method("POST"), Set("Content-Length", "0"))},
	},
})

// registered reports whether a protocol of that name is in the registry of RFC 9110 §16.7.
func registered(m wire.Protocol) bool {
	return m.Is("HTTP") || m.Is("TLS") || m.Is("WebSocket") || m.Is("h2c") || isMasque(m)
}

// isUnknown reports whether a protocol is neither registered nor listed in the configuration.
func isUnknown(c *Case, m wire.Protocol) bool {
	return !registered(m) && !slices.ContainsFunc(c.Options.Protocols, m.Is)
}

// hasUnknown reports whether one of the members is unknown.
func hasUnknown(c *Case, members []wire.Protocol) bool {
	return slices.ContainsFunc(members, func(m wire.Protocol) bool { return isUnknown(c, m) })
}

// switchedToUnknown reports whether the server cannot have chosen a known protocol of the offer. A
// 101 that names something that was not offered proves no choice.
func switchedToUnknown(c *Case) bool {
	for _, m := range c.chosen {
		if wasOffered(c, m) && !isUnknown(c, m) {
			return false
		}
	}
	known := func(m wire.Protocol) bool { return !isUnknown(c, m) }
	return hasUnknown(c, c.chosen) || !slices.ContainsFunc(c.offered, known)
}

// wasOffered reports whether the request offers a protocol that a 101 names. If only one side
// states a version, the other side leaves it open.
func wasOffered(c *Case, m wire.Protocol) bool {
	return slices.ContainsFunc(c.offered, func(o wire.Protocol) bool {
		return o.Is(m.Name) && (o.Version == m.Version || o.Version == "" || m.Version == "")
	})
}
