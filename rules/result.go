package rules

// A Result is the judgment of a rule on an exchange. It is complete: Judge changes nothing else.
type Result struct {
	Verdict     Verdict
	Severity    Severity // at this outcome
	Party       Party    // who is at fault
	Refs        []Ref    // those of the rule's that bear on this exchange
	Attribution string   // who else may be at fault; Classify fills it in if it is empty
	Note        string   // a further remark, also on a pass
	answered    bool     // RefuseSwitch judged: the text also says how the server answered
}

// result returns a verdict with the rule's severity for the outcome of the exchange.
func (c *Case) result(v Verdict) Result {
	r := c.rule
	res := Result{Verdict: v, Severity: r.Severity.Refused, Party: r.Party, Refs: c.citations(r)}
	if c.leftHTTP {
		res.Severity = r.Severity.Switched
	}
	return res
}

// citations returns the references of a rule that apply to the exchange: RFC 6455 does not bind a
// server that speaks no WebSocket, unless the rule rests on nothing else.
func (c *Case) citations(r *Rule) []Ref {
	if c.websocket || len(r.general) == 0 {
		return r.Refs
	}
	return r.general
}

// passIf returns a pass if the requirement holds, and a failure otherwise.
func (c *Case) passIf(holds bool) Result {
	if holds {
		return c.result(Pass)
	}
	return c.result(Fail)
}

// as returns the result with another verdict.
func (r Result) as(v Verdict) Result {
	r.Verdict = v
	return r
}

// rated returns the result with another severity.
func (r Result) rated(s Severity) Result {
	r.Severity = s
	return r
}

// by returns the result with another party at fault.
func (r Result) by(p Party) Result {
	r.Party = p
	return r
}
