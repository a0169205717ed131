package rules

// unsafeRules are the rules that can make a switch in live traffic unsafe, in no order. Only
// register writes to it.
var unsafeRules []*Rule

// mayBeUnsafe reports whether the rule may rate a switch in live traffic critical.
func (r *Rule) mayBeUnsafe() bool { return max(r.Severity.Switched, r.Severity.Worst) == Critical }

// Unsafe reports whether [Classify] would find an exchange of live traffic unsafe. It applies only
// the rules that decide this, in the memory of a ruling that is no longer in use.
func Unsafe(ruling *Ruling, given Case) bool {
	m := given.Memory
	c := m.borrow(&given)
	defer m.giveBack(c)
	c.read()
	*ruling = Ruling{X: c.X, Findings: ruling.Findings[:0], Verdict: NotApplicable, options: c.Options}
	if !c.leftHTTP {
		return false
	}
	if c.onlyClient() {
		judgeChain(c, ruling)
		return ruling.Unsafe
	}
	if !c.HopOnly {
		c.askAll(ruling, unsafeRules)
	}
	c.askHop(ruling)
	return ruling.Unsafe
}
