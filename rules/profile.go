package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// A Profile says which rules gate: those whose failure makes a run fail. All others are shown all
// the same.
type Profile string

// The profiles. The zero value is Recommended.
const (
	ProfileSeed        Profile = "seed"        // the five rules of the Http11Probe tests
	ProfileRecommended Profile = "recommended" // what an RFC requires, and what is critical by its nature
	ProfileAll         Profile = "all"
)

// seeds are the rules that keep the names of the tests they come from.
var seeds = []string{"UPGRADE-POST", "UPGRADE-MISSING-CONN", "UPGRADE-INVALID-VER", "UPGRADE-UNKNOWN", "UPGRADE-HTTP10"}

// ParseProfile reads the name of a profile.
func ParseProfile(text string) (Profile, error) {
	switch p := Profile(text); p {
	case ProfileSeed, ProfileRecommended, ProfileAll:
		return p, nil
	}
	return "", fmt.Errorf("%q is none of seed, recommended, all", text)
}

// A Gate decides which findings make a run fail.
type Gate struct {
	Profile Profile
	Least   Severity // the mildest severity that does
	AsOf    string   // rules of later releases do not; empty: those of all releases
}

// Holds reports whether the finding makes a run fail. Accepted and known findings do not.
func (g Gate) Holds(f *Finding) bool {
	return f.State != StateAccepted && f.State != StateKnown && f.Verdict == Fail && gateSeverity(f) >= g.Least && g.gatesAny(f)
}

// A Sparing is why a failed finding does not make a run fail.
type Sparing uint8

// The reasons, in the order in which texts name them.
const (
	SparedNot      Sparing = iota // it does
	SparedBelow                   // its severity is below that of the gate
	SparedAccepted                // it is accepted
	SparedKnown                   // it was there before
	SparedOutside                 // its rule is outside the profile
	SparedLater                   // its rule is of a later release
)

// Spares returns why a failed finding does not make a run fail.
func (g Gate) Spares(f *Finding) Sparing {
	switch {
	case f.State == StateAccepted:
		return SparedAccepted
	case f.State == StateKnown:
		return SparedKnown
	case gateSeverity(f) < g.Least:
		return SparedBelow
	case g.gatesAny(f):
		return SparedNot
	case g.AsOf != "" && later(f.Rule.Since, g.AsOf):
		return SparedLater
	}
	return SparedOutside
}

// gateSeverity returns the severity that a finding counts with. Advice, which no RFC sentence
// requires, is medium at most unless it is critical or the configuration says more than the rule
// does.
func gateSeverity(f *Finding) Severity {
	if s := f.Rule.Severity; f.Rule.Level == Advice && f.Severity == High && max(s.Refused, s.Switched) == High {
		return Medium
	}
	return f.Severity
}

// gatesAny reports whether the rule of a finding gates, or one of the rules that the same deviation
// violates.
func (g Gate) gatesAny(f *Finding) bool {
	return g.gates(f.Rule) || slices.ContainsFunc(f.Related, func(id string) bool {
		r := Find(id)
		return r != nil && g.gates(r)
	})
}

// Tells reports whether the ruling on a probe says something about the server, and not only that it
// accepts no valid handshake either: a failure that could make a run fail does, known or accepted
// or not; anything else does only if the controls around the probe were accepted.
func (g Gate) Tells(r *Ruling) bool {
	if r.Verdict != Unclear && r.Verdict != NotApplicable && r.X.Controls != wire.ControlsRefused {
		return true
	}
	return slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.Verdict == Fail && gateSeverity(&f) >= g.Least && g.gates(f.Rule)
	})
}

func (g Gate) gates(r *Rule) bool {
	if g.AsOf != "" && later(r.Since, g.AsOf) {
		return false
	}
	switch g.Profile {
	case ProfileSeed:
		return slices.Contains(seeds, r.ID)
	case ProfileAll:
		return true
	}
	return r.Level == Must || r.Severity.Switched == Critical
}

// later reports whether a release is later than another. A missing or invalid part counts as 0.
func later(release, than string) bool {
	a, b := strings.Split(release, "."), strings.Split(than, ".")
	for i := range max(len(a), len(b)) {
		if x, y := number(a, i), number(b, i); x != y {
			return x > y
		}
	}
	return false
}

func number(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, err := strconv.Atoi(parts[i])
	if err != nil {
		return 0
	}
	return n
}

// ParseSeverity reads the name of a severity.
func ParseSeverity(text string) (Severity, error) {
	for s := Info; s <= Critical; s++ {
		if s.String() == text {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%q is none of info, low, medium, high, critical", text)
}
