package accept

import (
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Findings are those of a run by fingerprint, in bounded memory: the worst of each, and how often it came with which verdict.
// The zero value has none. They are used by one goroutine at a time.
type Findings struct {
	Rulings int64
	More    int64 // findings beside those that are told apart

	found  map[string]*Found
	places map[rules.Key]seenBy // without probe
}

// maxFound is how many fingerprints are told apart. maxText is how many bytes are kept of a text.
const (
	maxFound = 200_000
	maxText  = 300
)

// Found is what is known of one fingerprint.
type Found struct {
	Fingerprint            string
	Rule                   *rules.Rule
	Probe, Route, Endpoint string // at most 300 bytes each
	Verdict                rules.Verdict
	Severity               rules.Severity
	State                  string                       // of the first with that verdict and severity, as is Detail
	Detail                 string                       // at most 300 bytes
	Counts                 [rules.NotApplicable + 1]int // exchanges by verdict
	Proven                 bool                         // it has passed by a probe with an accepted control
}

// Finding is the worst finding of the fingerprint, without its evidence.
func (f *Found) Finding() *rules.Finding {
	return &rules.Finding{Rule: f.Rule, Verdict: f.Verdict, Severity: f.Severity, State: f.State, Detail: f.Detail}
}

// seenBy is a set of ways by which a failure has been seen.
type seenBy uint8

const (
	seenLive seenBy = 1 << iota
	seenProbed
)

// Add takes the findings of a ruling.
func (a *Findings) Add(r *rules.Ruling) {
	a.Rulings++
	for i := range r.Findings {
		f := &r.Findings[i]
		a.add(r, f, r.Fingerprint(f))
	}
}

// Know takes a finding of which no ruling is left. One that is known already stays as it is.
func (a *Findings) Know(f Found) {
	is := a.enter(f.Fingerprint, f)
	if is == nil || is.Verdict != rules.NotApplicable {
		return
	}
	counts, proven := is.Counts, is.Proven
	*is = f
	is.Probe, is.Route, is.Endpoint, is.State, is.Detail = clip(f.Probe), clip(f.Route), clip(f.Endpoint), clip(f.State), clip(f.Detail)
	for v, n := range counts {
		is.Counts[v] += n
	}
	is.Proven = is.Proven || proven
	if f.Verdict == rules.Fail {
		a.places[rules.Key{Rule: f.Rule.ID, Route: is.Route, Endpoint: is.Endpoint}] |= by(f.Probe)
	}
}

// enter is the finding of that fingerprint; nil if there is no room for another one.
func (a *Findings) enter(name string, f Found) *Found {
	if a.found == nil {
		a.found, a.places = map[string]*Found{}, map[rules.Key]seenBy{}
	}
	is := a.found[name]
	if is == nil {
		if len(a.found) >= maxFound {
			a.More++
			return nil
		}
		is = &Found{Fingerprint: name, Rule: f.Rule, Probe: clip(f.Probe), Route: clip(f.Route), Endpoint: clip(f.Endpoint), Verdict: rules.NotApplicable}
		a.found[name] = is
	}
	return is
}

func (a *Findings) add(r *rules.Ruling, f *rules.Finding, name string) {
	is := a.enter(name, Found{Rule: f.Rule, Probe: r.X.Probe, Route: r.X.Route, Endpoint: r.Endpoint})
	if is == nil {
		return
	}
	is.Counts[f.Verdict]++
	is.Proven = is.Proven || proven(r, f)
	if worse(f.Verdict, f.Severity, is) {
		is.Verdict, is.Severity, is.State, is.Detail = f.Verdict, f.Severity, clip(f.State), clip(f.Detail)
	}
	if f.Verdict == rules.Fail {
		a.places[r.Key(f).Place()] |= by(r.X.Probe)
	}
}

// worse reports whether a verdict of that severity is worse than what is known.
func worse(v rules.Verdict, s rules.Severity, than *Found) bool {
	return v < than.Verdict || v == than.Verdict && s > than.Severity
}

// proven reports whether a probe shows that a rule is kept: where no sound handshake is accepted, nothing is shown.
func proven(r *rules.Ruling, f *rules.Finding) bool {
	return f.Verdict == rules.Pass && r.X.Probe != "" && r.X.Controls == wire.ControlsAccepted
}

func by(probe string) seenBy {
	if probe != "" {
		return seenProbed
	}
	return seenLive
}

// other is the way that this one is not.
func (s seenBy) other() seenBy { return s ^ (seenLive | seenProbed) }

// clip is the beginning of a text, which keeps nothing of the rest in memory.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.Clone(text[:maxText])
}

// of is what is known of a fingerprint that did not pass; nil if nothing is. Of what was accepted nothing is known: it counts
// again once nobody accepts it any more.
func (a *Findings) of(fingerprint string) *Found {
	if a == nil {
		return nil
	}
	if is := a.found[fingerprint]; is != nil && is.Verdict < rules.Pass && is.State != rules.StateAccepted {
		return is
	}
	return nil
}
