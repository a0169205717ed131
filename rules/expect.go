package rules

import "slices"

// expected is what the answer means to the rule that a probe brings into play.
func (c *Case) expected() cell {
	p, a, in := c.probe, c.answer(), c.column()
	entry := p.Class.expects(a, in)
	if (p.Class == Refuse || p.Class == Body) && c.ignored() {
		return c.ignoring()
	}
	if p.Soft && entry.kept == Fail && entry.note != gone && in != byStatus {
		return cell{broken: Warn, kept: Warn, note: "the server may have repaired it"}
	}
	if p.Class == RefuseVersion && a == answeredNormal && in == byStatus {
		return both(Warn) // the one test of those suites that wants an error status
	}
	if p.Class == Sequence && a != answeredSwitch && entry.note != gone && p.On(&Handshake{}).After != "" {
		return both(NotApplicable) // what makes it a probe was never sent
	}
	return entry
}

// ignored reports whether a probe was answered as if it offered nothing, where a server may do so (RFC 9110, 7.8). WebSocket
// alone wants an error status, of handshakes that are not sound (RFC 6455, 4.2.1); over HTTP/1.0 there is none.
func (c *Case) ignored() bool {
	if c.probe == nil || c.answer() != answeredNormal || c.column() != controlled {
		return false
	}
	return !c.websocket || c.X.Request.Version == "HTTP/1.0" || c.probe.Class == Either || c.probe.Class == Warn101
}

// ignoring is what that means to every rule that wants the request not to be switched.
func (c *Case) ignoring() cell {
	entry := both(Pass)
	if len(c.offered) > 0 {
		entry.note = "the offer was ignored"
	}
	return entry
}

// expect adds what the class of the probe expects, where the rule that the probe is for has nothing to say of the answer:
// rules about a 101 are not in play when there is none, and a probe that was refused has passed all the same. What came
// behind a 101 must be known. A probe that is to be refused fails with any 101, also with one that is sound in itself.
func (c *Case) expect(ruling *Ruling) {
	p := c.probe
	if p == nil || c.switched && !c.X.Complete && !p.Class.Refuses() || slices.Contains(c.Options.Off, p.rule.ID) {
		return
	}
	entry := c.expected()
	if entry.kept == NotApplicable {
		return
	}
	if f := ruling.Find(p.rule.ID); f != nil {
		if f.Verdict < Pass || !c.switched || !p.Class.Refuses() || ruling.Verdict <= entry.kept {
			return
		}
		ruling.Findings = slices.DeleteFunc(ruling.Findings, func(f Finding) bool { return f.Rule == p.rule })
	}
	c.rule = p.rule
	res := c.result(entry.kept).by(Server)
	if !c.switched { // the severity of a rule about a 101 is that of a 101
		res = res.rated(min(res.Severity, Medium))
	}
	f := Finding{Rule: p.rule, Verdict: res.Verdict, Severity: res.Severity, Party: res.Party, Refs: res.Refs, Detail: entry.note}
	if f.Verdict < Pass {
		f.Detail = withNote(probeProblem(c, p), entry.note)
	}
	c.add(ruling, f)
}
