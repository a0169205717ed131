package config

import (
	"fmt"
	"net"
	"path"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// RouteOptions are the options of the rules for routes that have their own.
func (c *Config) RouteOptions() map[string]*rules.Options {
	all := map[string]*rules.Options{}
	for i := range c.Routes {
		if r := &c.Routes[i]; r.Rules != nil {
			o := c.optionsOf(r.Rules)
			all[r.Name] = &o
		}
	}
	return all
}

// RouteConfig is a backend for some connections: those that match every list that is not empty.
type RouteConfig struct {
	Name       string           `yaml:"name"`
	Hosts      []string         `yaml:"hosts"`
	SNI        []string         `yaml:"sni"`
	Listen     string           `yaml:"listen"`
	Backend    string           `yaml:"backend"`
	BackendTLS BackendTLSConfig `yaml:"backend_tls"`
	Host       string           `yaml:"host"`
	Guard      string           `yaml:"guard"`
	Dial       string           `yaml:"dial"`
	Frames     string           `yaml:"frames"`
	SendProxy  int              `yaml:"send_proxy"`
	Hop        string           `yaml:"hop"`
	Rules      *rulesConfig     `yaml:"rules"`
}

// What happens to connections that no route matches.
const (
	unroutedDefault = "default"
	UnroutedRefuse  = "refuse"
)

// The sides of a proxy between two Interlocks, or between two routes of one: the values of
// routes[].hop, and names of instances.
const (
	HopEdge  = "edge"  // before the proxy, where clients arrive
	HopInner = "inner" // after it
)

// checkRoutes reports the faults of the routes.
func (c *Config) checkRoutes(fault func(key, format string, v ...any)) {
	if c.Unrouted != unroutedDefault && c.Unrouted != UnroutedRefuse {
		fault("unrouted", "must be default or refuse, not %q", c.Unrouted)
	}
	names := []string{"default"}
	for i := range c.Routes {
		r := &c.Routes[i]
		prefix := fmt.Sprintf("routes[%d].", i)
		switch {
		case !wire.IsToken(r.Name):
			fault(prefix+"name", "%q must have only letters, digits and hyphens", r.Name)
		case slices.Contains(names, r.Name):
			fault(prefix+"name", "another route is named %q already", r.Name)
		}
		names = append(names, r.Name)
		if len(r.Hosts)+len(r.SNI) == 0 && r.Listen == "" {
			fault(prefix+"hosts", "is missing: a route needs hosts, sni or listen")
		}
		for key, globs := range map[string][]string{"hosts": r.Hosts, "sni": r.SNI} {
			for j, glob := range globs {
				if _, err := path.Match(glob, ""); err != nil || glob == "" {
					fault(fmt.Sprintf("%s%s[%d]", prefix, key, j), "%q must be a name or a glob such as *.example", glob)
				}
			}
		}
		if _, port, _ := net.SplitHostPort(r.Listen); r.Listen != "" && !slices.Contains(c.listens(), r.Listen) {
			fault(prefix+"listen", "%q must be the address of a listener of this configuration: %s", r.Listen, strings.Join(c.listens(), ", "))
		} else if port == "0" {
			fault(prefix+"listen", "%q: port 0 is chosen at the start; give a fixed port", r.Listen)
		}
		guard, dial, frames := r.Guard, r.Dial, r.Frames // the route's own values
		if r.Guard == "" {
			r.Guard, guard = c.Guard, "off"
		}
		if r.Dial == DialEager && len(r.Hosts) > 0 {
			fault(prefix+"dial", "cannot be eager for a route with hosts, since the Host header is not known when a client connects; use listen or sni only")
		}
		if r.Dial == "" {
			r.Dial, dial = c.Dial, DialLazy
		}
		if r.Hop != "" && r.Hop != HopEdge && r.Hop != HopInner {
			fault(prefix+"hop", "must be edge (before a proxy) or inner (after it), not %q", r.Hop)
		}
		checkDial(prefix+"dial", dial, fault)
		if r.Frames == "" {
			r.Frames, frames = c.Frames, framesFacts
		}
		checkFrames(prefix+"frames", frames, fault)
		checkBackend(prefix, r.Backend, r.Host, guard, r.SendProxy, &r.BackendTLS, fault)
		if r.Rules != nil {
			r.Rules.checkUnder(prefix+"rules.", fault)
		}
	}
	c.checkShadowed(fault)
}

// listens returns the addresses of all reverse listeners.
func (c *Config) listens() []string {
	all := []string{c.Listen}
	for _, l := range c.Listeners {
		all = append(all, l.Listen)
	}
	return all
}

// RouteNames returns the names of routes that rulings may have.
func (c *Config) RouteNames() []string {
	names := []string{"default"}
	for i := range c.Routes {
		names = append(names, c.Routes[i].Name)
	}
	if c.Forward.Listen != "" {
		names = append(names, c.Forward.Hosts...)
	}
	return names
}
