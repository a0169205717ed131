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
	for i := range is.Findings {
		f := &is.Findings[i]
		f.State = s.state(r, f)
	}
	s.run.Add(&is)
	return &is
}

// state is that of one finding.
func (s *States) state(r *rules.Ruling, f *rules.Finding) string {
	if f.Verdict >= rules.Pass {
		return s.passed(r, f)
	}
	if s.accepted(r, f) {
		return rules.StateAccepted
	}
	if was := s.Baseline.of(r.Fingerprint(f)); was != nil && !worse(f.Verdict, f.Severity, was) {
		return rules.StateKnown
	}
	if f.Verdict == rules.Fail && s.failed(placeOf(r, f))&by(r).other() != 0 {
		return rules.StateReproduced
	}
	return rules.StateNew
}

// passed is the state of a finding that passed: fixed, or none.
func (s *States) passed(r *rules.Ruling, f *rules.Finding) string {
	name := r.Fingerprint(f)
	if was := s.Baseline.of(name); was == nil || was.Verdict != rules.Fail || !proven(r, f) || s.run.of(name) != nil {
		return ""
	}
	return rules.StateFixed
}

// failed are the ways by which a rule was seen to fail at a place, in this run or before.
func (s *States) failed(at place) seenBy {
	ways := s.run.places[at]
	if s.Baseline != nil {
		ways |= s.Baseline.places[at]
	}
	return ways
}

// accepted tells whether somebody has accepted a finding, and takes note of by which entries.
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
