package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// redactConfig adds names to the built-in table of secrets and takes names away.
type redactConfig struct {
	Names []string `yaml:"names"`
	Allow []string `yaml:"allow"`
}

// check reports the faults of the names.
func (c *redactConfig) check(fault func(key, format string, v ...any)) {
	for key, names := range map[string][]string{"redact.names": c.Names, "redact.allow": c.Allow} {
		for i, name := range names {
			if name == "" || strings.ContainsAny(name, " \t\r\n:=&?") {
				fault(fmt.Sprintf("%s[%d]", key, i), "%q must be the name of a header or a parameter, such as x-tenant", name)
			}
		}
	}
	for i, name := range c.Allow {
		if slices.ContainsFunc(c.Names, func(s string) bool { return strings.EqualFold(s, name) }) {
			fault(fmt.Sprintf("redact.allow[%d]", i), "%q is in redact.names too: remove it from one of them", name)
		}
	}
}

// RuleOptions are the options of the rules on routes without their own.
func (c *Config) RuleOptions() rules.Options { return c.optionsOf(&c.Rules) }

// optionsOf returns the options of some rules, with the global settings of evidence.
func (c *Config) optionsOf(r *rulesConfig) rules.Options {
	o := r.options()
	o.Full = c.Evidence.Keep == KeepFull
	o.Redact = rules.Redaction{Names: slices.Concat(c.Redact.Names, r.Secrets), Allow: c.Redact.Allow}
	return o
}
