package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Check reports the faults of the section about rules.
func (c *rulesConfig) Check(fault func(key, format string, v ...any)) { c.checkUnder("rules.", fault) }

// checkUnder is check with a prefix before each key.
func (c *rulesConfig) checkUnder(prefix string, fault func(key, format string, v ...any)) {
	if _, err := rules.ParseProfile(c.Profile); err != nil && c.Profile != "" {
		fault(prefix+"profile", "%v", err)
	}
	if c.AsOf != "" && !isRelease.MatchString(c.AsOf) {
		fault(prefix+"as_of", "%q must be a release such as 0.1", c.AsOf)
	}
	for i, name := range c.Protocols {
		bare, version, slash := strings.Cut(name, "/")
		if !wire.IsToken(bare) || slash && !wire.IsToken(version) {
			fault(fmt.Sprintf("%sprotocols[%d]", prefix, i), "%q is not a protocol name", name)
		}
	}
	for i, origin := range c.Origins {
		if u, err := url.Parse(origin); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			fault(fmt.Sprintf("%spublic_origins[%d]", prefix, i), "%q must be an origin such as https://chat.example", origin)
		}
	}
	for i, e := range c.Endpoints {
		key := fmt.Sprintf("%sendpoints[%d]", prefix, i)
		if text := accept.EndpointFault(e.Endpoint); text != "" {
			fault(key+".endpoint", "%s", text)
		}
		if e.Endpoint == "" {
			fault(key, "the endpoint is missing; write one such as /chat")
		}
		if e.Auth != authRequired {
			fault(key+".auth", "must be required, not %q", e.Auth)
		}
	}
	for i, id := range c.Off {
		if rules.Find(id) == nil {
			fault(fmt.Sprintf("%soff[%d]", prefix, i), "%v", UnknownRule(id))
		}
	}
	ids := make([]string, 0, len(c.Severity))
	for id := range c.Severity {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		key := prefix + "severity.'" + strings.ReplaceAll(id, "'", "") + "'"
		if rules.Find(id) == nil {
			fault(key, "%v", UnknownRule(id))
		}
		if _, err := rules.ParseSeverity(c.Severity[id]); err != nil {
			fault(key, "%v", err)
		}
	}
}

var isRelease = regexp.MustCompile(`^[0-9]+(\.[0-9]+){1,2}$`)

// options returns the rule options of a checked configuration.
func (c *rulesConfig) options() rules.Options {
	o := rules.Options{Protocols: c.Protocols, Origins: c.Origins}
	for _, id := range c.Off {
		o.Off = append(o.Off, rules.Find(id).ID)
	}
	for _, e := range c.Endpoints {
		o.Auth = append(o.Auth, accept.EndpointGlob(e.Endpoint))
	}
	for id, text := range c.Severity {
		if o.Severities == nil {
			o.Severities = map[string]rules.Severity{}
		}
		s, err := rules.ParseSeverity(text)
		if r := rules.Find(id); r != nil && err == nil {
			o.Severities[r.ID] = s
		}
	}
	return o
}

// UnknownRule returns the error for an unknown ID. It suggests similar IDs.
func UnknownRule(id string) error {
	if p := rules.FindProbe(id); p != nil {
		return exit.Usage("%s is a probe; interlock rules %s shows it with its rule", p.ID, p.Rule().ID)
	}
	if near := rules.Suggest(id); len(near) > 0 {
		return exit.Usage("no rule %q; did you mean %s?", id, strings.Join(near, " or "))
	}
	return exit.Usage("no rule %q; interlock rules lists them", id)
}
