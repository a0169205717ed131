package accept

import (
	"fmt"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// States decides for each finding of a run whether it is new, known, accepted, reproduced or fixed.
// With the zero value everything is new. It is used by one goroutine at a time.
type States struct {
	Entries  []Entry
	Baseline *Findings // the findings of an earlier run; nil: there was none
	Now      time.Time // the time at which expiry is checked

	run  Findings
	used []bool // by entry
}

// Enter takes the next ruling of the run and returns it with the states of its findings. The ruling
// itself is not changed.
func (s *States) Enter(r *rules.Ruling) *rules.Ruling {
	is := *r
	is.Findings = slices.Clone(r.Findings)
	s.Set(&is)
	return &is
}

// Set is Enter for a ruling that the caller owns; it changes the ruling. Of passes it remembers
// only those that a probe has proven, so that its memory stays bounded under live traffic.
func (s *States) Set(r *rules.Ruling) {
	s.run.Rulings++
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict >= rules.Pass && !proven(r, f) {
			if f.State != "" { // else the list may be that of other rulings, too
				f.State = ""
			}
			continue
		}
		name := r.Fingerprint(f)
		f.State = s.state(r, f, name)
		s.run.add(r, f, name)
	}
}

// Accept replaces the entries. An entry that stays is still known to be used.
func (s *States) Accept(entries []Entry) {
	used := make([]bool, len(entries))
	for i := range entries {
		used[i] = s.wasUsed(&entries[i])
	}
	s.Entries, s.used = entries, used
}

// wasUsed reports whether an identical entry has accepted something.
func (s *States) wasUsed(like *Entry) bool {
	for i, used := range s.used {
		e := s.Entries[i]
		if e.Place = like.Place; used && e == *like {
			return true
		}
	}
	return false
}

// state returns the state of one finding.
func (s *States) state(r *rules.Ruling, f *rules.Finding, name string) string {
	if f.Verdict >= rules.Pass {
		return s.passed(name)
	}
	if s.accepted(r, f) {
		return rules.StateAccepted
	}
	if was := s.Baseline.of(name); was != nil && !f.WorseThan(&was.Tally) {
		return rules.StateKnown
	}
	if f.Verdict == rules.Fail && s.failed(r.Key(f).Place())&by(r.X.Probe).other() != 0 {
		return rules.StateReproduced
	}
	return rules.StateNew
}

// passed returns the state of a finding that a probe has passed: fixed, or none.
func (s *States) passed(name string) string {
	if was := s.Baseline.of(name); was == nil || was.Verdict != rules.Fail || s.run.of(name) != nil {
		return ""
	}
	return rules.StateFixed
}

// failed returns who was seen to break a rule at a place, in this run or before.
func (s *States) failed(at rules.Key) seenBy {
	seen := s.run.places[at]
	if s.Baseline != nil {
		seen |= s.Baseline.places[at]
	}
	return seen
}

// accepted reports whether an entry accepts a finding, and marks every entry that does as used.
func (s *States) accepted(r *rules.Ruling, f *rules.Finding) bool {
	if s.used == nil {
		s.used = make([]bool, len(s.Entries))
	}
	accepted := false
	for i := range s.Entries {
		if e := &s.Entries[i]; !e.Expired(s.Now) && e.Accepts(r, f) {
			s.used[i], accepted = true, true
		}
	}
	return accepted
}

// NotSeen returns how many failures of the baseline the run neither shows nor disproves. They do
// not count as fixed.
func (s *States) NotSeen() int64 {
	if s.Baseline == nil {
		return 0
	}
	var n int64
	for name := range s.Baseline.found {
		if was := s.Baseline.of(name); was == nil || was.Verdict != rules.Fail {
			continue
		}
		if is := s.run.found[name]; is == nil || is.Verdict >= rules.Pass && !is.Proven {
			n++
		}
	}
	return n
}

// Expired returns the entries that have expired.
func (s *States) Expired() []string {
	var all []string
	for i := range s.Entries {
		if e := &s.Entries[i]; e.Expired(s.Now) {
			all = append(all, e.Remark())
		}
	}
	return all
}

// Remarks returns a sentence for each entry that has expired or has accepted nothing.
func (s *States) Remarks() []string {
	var all []string
	for i := range s.Entries {
		e := &s.Entries[i]
		switch {
		case e.Expired(s.Now):
			all = append(all, e.Remark())
		case s.used == nil || !s.used[i]:
			all = append(all, fmt.Sprintf("%s: the entry for %s accepted nothing: if that is mended, remove it", e.Place, e))
		}
	}
	return all
}
