package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/accept"
)

// expectConfig is an endpoint that a run must show to switch.
type expectConfig struct {
	Endpoint string `yaml:"endpoint"`
	Protocol string `yaml:"protocol"`
}

// AcceptFile is the content of a separate file of accepted findings.
type AcceptFile struct {
	Accept []accept.Written `yaml:"accept"`
	Expect []expectConfig   `yaml:"expect"`
}

// Read reads a file of its own.
func (a *AcceptFile) Read(name string) (accepted []accept.Entry, expected []accept.Expectation, err error) {
	o := &Origin{}
	if err := o.parse(name, a); err != nil {
		return nil, nil, err
	}
	faults := o.Faults()
	accepted, expected = a.Take(o, faults.Add(o))
	return accepted, expected, faults.Err()
}

// Take checks everything, and returns the entries.
func (a *AcceptFile) Take(o *Origin, fault func(key, format string, v ...any)) (accepted []accept.Entry, expected []accept.Expectation) {
	for i := range a.Accept {
		key := fmt.Sprintf("accept[%d]", i)
		e, wrong := a.Accept[i].Entry()
		for _, f := range wrong {
			fault(strings.TrimSuffix(key+"."+f.Key, "."), "%s", f.Text)
		}
		e.Place = o.of(key + "." + a.Accept[i].Name())
		accepted = append(accepted, e)
	}
	for i, each := range a.Expect {
		key := fmt.Sprintf("expect[%d]", i)
		if text := accept.EndpointFault(each.Endpoint); text != "" {
			fault(key+".endpoint", "%s", text)
		}
		switch {
		case each.Endpoint == "":
			fault(key, "the endpoint is missing; write one such as /chat")
		case each.Protocol != "" && !slices.Contains(Families(), each.Protocol):
			fault(key+".protocol", "must be one of %s, not %q", strings.Join(Families(), ", "), each.Protocol)
		}
		expected = append(expected, accept.Expectation{Endpoint: accept.EndpointGlob(each.Endpoint), Protocol: each.Protocol, Place: o.of(key + ".endpoint")})
	}
	return accepted, expected
}
