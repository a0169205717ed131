package accept

import (
	"fmt"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// An Entry accepts findings that a person has reviewed. It selects them by rule, probe and
// endpoint, or by fingerprint. An empty field matches anything, except Probe.
type Entry struct {
	Rule        string // ID
	Probe       string // glob of IDs; empty: see Accepts
	Endpoint    string // glob of endpoint templates
	Fingerprint string
	Reason      string
	Until       time.Time // accepts nothing from this time on; zero: never expires
	Place       string    // where it is written, such as interlock.yaml:3:5
}

// Accepts reports whether the entry covers a finding of the ruling, regardless of its expiry. An
// entry without a probe covers live traffic, probes for other rules, and one probe of the rule
// itself: the one with the rule's ID, else the first. Any other probe of the rule shows a fault
// that was not reviewed.
func (e *Entry) Accepts(r *rules.Ruling, f *rules.Finding) bool {
	return (e.Rule == "" || e.Rule == f.Rule.ID) && e.probe(r.X.Probe, f.Rule) && e.About(r.Endpoint) &&
		(e.Fingerprint == "" || e.Fingerprint == r.Fingerprint(f))
}

func (e *Entry) probe(id string, rule *rules.Rule) bool {
	switch {
	case e.Probe != "":
		return rules.MatchGlob(e.Probe, id)
	case e.Fingerprint != "" || id == rule.ID || len(rule.Probes) == 0:
		return true
	}
	own := rule.Probes[0].ID
	for i := range rule.Probes {
		if rule.Probes[i].ID == rule.ID {
			own = rule.ID
		}
	}
	p := rules.FindProbe(id)
	return p == nil || p.Rule() != rule || p.ID == own
}

// About reports whether the entry may be about findings at an endpoint.
func (e *Entry) About(endpoint string) bool {
	return e.Endpoint == "" || rules.MatchGlob(e.Endpoint, endpoint)
}

// String describes what the entry covers.
func (e *Entry) String() string {
	words := []string{e.Rule}
	if e.Rule == "" {
		words[0] = "fingerprint " + e.Fingerprint
	}
	if e.Endpoint != "" {
		words = append(words, "at "+e.Endpoint)
	}
	if e.Probe != "" {
		words = append(words, "by "+e.Probe)
	}
	return strings.Join(words, " ")
}

// Expired reports whether the entry has expired.
func (e *Entry) Expired(now time.Time) bool { return !e.Until.IsZero() && !now.Before(e.Until) }

// Remark returns a sentence about an entry that has expired.
func (e *Entry) Remark() string {
	last := e.Until.AddDate(0, 0, -1).Format(time.DateOnly)
	return fmt.Sprintf("%s: the entry for %s expired on %s and accepts nothing: look into it again, or remove it", e.Place, e, last)
}
