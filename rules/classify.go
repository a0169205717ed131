package rules

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// Classify holds an exchange against every rule. It may be called by several goroutines at the same time, and does not
// change what the case points to.
//
// An exchange that Interlock answered itself has a ruling without findings: nobody judged the request, and nothing was
// answered. A rule that panics is reported as unclear; the others are not affected.
func Classify(c Case) *Ruling {
	ruling := &Ruling{}
	ClassifyInto(ruling, c)
	return ruling
}

// ClassifyInto is Classify in the memory of a ruling that nobody looks at any more, and of its findings.
func ClassifyInto(ruling *Ruling, c Case) {
	c.read()
	*ruling = Ruling{X: c.X, Findings: ruling.Findings[:0], Verdict: NotApplicable, Endpoint: EndpointOf(c.X), options: c.Options}
	if c.X.Outcome == wire.Local && c.X.Response == nil {
		return
	}
	room := 6 // for what most rulings have
	if c.switched {
		room = 28
	}
	ruling.Findings = slices.Grow(ruling.Findings, room)
	c.askAll(ruling, book)
	c.expect(ruling)
	c.relate(ruling)
	if p := c.probe; p != nil && ruling.Verdict == Pass && (ruling.Find(p.rule.ID) == nil || c.column() == uncontrolled) {
		ruling.Verdict = NotApplicable // a probe passes by what it was sent for, and where a control speaks for it
	}
}

// askAll asks rules, in their order.
func (c *Case) askAll(ruling *Ruling, rules []*Rule) {
	for asked := 0; asked < len(rules); {
		asked = c.ask(ruling, rules, asked)
	}
}

// ask goes through the rules from one on and tells where to go on: behind the last, or behind one that panicked.
func (c *Case) ask(ruling *Ruling, rules []*Rule, from int) (next int) {
	defer func() {
		if e := recover(); e != nil {
			r := rules[next]
			c.begin(ruling, r)
			*c.found = Finding{Rule: r, Verdict: Unclear, Severity: r.Severity.Switched, Party: r.Party, Refs: r.Refs,
				Detail: fmt.Sprintf("the rule itself is broken, please report this: %q", fmt.Sprint(e))}
			c.enter(ruling)
			next++
		}
	}()
	for next = from; next < len(rules); next++ {
		r := rules[next]
		if len(c.Options.Off) > 0 && slices.Contains(c.Options.Off, r.ID) {
			continue
		}
		if r.When(c) && c.judge(ruling, r) {
			c.enter(ruling)
		}
	}
	return next
}

// begin lets c.found be the place behind the last finding of the ruling, which is empty, and puts into it what is so
// whatever the rule says.
func (c *Case) begin(ruling *Ruling, r *Rule) {
	n := len(ruling.Findings)
	ruling.Findings = slices.Grow(ruling.Findings, 1)
	f := &ruling.Findings[:n+1][n]
	f.Rule, f.Party, f.Refs, f.Severity = r, r.Party, c.citations(r), r.Severity.Refused
	if c.left {
		f.Severity = r.Severity.Switched
	}
	c.found, c.framed = f, false
}

// enter takes c.found into the ruling.
func (c *Case) enter(ruling *Ruling) {
	f := c.found
	switch {
	case !c.X.Flaky || f.Verdict != Fail:
	case c.switched: // one 101 is one too many
		f.Detail += "; seen 1 of 2 times"
	default:
		f.Verdict = Unclear
		f.Detail += "; not so when it was repeated"
	}
	ruling.Verdict = min(ruling.Verdict, f.Verdict)
	if f.Verdict == Fail && f.Severity == Critical && c.left {
		ruling.Unsafe = true
	}
	if s, ok := c.Options.Severities[f.Rule.ID]; ok {
		f.Severity = s
	}
	ruling.Findings = ruling.Findings[:len(ruling.Findings)+1]
}

// judge leaves in c.found what a rule says that is in play; it is false if the rule turns out not to be.
func (c *Case) judge(ruling *Ruling, r *Rule) bool {
	c.begin(ruling, r)
	f := c.found
	if r.Judge != nil {
		f.Verdict = r.Judge(c)
	} else {
		f.Verdict = RefuseSwitch(c)
	}
	if c.probed() && f.Party == Client {
		f.Verdict = NotApplicable
	}
	if f.Verdict < Pass {
		f.Attribution = cmp.Or(f.Attribution, c.attribution(r))
		c.show(r)
		c.allow()
	}
	if f.Verdict == NotApplicable {
		*f = Finding{}
		return false
	}
	return true
}

// citations are the references of a rule that bear on the exchange: RFC 6455 binds nobody who does not speak WebSocket,
// unless the rule rests on nothing else.
func (c *Case) citations(r *Rule) []Ref {
	if c.websocket || len(r.general) == 0 {
		return r.Refs
	}
	return r.general
}

// show says what was seen. What RefuseSwitch judged is a fault of the request; there the text also says what the server
// made of it.
func (c *Case) show(r *Rule) {
	saw, at := r.Show(c)
	c.found.Spans = at
	if !c.framed {
		c.found.Detail = saw
		return
	}
	c.describe(saw)
}

// describe says of a fault of the request what the server made of it. A note of the verdict table is in the text already.
func (c *Case) describe(saw string) {
	f, note := c.found, c.found.Detail
	switch c.answer() {
	case answeredSwitch:
		f.Detail = "switched on " + saw
	case answeredClose:
		f.Detail = saw + ", closed without an answer"
	case answeredNothing, answeredWait:
		f.Detail = saw + ", no answer"
	case answeredNoise:
		f.Detail = saw + ", no answer that can be read"
	default:
		f.Detail = fmt.Sprintf("%s, answered with %d", saw, c.status())
	}
	if note != "" {
		f.Detail += "; " + note
	}
}
