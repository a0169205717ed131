package rules

// A Verdict is what a rule says about one exchange.
type Verdict uint8

// The verdicts, worst first.
const (
	Fail          Verdict = iota
	Warn                  // broken, but not by who is under test, or without harm
	Unclear               // in play, and what was seen does not decide it
	Pass                  // in play, and kept
	NotApplicable         // not in play: this is no pass
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
