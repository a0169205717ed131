package rules

// A Verdict is the result of a rule on one exchange.
type Verdict uint8

// The verdicts, worst first.
const (
	Fail          Verdict = iota
	Warn                  // violated, but not by the tested side, or without harm
	Unclear               // the rule applies, and the exchange does not decide it
	Pass                  // the rule applies, and nothing violates it
	NotApplicable         // the rule does not apply, which is not a pass
)

// String is the verdict as the contracts write it.
func (v Verdict) String() string {
	return [...]string{"fail", "warn", "unclear", "pass", "not-applicable"}[v]
}

// MarshalText is the verdict as the contracts write it.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText writes. A word of a later release is taken for unclear.
func (v *Verdict) UnmarshalText(text []byte) error {
	*v = readWord(string(text), Fail, NotApplicable, Unclear)
	return nil
}
