package accept

import (
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Findings are the findings of a run by fingerprint, in bounded memory: the worst form of each and
// its counts by verdict. The zero value is empty. They are used by one goroutine at a time.
type Findings struct {
	Rulings int64
	More    int64 // findings beyond maxFound, which are only counted

	found  map[string]*Found
	places map[rules.Key]seenBy // without probe
	lists  map[rulesAt][]*Found
}

// maxFound is the number of fingerprints that are kept. maxText is the number of bytes of a text
// that are kept.
const (
	maxFound = 200_000
	maxText  = 300
)

// Found sums up one fingerprint.
type Found struct {
	Fingerprint string
	Key         rules.Key // its texts, and Detail, have at most 300 bytes
	Rule        *rules.Rule
	rules.Tally
	State  string // of the finding that Detail is of
	Proven bool   // it has passed by a probe with an accepted control
}

// Finding is the worst finding of the fingerprint, without its evidence.
func (f *Found) Finding() *rules.Finding {
	return &rules.Finding{Rule: f.Rule, Verdict: f.Verdict, Severity: f.Severity, State: f.State, Detail: f.Detail}
}

// seenBy is a set of sources that showed a failure.
type seenBy uint8

const (
	seenLive seenBy = 1 << iota
	seenProbed
)

// Add takes the findings of a ruling.
func (a *Findings) Add(r *rules.Ruling) {
	a.Rulings++
	for i, is := range a.foundOf(r) {
		if is != nil {
			a.count(is, r, &r.Findings[i])
		}
	}
}

// Know adds a finding without rulings. A finding that is already known stays as it is.
func (a *Findings) Know(f Found) {
	is := a.enter(f.Fingerprint, f.Key, f.Rule)
	if is == nil || is.Count > 0 && is.Verdict != rules.NotApplicable {
		return
	}
	is.Merge(&f.Tally)
	is.State, is.Detail = bounded(f.State), bounded(f.Detail)
	if f.Verdict == rules.Fail {
		a.places[is.Key.Place()] |= by(f.Key.Probe)
	}
}

// enter returns the finding of that fingerprint, or nil if there is no room for it.
func (a *Findings) enter(name string, k rules.Key, rule *rules.Rule) *Found {
	if a.found == nil {
		a.found, a.places = map[string]*Found{}, map[rules.Key]seenBy{}
	}
	is := a.found[name]
	if is == nil {
		if len(a.found) >= maxFound {
			a.More++
			return nil
		}
		is = &Found{Fingerprint: name, Rule: rule, Key: rules.Key{Rule: k.Rule, Probe: bounded(k.Probe), Route: bounded(k.Route), Endpoint: bounded(k.Endpoint)}}
		a.found[name] = is
	}
	return is
}

func (a *Findings) add(r *rules.Ruling, f *rules.Finding, name string) {
	if is := a.enter(name, r.Key(f), f.Rule); is != nil {
		a.count(is, r, f)
	}
}

func (a *Findings) count(is *Found, r *rules.Ruling, f *rules.Finding) {
	is.Proven = is.Proven || proven(r, f)
	if is.Add(r, f) {
		is.State, is.Detail = bounded(f.State), bounded(f.Detail)
	}
	if f.Verdict == rules.Fail {
		a.places[is.Key.Place()] |= by(r.X.Probe)
	}
}

// proven reports whether a probe proves that a rule is followed: only if a valid handshake was
// accepted around it.
func proven(r *rules.Ruling, f *rules.Finding) bool {
	return f.Verdict == rules.Pass && r.X.Probe != "" && r.X.Controls == wire.ControlsAccepted
}

func by(probe string) seenBy {
	if probe != "" {
		return seenProbed
	}
	return seenLive
}

// other returns the other source.
func (s seenBy) other() seenBy { return s ^ (seenLive | seenProbed) }

// bounded returns the beginning of a text without keeping the rest in memory.
func bounded(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.Clone(text[:maxText])
}

// of returns the finding of a fingerprint that is not a pass, or nil. Accepted findings are left
// out: they count as new once their entry is removed.
func (a *Findings) of(fingerprint string) *Found {
	if a == nil {
		return nil
	}
	if is := a.found[fingerprint]; is != nil && is.Verdict < rules.Pass && is.State != rules.StateAccepted {
		return is
	}
	return nil
}
