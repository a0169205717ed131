package main

import (
	"fmt"
	"strings"
)

// probesConfig is what may be probed, and as whom.
type probesConfig struct {
	Authorized  []string       `yaml:"authorized"`
	Credentials string         `yaml:"credentials"`
	Identity    identityConfig `yaml:"identity"`
}

// identityConfig says where the field lines come from that probes have beside those of a handshake.
type identityConfig struct {
	File    string `yaml:"file"`
	Env     string `yaml:"env"`
	Command string `yaml:"command"`
}

// Whose credentials probes use.
const (
	credentialsConfigured = "configured"
	credentialsRecorded   = "recorded"
)

// check tells what is wrong with the part of a configuration that is about probes.
func (c *probesConfig) check(fault func(key, format string, v ...any)) {
	if c.Credentials != credentialsConfigured && c.Credentials != credentialsRecorded {
		fault("probes.credentials", "%q is neither configured nor recorded", c.Credentials)
	}
	for i, host := range c.Authorized {
		if host == "" || strings.ContainsAny(host, "/*@ ") {
			fault(fmt.Sprintf("probes.authorized[%d]", i), "%q is no host such as staging.example", host)
		}
	}
}
