package rules

// A Diagnosis explains an exchange: why an upgrade failed, or who ended a tunnel. It changes no
// verdict, gate or exit status. Package internal/diagnose makes diagnoses.
type Diagnosis struct {
	ID        string    `json:"id"`
	Text      string    `json:"text"`            // what was observed: the bytes show it
	Certainty Certainty `json:"certainty"`       // of the cause
	Cause     string    `json:"cause"`           // what led to it
	Basis     string    `json:"basis,omitempty"` // what in the exchange points to the cause
	Fix       string    `json:"fix"`             // what to change: a line for each product, "nginx: ..."
	Explains  []string  `json:"explains,omitempty"`
}

// Certainty is the certainty of the cause of a [Diagnosis].
type Certainty uint8

// The certainties.
const (
	Possible Certainty = iota // one of several causes
	Likely                    // something in the exchange is typical of it
	Certain                   // the bytes prove it
)

// String returns the certainty as the contracts write it.
func (c Certainty) String() string { return [...]string{"possible", "likely", "certain"}[c] }

// MarshalText returns the certainty as the contracts write it.
func (c Certainty) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText writes. A word of a later release is taken for possible.
func (c *Certainty) UnmarshalText(text []byte) error {
	*c = readWord(string(text), Possible, Certain, Possible)
	return nil
}
