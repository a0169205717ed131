package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/interlock-proxy/interlock/wire"
)

// The bounds of what [ReadRuling] reads. A ruling that this program writes keeps within them.
const (
	maxRuling    = 4 << 20 // bytes
	maxFindings  = 1000
	maxID        = 128 // bytes of the ID of a rule
	maxDiagnoses = 100

	longestMilliseconds = 1e12 // microseconds of it are exact
)

// rulingRead is a ruling as read, before words of other releases are interpreted.
type rulingRead struct {
	rulingJSON
	Verdict   string            `json:"verdict"`
	Findings  []json.RawMessage `json:"findings"`
	Diagnoses []Diagnosis       `json:"diagnoses"`
}

type findingRead struct {
	findingJSON
	Verdict  string `json:"verdict"`
	Severity string `json:"severity"`
	Level    string `json:"level"`
	Party    string `json:"party"`
}

// ReadRuling reads a ruling from the JSON that MarshalJSON writes, of at most 4 MiB. Heads are read
// from their bytes as shown, and what is blanked out stays so: the ruling marshals to the same JSON
// again. Rules, verdicts and other words of a later release are not an error: an unknown verdict
// becomes unclear and an unknown severity critical, so that no one overlooks it. What the JSON does
// not contain is unknown in the ruling too, such as the bytes after the first 64 of a tunnel. The
// ruling keeps no reference to b.
func ReadRuling(b []byte) (*Ruling, error) {
	if len(b) > maxRuling {
		return nil, fmt.Errorf("a ruling of %d bytes: the limit is %d", len(b), maxRuling)
	}
	var j rulingRead
	if err := jsonv1.Unmarshal(b, &j); err != nil {
		return nil, fmt.Errorf("read a ruling: %w", err)
	}
	x, err := j.exchange()
	if err != nil {
		return nil, fmt.Errorf("read a ruling: %w", err)
	}
	r := j.ruling(x)
	r.Findings = make([]Finding, 0, min(len(j.Findings), maxFindings))
	if len(j.Findings) > maxFindings {
		return nil, fmt.Errorf("read a ruling: it has %d findings; the limit is %d", len(j.Findings), maxFindings)
	}
	if len(j.Diagnoses) > maxDiagnoses {
		return nil, fmt.Errorf("read a ruling: it has %d diagnoses; the limit is %d", len(j.Diagnoses), maxDiagnoses)
	}
	r.Diagnoses = j.Diagnoses
	for _, text := range j.Findings {
		f, _, err := readFinding(text, x)
		if err != nil {
			return nil, fmt.Errorf("read a ruling: %w", err)
		}
		r.Findings = append(r.Findings, f)
	}
	return r, nil
}

// ruling returns a ruling on an exchange, without findings and diagnoses.
func (j *rulingRead) ruling(x *wire.Exchange) *Ruling {
	r := &Ruling{
		X: x, Verdict: readWord(j.Verdict, Fail, NotApplicable, Unclear), Unsafe: j.Unsafe, Endpoint: j.Endpoint,
		Instance: j.Instance, Run: j.Run, options: &Options{Full: true}, // no byte is to be blanked out once more
		blanked: blanked{request: j.Request.Redacted},
	}
	if j.Response != nil {
		r.blanked.response = j.Response.Redacted
	}
	return r
}

// exchange returns what a ruling says about its exchange.
func (j *rulingRead) exchange() (*wire.Exchange, error) {
	at, err := time.Parse(time.RFC3339Nano, j.Time)
	if at = at.UTC(); err != nil || at.Year() < 1 || at.Year() > 9999 {
		return nil, fmt.Errorf("%.40q is not a time", j.Time)
	}
	if math.Abs(j.Milliseconds) > longestMilliseconds {
		return nil, fmt.Errorf("%g milliseconds are out of range", j.Milliseconds)
	}
	x := &wire.Exchange{
		ID: j.ID, Revision: j.Revision, Final: true, Complete: true, Origin: j.Origin, Probe: j.Probe, Suspects: j.Suspects, Flaky: j.Flaky, Route: j.Route,
		Client: j.Client, Backend: j.Backend, ClientTLS: j.TLS.Client, NoSNI: j.TLS.NoSNI, BackendTLS: j.TLS.Backend, TLSFlags: j.TLS.Flags, Altered: j.Altered,
		Elsewhere: j.Elsewhere, Lossy: j.Lossy, Blocked: j.Blocked, Time: at, Took: durationOf(j.Milliseconds), BodyDone: true,
		Request: wire.ReadRequest(j.Request.Head), Outcome: j.Outcome, Cause: j.Cause,
	}
	if i := slices.Index(controlWords(), j.Controls); i >= 0 {
		x.Controls, x.Control, x.Lured, x.Inside, x.Follow = wire.Controls(i), j.Control, j.Lured, j.Inside, j.Follow
	}
	if j.Request.Far != nil {
		x.Far = wire.ReadRequest(j.Request.Far)
	}
	for _, head := range j.Interim {
		x.Interim = append(x.Interim, wire.ReadResponse(head))
	}
	x.Noise = j.Noise
	if j.Former != nil {
		x.Former = wire.ReadResponse(j.Former)
	}
	j.beyondJSON.read(x)
	j.Hop.read(x)
	x.Stream = j.Stream
	if j.Response == nil {
		return x, nil
	}
	x.Response = wire.ReadResponse(j.Response.Head)
	if a := j.After; a != nil && (x.Response.Status == 101 || x.Outcome == wire.Switched) {
		readAfter(x, a, &j.framesJSON)
		x.After.Messages = j.Messages
	}
	return x, nil
}

