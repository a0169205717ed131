package accept

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/rules"
)

// Written is an entry as it is written in a configuration or in a request to add one.
type Written struct {
	Rule        string `yaml:"rule" json:"rule,omitempty"`
	Probe       string `yaml:"probe" json:"probe,omitempty"`
	Endpoint    string `yaml:"endpoint" json:"endpoint,omitempty"`
	Fingerprint string `yaml:"fingerprint" json:"fingerprint,omitempty"`
	Reason      string `yaml:"reason" json:"reason"`
	Until       string `yaml:"until" json:"until,omitempty"` // the last day, such as 2027-01-31, in UTC
}

// A Fault is an error in an entry. The key is empty if it is about the entry as a whole.
type Fault struct{ Key, Text string }

// String is the fault in one line.
func (f Fault) String() string {
	if f.Key == "" {
		return f.Text
	}
	return f.Key + ": " + f.Text
}

// Name returns the key that selects the findings.
func (w *Written) Name() string {
	if w.Rule == "" && w.Fingerprint != "" {
		return "fingerprint"
	}
	return "rule"
}

var isFingerprint = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Entry returns the parsed entry and all its faults. Its Place is left empty.
func (w *Written) Entry() (Entry, []Fault) {
	e := Entry{Rule: w.Rule, Probe: probeGlob(w.Probe), Endpoint: EndpointGlob(w.Endpoint), Fingerprint: w.Fingerprint, Reason: w.Reason}
	var faults []Fault
	fault := func(key, format string, v ...any) { faults = append(faults, Fault{key, fmt.Sprintf(format, v...)}) }
	switch r := rules.Find(w.Rule); {
	case r != nil:
		e.Rule = r.ID
	case w.Rule != "":
		fault("rule", "%s", unknownRuleText(w.Rule))
	case w.Fingerprint == "":
		fault("", "name the rule or the fingerprint of what is accepted")
	}
	if w.Fingerprint != "" && !isFingerprint.MatchString(w.Fingerprint) {
		fault("fingerprint", "%q is not a fingerprint: copy the 32 hexadecimal digits from a report", w.Fingerprint)
	}
	if w.Probe != "" && !names(e.Probe) {
		fault("probe", "%s", unknownProbe(w.Probe))
	}
	if text := EndpointFault(w.Endpoint); text != "" {
		fault("endpoint", "%s", text)
	}
	if strings.TrimSpace(w.Reason) == "" {
		fault(w.Name(), "the reason is missing: say why it is accepted")
	}
	if w.Until != "" {
		last, err := time.Parse(time.DateOnly, w.Until)
		if err != nil {
			fault("until", "%q is not a date such as 2027-01-31", w.Until)
		}
		e.Until = last.AddDate(0, 0, 1) // the day that is named is included
	}
	return e, faults
}

// EndpointFault returns what is wrong with an endpoint that is not written as reports write it, or
// an empty string.
func EndpointFault(endpoint string) string {
	if endpoint != "" && !strings.ContainsAny(endpoint[:1], "/*({") || strings.ContainsAny(endpoint, "?# ") {
		return fmt.Sprintf("%q is not an endpoint such as /chat, /chat/{id} or /chat/*: leave out host and query", endpoint)
	}
	return ""
}

// EndpointGlob returns an endpoint or a glob with {id} in place of identifiers.
func EndpointGlob(endpoint string) string {
	if strings.HasPrefix(endpoint, "/") {
		return rules.Template(endpoint)
	}
	return endpoint
}

// probeGlob returns a glob of probes in the form of their IDs.
func probeGlob(glob string) string {
	return strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(glob)), "COMP-")
}

// names reports whether a glob names a probe, one of interlock chain too.
func names(glob string) bool {
	return slices.ContainsFunc(rules.Probes(), func(p *rules.Probe) bool { return rules.MatchGlob(glob, p.ID) }) ||
		slices.ContainsFunc(chain.EveryProbe(), func(p *chain.Probe) bool { return rules.MatchGlob(glob, p.ID) })
}

func unknownRuleText(id string) string {
	if p := rules.FindProbe(id); p != nil {
		return fmt.Sprintf("%s is a probe; interlock rules %s shows it with its rule", p.ID, p.Rule().ID)
	}
	if near := rules.Suggest(id); len(near) > 0 {
		return fmt.Sprintf("no rule %q; did you mean %s?", id, strings.Join(near, " or "))
	}
	return fmt.Sprintf("no rule %q; interlock rules lists them", id)
}

func unknownProbe(id string) string {
	if near := rules.SuggestProbe(strings.Trim(id, "*?")); len(near) > 0 {
		return fmt.Sprintf("no probe %q; did you mean %s?", id, strings.Join(near, " or "))
	}
	return fmt.Sprintf("no probe %q; interlock probe --list lists them", id)
}
