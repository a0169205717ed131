package accept

import (
	"fmt"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// States says of the findings of a run whether they are new, known, accepted, reproduced or fixed. The zero value accepts
// nothing and knows nothing: everything is new. It is used by one goroutine at a time.
type States struct {
	Entries  []Entry
	Baseline *Findings // what an earlier run has found; nil: there was none
	Now      time.Time // what entries expire by

	run  Findings
	used []bool // by entry
}

// Enter takes the next ruling of the run and returns it with the states of its findings. The ruling itself is not changed.
func (s *States) Enter(r *rules.Ruling) *rules.Ruling {
	is := *r
	is.Findings = slices.Clone(r.Findings)
	s.Set(&is)
	return &is
}

// Set is Enter for a ruling that nobody else has yet: its findings get their states. Of what passed nothing is remembered
// but what a probe has shown, so that live traffic can be entered for as long as anybody likes.
func (s *States) Set(r *rules.Ruling) {
	s.run.Rulings++
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.State = ""; f.Verdict >= rules.Pass && !proven(r, f) {
			continue
		}
		name := r.Fingerprint(f)
		f.State = s.state(r, f, name)
		s.run.add(r, f, name)
	}
}

// Accept puts other entries in the place of those that are there. What stays keeps that it was used.
func (s *States) Accept(entries []Entry) {
	used := make([]bool, len(entries))
	for i := range entries {
		used[i] = s.wasUsed(&entries[i])
	}
	s.Entries, s.used = entries, used
}

// wasUsed reports whether something was accepted by an entry that says the same.
func (s *States) wasUsed(like *Entry) bool {
	for i, used := range s.used {
		e := s.Entries[i]
		if e.Place = like.Place; used && e == *like {
			return true
		}
	}
	return false
}

// state is that of one finding.
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

// passed is the state of a finding that a probe has passed: fixed, or none.
func (s *States) passed(name string) string {
	if was := s.Baseline.of(name); was == nil || was.Verdict != rules.Fail || s.run.of(name) != nil {
		return ""
	}
	return rules.StateFixed
}

// failed returns by whom a rule was seen to fail at a place, in this run or before.
func (s *States) failed(at rules.Key) seenBy {
	seen := s.run.places[at]
	if s.Baseline != nil {
		seen |= s.Baseline.places[at]
	}
	return seen
}

// accepted reports whether somebody has accepted a finding, and records by which entries.
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

// NotSeen is how many failures of the baseline the run says nothing about: the same probe has neither failed nor passed with
// an accepted control, or no traffic has shown them. They do not count as fixed.
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

// Expired name the entries that have expired.
func (s *States) Expired() []string {
	var all []string
	for i := range s.Entries {
		if e := &s.Entries[i]; e.Expired(s.Now) {
			all = append(all, e.Remark())
		}
	}
	return all
}

// Remarks name the entries that have expired and those that no finding was accepted by.
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
