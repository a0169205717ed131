package accept

import (
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// An Expectation is an endpoint that a run must show to accept an upgrade. Otherwise the run proves
// nothing about it.
type Expectation struct {
	Endpoint string // glob of endpoint templates
	Protocol string // a protocol of wire.Exchange; empty: any
	Place    string // where it is written, such as interlock.yaml:3:5
}

// About reports whether the expectation covers an endpoint.
func (e *Expectation) About(endpoint string) bool { return rules.MatchGlob(e.Endpoint, endpoint) }

// String names the endpoint and its protocol.
func (e *Expectation) String() string {
	if e.Protocol == "" {
		return e.Endpoint
	}
	return e.Endpoint + " (" + e.Protocol + ")"
}

// Coverage records which of the expected endpoints a run has shown. It is used by one goroutine at
// a time.
type Coverage struct {
	Expected []Expectation

	met []bool
}

// Enter takes the next ruling of the run.
func (c *Coverage) Enter(r *rules.Ruling) {
	if r.X.Outcome == wire.Switched {
		c.Switched(r.Endpoint, r.X.Protocol())
	}
}

// Switched records that an endpoint has switched to a protocol of wire.Exchange.
func (c *Coverage) Switched(endpoint, protocol string) {
	if c.met == nil {
		c.met = make([]bool, len(c.Expected))
	}
	for i := range c.Expected {
		e := &c.Expected[i]
		if e.About(endpoint) && (e.Protocol == "" || e.Protocol == protocol) {
			c.met[i] = true
		}
	}
}

// Missing returns the endpoints that were expected and did not switch.
func (c *Coverage) Missing() []Expectation {
	var all []Expectation
	for i, e := range c.Expected {
		if c.met == nil || !c.met[i] {
			all = append(all, e)
		}
	}
	return all
}

// Expect replaces the expectations. An endpoint that was not expected before must switch again.
func (c *Coverage) Expect(expected []Expectation) {
	met := make([]bool, len(expected))
	for i := range expected {
		for j, was := range c.Expected {
			was.Place = expected[i].Place
			met[i] = met[i] || c.met != nil && c.met[j] && was == expected[i]
		}
	}
	c.Expected, c.met = expected, met
}
