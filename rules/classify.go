package rules

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// Classify judges an exchange by every rule. Several goroutines may call it at the same time. It
// does not change what the case points to.
//
// An exchange that Interlock answered itself has a ruling without findings, because no server
// judged the request. A rule that panics is reported as unclear and does not affect the others.
func Classify(given Case) *Ruling {
	m := given.Memory
	c, ruling := m.borrow(&given), &Ruling{}
	c.classify(ruling)
	m.giveBack(c)
	return ruling
}

// classify applies all rules.
func (c *Case) classify(ruling *Ruling) {
	c.read()
	*ruling = Ruling{X: c.X, Verdict: NotApplicable, Endpoint: c.Endpoint, options: c.Options}
	if ruling.Endpoint == "" {
		ruling.Endpoint = EndpointOf(c.X)
	}
	if c.X.Outcome == wire.Local && c.X.Response == nil {
		return
	}
	if c.onlyClient() {
		judgeChain(c, ruling)
		return
	}
	if c.sharesPasses() {
		c.askAll(ruling, book)
		c.endPasses(ruling)
		relateFindings(c, ruling)
		return
	}
	ruling.Findings = make([]Finding, 0, c.room())
	if !c.HopOnly {
		c.askAll(ruling, book)
	}
	c.askHop(ruling)
	c.expect(ruling)
	relateFindings(c, ruling)
	if p := c.probe; p != nil && ruling.Verdict == Pass && (ruling.Find(p.rule.ID) == nil || c.column() == uncontrolled) {
		ruling.Verdict = NotApplicable // a probe passes only by its own rule, and only if a control was accepted
	}
}

// room is how many findings most rulings of such exchanges have at most.
func (c *Case) room() int {
	if c.switched {
		return 32
	}
	return 10
}

// askAll applies rules, in their order.
func (c *Case) askAll(ruling *Ruling, rules []*Rule) {
	for asked := 0; asked < len(rules); {
		asked = c.ask(ruling, rules, asked)
	}
}

// ask applies the rules from an index on. It returns the index to continue at: after the last rule,
// or after one that panicked.
func (c *Case) ask(ruling *Ruling, rules []*Rule, from int) (next int) {
	defer func() {
		if e := recover(); e != nil {
			r := rules[next]
			c.add(ruling, Finding{Rule: r, Verdict: Unclear, Severity: r.Severity.Switched, Party: r.Party, Refs: r.Refs,
				Detail: fmt.Sprintf("Internal error in this rule, please report it: %q", fmt.Sprint(e))})
			next++
		}
	}()
	off, http2, has := len(c.Options.Off) > 0, c.X.Request.HTTP2(), c.has
	for next = from; next < len(rules); next++ {
		r := rules[next]
		if r.needs&^has != 0 || !r.Versions.includes(http2) || off && slices.Contains(c.Options.Off, r.ID) || !c.testsFrames(r) && !r.When(c) {
			continue
		}
		c.rule = r
		switch res := c.judge(); res.Verdict {
		case NotApplicable:
		case Pass:
			c.pass(ruling, &res)
		default:
			c.add(ruling, c.finding(res))
		}
	}
	return next
}

// judge applies the current rule. Probes violate rules of clients on purpose.
func (c *Case) judge() Result {
	judge := c.rule.Judge
	switch {
	case c.testsFrames(c.rule):
		judge = judgeFrameProbe
	case judge == nil:
		judge = RefuseSwitch
	}
	res := judge(c)
	if res.Party == Client && c.probed() {
		res.Verdict = NotApplicable
	}
	return res
}

// pass adds the finding of the current rule where nothing violates it. Most findings are such, so it
// is written in its place, not copied there.
func (c *Case) pass(ruling *Ruling, res *Result) {
	if c.passes.open && c.passes.add(c, res) {
		ruling.Verdict = min(ruling.Verdict, Pass)
		return
	}
	c.writePasses(ruling)
	n := len(ruling.Findings)
	ruling.Findings = slices.Grow(ruling.Findings, 1)[:n+1]
	f := &ruling.Findings[n]
	f.Rule, f.Verdict, f.Severity, f.Party, f.Refs = c.rule, Pass, res.Severity, res.Party, res.Refs
	f.Attribution, f.Detail, f.State = res.Attribution, res.Note, ""
	f.Related, f.Spans = nil, nil
	ruling.Verdict = min(ruling.Verdict, Pass)
	if len(c.Options.Severities) > 0 {
		if s, ok := c.Options.Severities[c.rule.ID]; ok {
			f.Severity = s
		}
	}
}

// finding returns the finding of the current rule.
func (c *Case) finding(res Result) Finding {
	f := Finding{Rule: c.rule, Verdict: res.Verdict, Severity: res.Severity, Party: res.Party, Refs: res.Refs,
		Attribution: res.Attribution, Detail: res.Note}
	if res.Verdict >= Pass {
		return f
	}
	f.Attribution = cmp.Or(f.Attribution, attributionOf(c, res))
	show := c.rule.Show
	if c.testsFrames(c.rule) {
		show = showFrameProbe
	}
	shown := show(c, res)
	f.Detail, f.Spans = c.detail(res, f.Attribution, shown), shown.Spans
	allowForLoss(c, &f, res)
	return f
}

// add adds a finding to the ruling.
func (c *Case) add(ruling *Ruling, f Finding) {
	c.writePasses(ruling)
	switch {
	case !c.X.Flaky || f.Verdict != Fail:
	case c.switched && !c.compares(f.Rule) && !c.testsFrames(f.Rule) && !c.onlyClient(): // a single 101 is enough
		f.Detail += "; seen 1 of 2 times"
	default:
		f.Verdict = Unclear
		f.Detail += "; it did not happen again when repeated"
	}
	ruling.Verdict = min(ruling.Verdict, f.Verdict)
	if f.Verdict == Fail && f.Severity == Critical && c.leftHTTP {
		ruling.Unsafe = true
	}
	if s, ok := c.Options.Severities[f.Rule.ID]; ok {
		f.Severity = s
	}
	ruling.Findings = append(ruling.Findings, f)
}

// compares reports whether a rule judges the exchange by how it differs from its twins. A server that
// answers the same request now one way and now another shows such a difference by chance.
func (c *Case) compares(r *Rule) bool {
	return c.probe != nil && c.probe.Class == Differential && c.brings(r.ID) && !c.requiresAuth()
}
