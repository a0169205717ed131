package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/accept"
	"github.com/interlock-proxy/interlock/rules"
)

// acceptConfig accepts findings that somebody has looked into.
type acceptConfig struct {
	Rule        string `yaml:"rule"`
	Probe       string `yaml:"probe"`
	Endpoint    string `yaml:"endpoint"`
	Fingerprint string `yaml:"fingerprint"`
	Reason      string `yaml:"reason"`
	Until       string `yaml:"until"`
}

// expectConfig is an endpoint that has to be seen to switch.
type expectConfig struct {
	Endpoint string `yaml:"endpoint"`
	Protocol string `yaml:"protocol"`
}

// acceptFile is what may stand in a file of its own.
type acceptFile struct {
	Accept []acceptConfig `yaml:"accept"`
	Expect []expectConfig `yaml:"expect"`
}

// read reads a file of its own.
func (a *acceptFile) read(name string) (accepted []accept.Entry, expected []accept.Expectation, err error) {
	o := &origin{}
	if err := o.parse(name, a); err != nil {
		return nil, nil, err
	}
	var faults faults
	accepted, expected = a.take(o, faults.add(o))
	return accepted, expected, faults.err()
}

// take checks all of it, and returns what it says.
func (a *acceptFile) take(o *origin, fault func(key, format string, v ...any)) (accepted []accept.Entry, expected []accept.Expectation) {
	for i := range a.Accept {
		key := fmt.Sprintf("accept[%d]", i)
		e := a.Accept[i].entry(key, fault)
		e.Place = o.of(key + "." + a.Accept[i].name())
		accepted = append(accepted, e)
	}
	for i, each := range a.Expect {
		key := fmt.Sprintf("expect[%d]", i)
		checkEndpoint(key+".endpoint", each.Endpoint, fault)
		switch {
		case each.Endpoint == "":
			fault(key, "the endpoint is missing, such as /chat")
		case each.Protocol != "" && !slices.Contains(families(), each.Protocol):
			fault(key+".protocol", "%q is none of %s", each.Protocol, strings.Join(families(), ", "))
		}
		expected = append(expected, accept.Expectation{Endpoint: template(each.Endpoint), Protocol: each.Protocol, Place: o.of(key + ".endpoint")})
	}
	return accepted, expected
}

// name is the key that says what is accepted.
func (c *acceptConfig) name() string {
	if c.Rule == "" && c.Fingerprint != "" {
		return "fingerprint"
	}
	return "rule"
}

var isFingerprint = regexp.MustCompile(`^[0-9a-f]{32}$`)

// entry checks what is accepted, and returns it.
func (c *acceptConfig) entry(key string, fault func(key, format string, v ...any)) accept.Entry {
	e := accept.Entry{Rule: c.Rule, Probe: glob(c.Probe), Endpoint: template(c.Endpoint), Fingerprint: c.Fingerprint, Reason: c.Reason}
	switch r := rules.Find(c.Rule); {
	case r != nil:
		e.Rule = r.ID
	case c.Rule != "":
		fault(key+".rule", "%v", unknownRule(c.Rule))
	case c.Fingerprint == "":
		fault(key, "name the rule or the fingerprint of what is accepted")
	}
	if c.Fingerprint != "" && !isFingerprint.MatchString(c.Fingerprint) {
		fault(key+".fingerprint", "%q is no fingerprint: these are 32 hexadecimal digits, as reports have them", c.Fingerprint)
	}
	if c.Probe != "" && !slices.ContainsFunc(rules.Probes(), func(p *rules.Probe) bool { return accept.Match(e.Probe, p.ID) }) {
		fault(key+".probe", "%v", unknownProbe(c.Probe))
	}
	checkEndpoint(key+".endpoint", c.Endpoint, fault)
	if strings.TrimSpace(c.Reason) == "" {
		fault(key+"."+c.name(), "the reason is missing: say why it is accepted")
	}
	if c.Until != "" {
		last, err := time.Parse(time.DateOnly, c.Until)
		if err != nil {
			fault(key+".until", "%q is no date such as 2027-01-31", c.Until)
		}
		e.Until = last.AddDate(0, 0, 1) // the day that is named is the last one
	}
	return e
}

// checkEndpoint tells whether an endpoint is written as reports write it.
func checkEndpoint(key, endpoint string, fault func(key, format string, v ...any)) {
	if endpoint != "" && !strings.ContainsAny(endpoint[:1], "/*({") || strings.ContainsAny(endpoint, "?# ") {
		fault(key, "%q is no endpoint such as /chat, /chat/{id} or /chat/*: it has neither host nor query", endpoint)
	}
}

// template is an endpoint, or a glob of them, with {id} in place of what looks like an identifier.
func template(endpoint string) string {
	if strings.HasPrefix(endpoint, "/") {
		return rules.Template(endpoint)
	}
	return endpoint
}
