package rules

// graves are the rules that a switch in live traffic can break in a way that makes it unsafe, in no order. Only register
// writes to it.
var unsafeRules []*Rule

// mayBeUnsafe reports whether the rule may find a switch in live traffic critical.
func (r *Rule) mayBeUnsafe() bool { return max(r.Severity.Switched, r.Severity.Worst) == Critical }

// Unsafe reports whether [Classify] would find an exchange of live traffic unsafe. It asks only the rules on which that
// depends, in the memory of a ruling that nobody looks at any more.
func Unsafe(ruling *Ruling, c Case) bool {
	c.read()
	if !c.leftHTTP {
		return false
	}
	*ruling = Ruling{X: c.X, Findings: ruling.Findings[:0], Verdict: NotApplicable, options: c.Options}
	c.askAll(ruling, unsafeRules)
	return ruling.Unsafe
}
