package audit

import (
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// options are what a configuration says of the rules.
type options struct {
	first  rules.Options
	routes map[string]*rules.Options
}

// Configure puts other options in the place of those that the fields say, for exchanges that are judged from here on.
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

// Judge says what the rules say about an exchange that is not to be entered. It remembers nothing of it.
func (a *Audit) Judge(x *wire.Exchange) *rules.Ruling {
	a.mu.Lock()
	a.start()
	a.mu.Unlock()
	seen := a.history()
	seen.KeySeen = nil // whoever asks remembers
	return rules.Classify(rules.Case{X: x, Options: a.OptionsOf(x.Route), Seen: seen})
}
