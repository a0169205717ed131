package rules

// tolerated judges a fault of a request that a server may tolerate: the client stays at fault if
// the server switches, and a probe shows something only if it is refused or ends the server.
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

// repaired judges a fault of a request that a server should refuse and may repair: the client stays
// at fault if the server switches, and a server that accepted a probe gets a warning.
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
