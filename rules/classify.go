package rules

import (
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
	c.read()
	ruling := &Ruling{X: c.X, Verdict: NotApplicable, Endpoint: Template(c.X.Request.Target), options: c.Options}
	if c.X.Outcome == wire.Local && c.X.Response == nil {
		return ruling
	}
	room := 6 // for what most rulings have
	if c.switched {
		room = 32
	}
	ruling.Findings = make([]Finding, 0, room)
	for asked := 0; asked < len(book); {
		asked = c.ask(ruling, asked)
	}
	return ruling
}

// ask goes through the rules from one on and tells where to go on: behind the last, or behind one that panicked.
func (c *Case) ask(ruling *Ruling, from int) (next int) {
	defer func() {
		if e := recover(); e != nil {
			r := book[next]
			c.found = Finding{Rule: r, Verdict: Unclear, Severity: r.Severity.Switched, Party: r.Party, Refs: r.Refs,
				Detail: fmt.Sprintf("the rule itself is broken, please report this: %q", fmt.Sprint(e))}
			c.enter(ruling)
			next++
		}
	}()
	for next = from; next < len(book); next++ {
		r := book[next]
		if len(c.Options.Off) > 0 && slices.Contains(c.Options.Off, r.ID) {
			continue
		}
		if r.When(c) && c.judge(r) {
			c.enter(ruling)
		}
	}
	return next
}

// enter adds c.found to the ruling.
func (c *Case) enter(ruling *Ruling) {
	f := &c.found
	ruling.Verdict = min(ruling.Verdict, f.Verdict)
	if f.Verdict == Fail && f.Severity == Critical && c.switched {
		ruling.Unsafe = true
	}
	if s, ok := c.Options.Severities[f.Rule.ID]; ok {
		f.Severity = s
	}
	ruling.Findings = append(ruling.Findings, *f)
}

// judge leaves in c.found what a rule says that is in play; it is false if the rule turns out not to be.
func (c *Case) judge(r *Rule) bool {
	f := &c.found
	*f = Finding{Rule: r, Party: r.Party, Refs: c.citations(r), Severity: r.Severity.Refused}
	c.framed = false
	if c.switched {
		f.Severity = r.Severity.Switched
	}
	if r.Judge != nil {
		f.Verdict = r.Judge(c)
	} else {
		f.Verdict = RefuseSwitch(c)
	}
	if c.probed() && f.Party == Client {
		f.Verdict = NotApplicable
	}
	if f.Verdict < Pass {
		f.Attribution = c.attribution(r)
		c.show(r)
		c.allow()
	}
	return f.Verdict != NotApplicable
}

// citations are the references of a rule that bear on the exchange: RFC 6455 binds nobody who does not speak WebSocket,
// unless the rule rests on nothing else.
func (c *Case) citations(r *Rule) []Ref {
	websocket := func(ref Ref) bool { return ref.RFC == "6455" }
	if c.websocket || !slices.ContainsFunc(r.Refs, websocket) {
		return r.Refs
	}
	others := slices.DeleteFunc(slices.Clone(r.Refs), websocket)
	if len(others) == 0 {
		return r.Refs
	}
	return others
}

// show says what was seen. What RefuseSwitch judged is a fault of the request; there the text also says what the server
// made of it.
func (c *Case) show(r *Rule) {
	f, note := &c.found, c.found.Detail
	saw, at := r.Show(c)
	f.Spans = at
	if !c.framed {
		f.Detail = saw
		return
	}
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
