package audit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Other is the template of all endpoints of a route beyond Bounds.Endpoints.
const Other = "(other)"

// An Endpoint counts the exchanges of one endpoint template of a route.
type Endpoint struct {
	Route     string
	Template  string
	Exchanges int64 // upgrade exchanges
	Switched  int64 // those in which the server switched
	Refused   int64 // answered with 4xx or 5xx
	Ignored   int64 // answered as if the request had offered nothing

	advertised []string // values of Upgrade in responses to requests without an offer
	versions   []string // WebSocket versions that the server said it speaks
	crossed    bool     // the server has switched for a probe with the origin of another site
	cookies    bool     // the server has switched for a client with a Cookie or Authorization header
	carries    bool     // the server has switched for a client with credentials
	told       told
}

// The bounds of the memory of an endpoint beside its counts.
const (
	maxAdvertised = 16
	maxVersions   = 16
	maxValue      = 256 // bytes
)

type route struct{ templates map[string]*Endpoint }

// endpoint finds the endpoint of a template, or makes it. The lock is held.
func (a *Audit) endpoint(name, template string) *Endpoint {
	r := a.endpoints[name]
	if r == nil {
		r = &route{templates: map[string]*Endpoint{}}
		a.endpoints[name] = r
	}
	e := r.templates[template]
	if e == nil && len(r.templates) >= a.Bounds.Endpoints {
		template = Other
		e = r.templates[Other]
	}
	if e == nil {
		e = &Endpoint{Route: name, Template: template}
		r.templates[template] = e
	}
	return e
}

// Endpoints returns all endpoints of live traffic, by route and template.
func (a *Audit) Endpoints() []Endpoint {
	a.mu.Lock()
	var all []Endpoint
	for _, r := range a.endpoints {
		for _, e := range r.templates {
			if e.Exchanges == 0 && len(e.advertised) == 0 {
				continue // only probes went there
			}
			copied := *e
			copied.advertised, copied.versions, copied.told = nil, nil, told{}
			all = append(all, copied)
		}
	}
	a.mu.Unlock()
	slices.SortFunc(all, func(e, f Endpoint) int {
		return cmp.Or(cmp.Compare(e.Route, f.Route), cmp.Compare(e.Template, f.Template))
	})
	return all
}

// judged counts how a request was answered and remembers the versions that the server says it
// speaks, and whether clients have credentials.
func (e *Endpoint) judged(x *wire.Exchange, o *rules.Options) {
	e.Exchanges++
	switch x.Outcome {
	case wire.Switched:
		e.Switched++
		e.cookies = e.cookies || x.Request.Has("Cookie") || x.Request.Has("Authorization")
		e.carries = e.carries || o.Redact.CarriesCredentials(x.Request)
	case wire.Refused:
		e.Refused++
	case wire.Ignored, wire.Redirected:
		e.Ignored++
	}
	if x.Response == nil {
		return
	}
	for v := range x.Response.Elements("Sec-WebSocket-Version") {
		if text := x.Response.Text(v); x.Response.Status != 101 && len(text) <= maxValue {
			e.versions = remember(e.versions, string(text), maxVersions)
		}
	}
}

// tried records the results of probes that the judging of live traffic needs.
func (e *Endpoint) tried(x *wire.Exchange) {
	p := rules.FindProbe(x.Probe)
	if p != nil && p.ForeignOrigin() && x.Outcome == wire.Switched && !x.Flaky {
		e.crossed = true
	}
}

// remember adds a value to a short list.
func remember(list []string, value string, most int) []string {
	if len(list) < most && !slices.Contains(list, value) {
		return append(list, value)
	}
	return list
}

// advertisedBefore reports whether an exchange only repeats an advertisement: a response with an
// Upgrade value that the endpoint has sent before, to a request without upgrade fields. Servers
// send it with every response; judging it once per value is enough.
func (a *Audit) advertisedBefore(e *Endpoint, x *wire.Exchange) bool {
	if x.Response == nil || x.Response.Status == 101 || x.Response.Status == 426 || asks(x.Request) {
		return false
	}
	var values []string
	for v := range x.Response.Values("Upgrade") {
		values = append(values, string(x.Response.Text(v)))
	}
	value := strings.Join(values, ",")
	value = value[:min(len(value), maxValue)]
	if len(e.advertised) >= maxAdvertised {
		return true
	}
	before := len(e.advertised)
	e.advertised = remember(e.advertised, value, maxAdvertised)
	return len(e.advertised) == before
}

// asks reports whether a request has an upgrade field of some kind.
func asks(q *wire.Request) bool {
	for _, name := range [...]string{"Upgrade", "HTTP2-Settings", "Sec-WebSocket-Key", "Sec-WebSocket-Version"} {
		if q.Has(name) {
			return true
		}
	}
	return false
}

// of returns the endpoint, or nil if it was never seen. The lock is held.
func (a *Audit) of(name, template string) *Endpoint {
	if r := a.endpoints[name]; r != nil {
		return r.templates[template]
	}
	return nil
}

// advertises reports whether an endpoint has said that it speaks a WebSocket version.
func (a *Audit) advertises(name, template, version string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.of(name, template)
	return e != nil && slices.Contains(e.versions, version)
}

// switches reports whether an endpoint has switched before.
func (a *Audit) switches(name, template string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.of(name, template)
	return e != nil && e.Switched > 0
}

// crossed reports whether an endpoint has switched for a probe with the origin of another site.
func (a *Audit) crossed(name, template string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.of(name, template)
	return e != nil && e.crossed
}

// hasCookies reports whether an endpoint has switched for a client with a Cookie or Authorization
// header.
func (a *Audit) hasCookies(name, template string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.of(name, template)
	return e != nil && e.cookies
}

// carries reports whether an endpoint has switched for a client with credentials.
func (a *Audit) carries(name, template string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.of(name, template)
	return e != nil && e.carries
}
