package config

import (
	"fmt"
	"strings"
)

// probesConfig says what may be probed, and with which credentials.
type probesConfig struct {
	Authorized  []string       `yaml:"authorized"`
	Credentials string         `yaml:"credentials"`
	Identity    IdentityConfig `yaml:"identity"`
}

// IdentityConfig says where the headers come from that are added to probes.
type IdentityConfig struct {
	File    string `yaml:"file"`
	Env     string `yaml:"env"`
	Command string `yaml:"command"`
}

// Whose credentials probes use.
const (
	CredentialsConfigured = "configured"
	CredentialsRecorded   = "recorded"
)

// Check reports the faults of the section about probes.
func (c *probesConfig) Check(fault func(key, format string, v ...any)) {
	if c.Credentials != CredentialsConfigured && c.Credentials != CredentialsRecorded {
		fault("probes.credentials", "must be configured or recorded, not %q", c.Credentials)
	}
	for i, host := range c.Authorized {
		if host == "" || strings.ContainsAny(host, "/*@ ") {
			fault(fmt.Sprintf("probes.authorized[%d]", i), "%q must be a host such as staging.example", host)
		}
	}
}

// Families returns the protocols of probes.
func Families() []string { return []string{"websocket", "h2c", "tls", "masque", "other"} }
