package rules

// A Result is what a rule says about an exchange. It is complete: Judge changes nothing else.
type Result struct {
	Verdict     Verdict
	Severity    Severity // at this outcome
	Party       Party    // who is at fault
	Refs        []Ref    // those of the rule's that bear on this exchange
	Attribution string   // who else may be at fault; Classify works it out where this is empty
	Note        string   // what else there is to say, also of a pass
	answered    bool     // RefuseSwitch judged: the text also says what the server made of the request
}

// result returns a verdict with what the rule states for the outcome of the exchange.
func (c *Case) result(v Verdict) Result {
	r := c.rule
	res := Result{Verdict: v, Severity: r.Severity.Refused, Party: r.Party, Refs: c.citations(r)}
	if c.leftHTTP {
		res.Severity = r.Severity.Switched
	}
	return res
}

// citations are the references of a rule that bear on the exchange: RFC 6455 binds nobody who does not speak WebSocket,
// unless the rule rests on nothing else.
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
