package rules

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// A Probe is a valid handshake with exactly one defect, or one written in an unusual valid way, and
// how a server should answer it. Probes are declared with the rule that they test.
type Probe struct {
	ID      string   `json:"id"`              // as stable as a rule's
	Label   string   `json:"title"`           // what is special about it, in a few words
	Want    string   `json:"-"`               // see Expectation; empty if Class is sufficient
	Class   Class    `json:"class"`           // what is expected
	Risk    Risk     `json:"risk"`            // what it can do to a server
	Soft    bool     `json:"soft,omitempty"`  // a server may repair it: a 101 is a warning
	Control string   `json:"control"`         // the protocol whose control decides about it; empty: websocket
	Also    []string `json:"rules,omitempty"` // further rules that a flawless 101 breaks
	Edit    Edit     `json:"-"`
	Sizes   []int    `json:"sizes,omitempty"` // lengths of the value that Sized writes, in ascending order: how long the server takes is measured
	Twins   []Twin   `json:"twins,omitempty"` // further requests, which are sent first, to compare the answers
	At      Place    `json:"-"`               // which bases it is sent on

	Unoffered bool `json:"-"` // it is sent in HTTP/2 to a server that does not offer extended CONNECT
	Versions  bool `json:"-"` // its twins are in HTTP/1.1: it is sent where a valid handshake is accepted there, too

	Frames *FrameTest `json:"-"` // what it sends after the 101, if it tests how frames are read

	Sized func(n int) Edit `json:"-"` // see Sizes; Edit is that of the largest

	rule *Rule
}

// A Twin is a request that is sent before that of a probe. The rule of the probe compares the
// answers: see Case.twin.
type Twin struct {
	Name string `json:"name"`  // unique among the twins of the probe
	Text string `json:"title"` // what it is, in a few words
	Edit Edit   `json:"-"`     // of the base, as the one of a probe

	When func(base *Handshake) bool `json:"-"` // reports whether it is sent; nil: always
}

// A Place says on which bases a probe is sent.
type Place uint8

// The places of probes.
const (
	AtEndpoint  Place = iota // the handshake of the endpoint
	AtProtected              // that, and the same at each path that is known to require credentials
	AtForeign                // the handshake of each identity, with the credentials of each other one: see Handshake.Owner
)

// Accepting reports whether a failure of that rule says that the server accepted the probe: the rule is the
// probe's own, one that it also breaks, or about what clients send. The others are about the response or the
// connection, whatever was sent.
func (p *Probe) Accepting(r *Rule) bool {
	return r == p.rule || r.Party == Client || slices.Contains(p.Also, r.ID)
}

// Rule returns the rule that the probe tests.
func (p *Probe) Rule() *Rule { return p.rule }

// On returns the request of the probe on a base.
func (p *Probe) On(base *Handshake) *Handshake {
	h := edited(base, p.Edit)
	if p.Frames != nil {
		h.After, h.Frames = p.Frames.Sends, p.Frames
	}
	return h
}

// OfSize returns the request of the probe with a value of that length; see Sizes.
func (p *Probe) OfSize(n int, base *Handshake) *Handshake { return edited(base, p.Sized(n)) }

// On returns the request of the twin on a base.
func (t *Twin) On(base *Handshake) *Handshake { return edited(base, t.Edit) }

func edited(base *Handshake, edit Edit) *Handshake {
	h := base.Clone()
	if edit != nil {
		edit(h)
	}
	return h
}

// Expectation describes how a server should answer the probe.
func (p *Probe) Expectation() string {
	switch {
	case p.Want != "":
		return p.Want
	case p.Class == Refuse && !p.Soft && p.mayBeIgnored():
		return "Any response except 101; ignoring the offer is fine"
	case p.Soft && p.Class == Refuse400:
		return "400 (other 4xx pass; a 101 is a warning: the server may repair it)"
	case p.Soft:
		return "4xx (a 101 is a warning: the server may repair it)"
	}
	return p.Class.Expectation()
}

// mayBeIgnored reports whether a server may answer the probe as if it offered nothing: it does not
// offer WebSocket, or it is an HTTP/1.0 request.
func (p *Probe) mayBeIgnored() bool {
	q := wire.ReadRequest([]byte(p.On(NewHandshake("http", "staging.test", "/", "")).Head()))
	return q.Version == "HTTP/1.0" || !hasProtocol(q.Protocols(), "websocket")
}

// MarshalJSON adds the expectation in words.
func (p Probe) MarshalJSON() ([]byte, error) {
	type plain Probe
	return json.Marshal(struct {
		plain
		Expectation string `json:"expectation"`
		Twin        bool   `json:"twin,omitempty"`
	}{plain(p), p.Expectation(), len(p.Twins) > 0})
}

// The controls of probes in HTTP/2; see [Probe.Control].
const (
	HTTP2WebSocket = "http2"     // an extended CONNECT
	HTTP2Plain     = "http2-get" // a GET
)

// HTTP2 reports whether the probe is sent in HTTP/2.
func (p *Probe) HTTP2() bool { return p.Control == HTTP2WebSocket || p.Control == HTTP2Plain }

// IsControl reports whether the probe is a valid handshake.
func (p *Probe) IsControl() bool { return strings.HasPrefix(p.ID, "CTRL-") }

// IsPlain reports whether the probe of that ID is a control without an offer. That it is answered is no
// result.
func IsPlain(id string) bool { return id == "CTRL-PLAIN" || id == "CTRL-H2-GET" }

// Ends reports whether the probe is sent after all others.
func (p *Probe) Ends() bool { return p.ID == "CTRL-END" || p.ID == "CTRL-H2-END" }

// A Risk is the harm that a probe may do to a server.
type Risk uint8

// The risks.
const (
	Harmless Risk = iota // no known server is affected
	State                // the server may do what the request says: its method is not GET, or it has a body
	Crash                // some servers or programs are known to crash
)

// String returns the risk in lower case.
func (r Risk) String() string { return [...]string{"harmless", "state", "crash"}[r] }

// MarshalText returns the risk as the contracts write it.
func (r Risk) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Probes returns the probes of all rules: the controls first, then by ID. The caller owns the slice
// and must not change the probes.
func Probes() []*Probe {
	all := make([]*Probe, 0, 256)
	for _, r := range book {
		for i := range r.Probes {
			all = append(all, &r.Probes[i])
		}
	}
	slices.SortFunc(all, func(p, q *Probe) int {
		return cmp.Or(order(p)-order(q), strings.Compare(p.ID, q.ID))
	})
	return all
}

func order(p *Probe) int {
	switch {
	case p.Ends():
		return 2
	case p.IsControl():
		return 0
	}
	return 1
}

// FindProbe returns the probe of that ID, or nil. It accepts the same spellings as Find.
func FindProbe(id string) *Probe {
	id = canonical(id)
	for _, r := range book {
		for i := range r.Probes {
			if r.Probes[i].ID == id {
				return &r.Probes[i]
			}
		}
	}
	return nil
}
