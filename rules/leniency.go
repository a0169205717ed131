package rules

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
