package audit

import (
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
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

// Judge classifies an exchange without counting or remembering it.
func (a *Audit) Judge(x *wire.Exchange) *rules.Ruling {
	a.mu.Lock()
	a.start()
	a.mu.Unlock()
	seen := a.history()
	seen.KeySeen = nil // the caller remembers keys
	return rules.Classify(rules.Case{X: x, Options: a.OptionsOf(x.Route), Seen: seen})
}
