package rules

import (
	"fmt"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// expected returns what the answer means to the rule that the probe tests.
func (c *Case) expected() cell {
	p, a, in := c.probe, c.answer(), c.column()
	if c.longAnswer() {
		a = answeredRefusal
	}
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
		return both(NotApplicable) // the part that makes it a probe was not sent
	}
	if p.Frames != nil && a == answeredSwitch {
		return both(NotApplicable) // a 101 alone shows nothing
	}
	if entry.kept == NotApplicable && p.Class != Differential {
		return c.unlikeControl(entry)
	}
	return entry
}

// unlikeControl judges an answer whose class is not that of the answer to the valid handshake, which
// was not accepted: the defect made a difference. A rejection is the right one.
func (c *Case) unlikeControl(entry cell) cell {
	got, valid := c.status(), c.X.Control
	note := fmt.Sprintf("the valid handshake got %d", valid)
	switch {
	case c.column() != uncontrolled, got == 0, valid == 0, got/100 == valid/100, isBusy(valid):
		return entry
	case valid == wire.NoAnswer:
		note = "the valid handshake got no answer"
	}
	v := Pass // of the rule; the probe does not pass without an accepted control
	switch c.answer() {
	case answeredNormal, answeredError:
		v = Warn
	case answeredBusy:
		v = Unclear
	}
	return cell{broken: v, kept: v, note: note}
}

// ignored reports whether a probe was answered as if it offered nothing, where a server may do so
// (RFC 9110 §7.8). Only WebSocket requires an error status for invalid handshakes (RFC 6455
// §4.2.1), except over HTTP/1.0.
func (c *Case) ignored() bool {
	if c.probe == nil || c.answer() != answeredNormal || c.column() != controlled {
		return false
	}
	return !c.websocket || c.X.Request.Version == "HTTP/1.0" || c.probe.Class == Either || c.probe.Class == Warn101
}

// ignoring returns what that means to every rule that wants the server not to switch.
func (c *Case) ignoring() cell {
	entry := both(Pass)
	if len(c.offered) > 0 {
		entry.note = "the offer was ignored"
	}
	return entry
}

// expect adds the expectation of the probe's class if the probe's own rule says nothing about the
// response: rules about a 101 do not apply without one, and a probe that was refused has still
// passed. What followed a 101 must be known. A probe that should be refused fails with any 101,
// even one that is valid in itself.
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
