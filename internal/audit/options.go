package audit

import (
	"github.com/interlock-proxy/interlock/rules"
)

// options are the configured options of the rules.
type options struct {
	first  rules.Options
	routes map[string]*rules.Options
}

// Configure replaces the options for exchanges that are judged from now on.
func (a *Audit) Configure(first rules.Options, routes map[string]*rules.Options) {
	a.configured.Store(&options{first, routes})
}

// OptionsOf are the options that rules have on that route. They are not to be changed.
func (a *Audit) OptionsOf(route string) *rules.Options {
	first, routes := &a.Options, a.Routes
	if o := a.configured.Load(); o != nil {
		first, routes = &o.first, o.routes
	}
	if o := routes[route]; o != nil {
		return o
	}
	return first
}
