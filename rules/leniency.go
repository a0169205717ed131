package rules

import "github.com/interlock-proxy/interlock/wire"

// asks reports whether the request has to do with the Upgrade mechanism: it has one of the fields of an offer, or the
// server took it for one. Rules about requests in general bind here, and not where a response merely advertises something.
func (c *Case) asks() bool {
	q := c.X.Request
	return len(q.Raw) > 0 &&
		(c.switched || q.Has("Upgrade") || q.Has(keyField) || q.Has(versionField) || q.Has("HTTP2-Settings"))
}

// flawed reports whether the head of a request that asks has that flaw.
func (c *Case) flawed(kind wire.FlawKind) bool {
	if len(c.X.Request.Flaws) == 0 {
		return false
	}
	_, ok := c.X.Request.Flaw(kind)
	return ok && c.asks()
}

// tolerated judges a fault of a request that a server may put up with: the fault stays with the client when the server
// switches, and of a probe only that it is refused, or that it kills the server, says anything.
func tolerated(c *Case) Result {
	res := RefuseSwitch(c)
	switch {
	case c.switched:
		return res.by(c.rule.Party)
	case c.probed() && res.Verdict == Warn:
		return res.as(NotApplicable)
	}
	return res
}

// repaired judges a fault of a request that a server should refuse and may mend: the fault stays with the client when the
// server switches, and the server that took a probe is only warned about.
func repaired(c *Case) Result {
	res := RefuseSwitch(c)
	switch {
	case c.switched && c.probed():
		return res.as(Warn).rated(Low)
	case c.switched:
		return res.by(c.rule.Party)
	}
	return res
}
