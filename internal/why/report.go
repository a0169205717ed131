package why

import (
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// A Result says how a walk ended.
type Result string

// The results.
const (
	Works   Result = "works"
	Fails   Result = "fails"   // and the reason is known
	Unknown Result = "unknown" // it fails, and the reason is not known; or the walk did not get to its end
)

// A Report is the result of a walk.
type Report struct {
	URL       string            `json:"url"` // without secrets; empty for a recording
	Result    Result            `json:"result"`
	Steps     []Step            `json:"steps"`
	Diagnoses []rules.Diagnosis `json:"diagnoses"` // why it fails, the most certain first
	Notes     []string          `json:"notes"`     // sentences about what is not wrong, but worth knowing
	Summary   string            `json:"summary"`   // a paragraph

	ended string // why the walk did not get to its end; empty if it did
}

// A Step is one thing that was tried.
type Step struct {
	Name     string        `json:"step"`           // name, tcp, tls, get, handshake, browser, change, path, session, recorded
	What     string        `json:"what"`           // in a few words
	HTTP     string        `json:"http,omitempty"` // 2: it was sent in HTTP/2
	OK       bool          `json:"ok"`
	Neutral  bool          `json:"neutral,omitempty"` // the result is neither good nor bad: it tells something
	Answer   string        `json:"answer"`
	Took     time.Duration `json:"-"`
	Millis   float64       `json:"ms"`
	Status   int           `json:"status,omitempty"` // of the response
	Verdict  string        `json:"verdict,omitempty"`
	Broken   []string      `json:"rules,omitempty"` // IDs of rules that the exchange breaks
	Explains []string      `json:"diagnoses,omitempty"`
}

// known reports whether the reason of a failure is known.
func (r *Report) known() bool {
	return len(r.Diagnoses) > 0 && (r.Diagnoses[0].Certainty >= rules.Likely || isDropped(r.Diagnoses[0]))
}