// readFinding reads a finding. Whole reports whether all of its spans are in the exchange.
func readFinding(text []byte, x *wire.Exchange) (is Finding, whole bool, err error) {
	if f, known := passesRead.find(text); known {
		return f, true, nil
	}
	var j findingRead
	if err := jsonv1.Unmarshal(text, &j); err != nil {
		return Finding{}, false, err
	}
	if j.Rule == "" || len(j.Rule) > maxID {
		return Finding{}, false, errors.New("a finding names no rule")
	}
	rule := Find(j.Rule)
	if rule == nil {
		rule = unknownRule(j.Rule, readWord(j.Level, Must, Advice, Advice))
	}
	f := Finding{
		Rule: rule, Verdict: readWord(j.Verdict, Fail, NotApplicable, Unclear), Severity: readWord(j.Severity, Info, Critical, Critical),
		Party: readWord(j.Party, Client, Intermediary, rule.Party), Attribution: j.Attribution, Related: j.Related, Detail: j.Detail, State: j.State,
	}
	for _, text := range j.Refs {
		if ref, ok := readRef(text, rule); ok {
			f.Refs = append(f.Refs, ref)
		}
	}
	for _, s := range j.Spans[:min(len(j.Spans), maxSpans)] {
		if 0 <= s.From && s.From <= s.To && s.To <= partSize(x, s.Part) {
			f.Spans = append(f.Spans, s)
		}
	}
	if f.Verdict == Pass && len(j.Spans) == 0 {
		passesRead.keep(text, &f)
	}
	return f, len(f.Spans) == len(j.Spans), nil
}

// partSize is how many bytes a part of an exchange may have, as far as that is known.
func partSize(x *wire.Exchange, part Part) int {
	switch part {
	case InRequest:
		return len(x.Request.Raw)
	case InResponse:
		if x.Response == nil {
			return 0
		}
		return len(x.Response.Raw)
	}
	return math.MaxInt32
}

// readRef reads a reference as it is cited. The text of the rule comes from the rulebook.
func readRef(text string, rule *Rule) (ref Ref, ok bool) {
	for _, ref := range rule.Refs {
		if ref.String() == text {
			return ref, true
		}
	}
	rest, rfc := strings.CutPrefix(text, "RFC ")
	ref.RFC, ref.Section, ok = strings.Cut(rest, " §")
	return ref, rfc && ok
}

// readWord returns the value between first and last that is written so, and other if there is none.
func readWord[T interface {
	~uint8
	String() string
}](text string, first, last, other T) T {
	for v := first; v <= last; v++ {
		if v.String() == text {
			return v
		}
	}
	return other
}

// strangers holds rules of other releases that were read of, so that each is one value as those of
// the rulebook are. Only stranger uses it.
var unknownRules struct {
	sync.Mutex
	byID map[string]*Rule
}

// maxStrangers is how many rules of other releases are one value each.
const maxStrangers = 1000

// unknownRule returns a rule that the rulebook does not have: only its name is known.
func unknownRule(id string, level Level) *Rule {
	unknownRules.Lock()
	defer unknownRules.Unlock()
	if r := unknownRules.byID[id]; r != nil {
		return r
	}
	r := &Rule{
		ID: id, Title: "A rule of another release", Label: "Rule of another release", Level: level, Party: Server,
		Why: "This version does not know the rule.", Fix: "Read about it in the version that judged this exchange.",
	}
	if unknownRules.byID == nil {
		unknownRules.byID = map[string]*Rule{}
	}
	if len(unknownRules.byID) < maxStrangers {
		unknownRules.byID[id] = r
	}
	return r
}
