package rules

import "strings"

// A Rule is one requirement for upgrade exchanges, with its documentation.
type Rule struct {
	ID       string     `json:"id"`       // AREA-FACT; never renumbered, never reused; COMP-<ID> is an alias
	Title    string     `json:"title"`    // the requirement, as a sentence without its full stop
	Problem  Problems   `json:"problem"`  // what a finding says
	Label    string     `json:"label"`    // the problem in a few words, for lists
	Level    Level      `json:"level"`    // what the cited sentence says
	Party    Party      `json:"party"`    // who breaks it; a server that switches on a client's fault is at fault
	Severity Severities `json:"severity"` // when refused, when switched
	Refs     []Ref      `json:"refs"`
	Why      string     `json:"why"`   // the harm that an attacker or an outage can do
	Fix      string     `json:"fix"`   // how to fix it: one general line, then a line for each known product
	Since    string     `json:"since"` // the release that introduced it

	// HopByHop marks rules about headers that are valid for one hop only, which an intermediary may
	// have removed or wrongly forwarded. If the message came through an intermediary, the finding
	// says so.
	HopByHop bool `json:"-"`

	// Hop marks rules that compare both sides of a proxy. They are asked only about exchanges with a
	// Hop, so the others cost nothing.
	Hop bool `json:"-"`

	// Versions are the versions of HTTP that the rule is about: an exchange in another one is not asked.
	Versions Versions `json:"-"`

	needs needs // facts without which When is false; see Case.facts

	When   func(*Case) bool   `json:"-"`      // reports whether the rule applies; a rule that does not has not passed
	Judge  func(*Case) Result `json:"-"`      // nil: RefuseSwitch
	Probes []Probe            `json:"probes"` // the requests that test the rule

	// Show returns the sentence that applies, what was seen and where. It is called only if Result
	// is a failure, a warning or unclear.
	Show func(*Case, Result) Shown `json:"-"`

	general []Ref  // the Refs that apply without WebSocket; register fills it in
	number  uint16 // among all rules, by the order of registration
}

// Versions are the versions of HTTP that a rule is about.
type Versions uint8

// The zero value is for rules about what only HTTP/1 has, such as the Upgrade and Connection headers.
const (
	HTTP1      Versions = iota
	HTTP2               // what only HTTP/2 has
	AnyVersion          // what both have
)

// includes reports whether the rule is about exchanges of that version.
func (v Versions) includes(http2 bool) bool { return v == AnyVersion || (v == HTTP2) == http2 }

// A Ref is one requirement in the rulebook's own words, with its place.
type Ref struct {
	RFC     string `json:"rfc"`     // its number
	Section string `json:"section"` // such as 4.2.1
	Text    string `json:"text"`    // the requirement
}

// String returns the citation, such as RFC 6455 §4.2.1.
func (r Ref) String() string { return "RFC " + r.RFC + " §" + r.Section }

// A Level is how binding the cited sentence is (RFC 2119).
type Level uint8

// The levels. Advice is for what no RFC sentence requires.
const (
	Must Level = iota
	Should
	May
	Advice
)

// String returns the level in lower case.
func (l Level) String() string { return [...]string{"must", "should", "may", "advice"}[l] }

// MarshalText returns the level as the contracts write it.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// A Party is who violated a rule.
type Party uint8

// The parties.
const (
	Client Party = iota
	Server
	Intermediary
)

// String returns the party in lower case.
func (p Party) String() string { return [...]string{"client", "server", "intermediary"}[p] }

// MarshalText returns the party as the contracts write it.
func (p Party) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText writes. A word of a later release is taken for the server.
func (p *Party) UnmarshalText(text []byte) error {
	*p = readWord(string(text), Client, Intermediary, Server)
	return nil
}

// A Severity is how much harm a broken rule can do. The zero value is Info.
type Severity uint8

// The severities, mildest first.
const (
	Info     Severity = iota // a fact
	Low                      // hardening, or a SHOULD
	Medium                   // a MUST without known harm
	High                     // two parties disagree on the end of a message, or a valid client must close the connection
	Critical                 // one party leaves HTTP while another on the path would not, or for a protocol that was not agreed on; or a stranger gets a user's connection
)

// String returns the severity in lower case.
func (s Severity) String() string { return [...]string{"info", "low", "medium", "high", "critical"}[s] }

// MarshalText returns the severity as the contracts write it.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes. A word of a later release is taken for critical.
func (s *Severity) UnmarshalText(text []byte) error {
	*s = readWord(string(text), Info, Critical, Critical)
	return nil
}

// Severities are the severities of a rule: when the server did not switch, when it did, and when it
// did and Judge rates the finding worse than usual. Worst is Info where Judge never does.
type Severities struct {
	Refused  Severity `json:"refused"`
	Switched Severity `json:"switched"`
	Worst    Severity `json:"-"`
}

// alias is the name under which other test suites know a rule.
const alias = "COMP-"

// canonical is a rule's ID as people type it, made exact.
func canonical(id string) string {
	return strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(id)), alias)
}
