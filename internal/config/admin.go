package config

import (
	"crypto/tls"
	"net"
	"os"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/proxy"
)

// adminConfig is the admin listener: an address alone, or a mapping.
type adminConfig struct {
	Listen  string            `yaml:"listen"`
	Names   []string          `yaml:"names"`
	Open    string            `yaml:"open"`
	TLS     certificateConfig `yaml:"tls"`
	Profile bool              `yaml:"pprof"`

	Alone bool `yaml:"-"` // the value was a bare address: a scalar, or the value of a flag
}

// UnmarshalYAML reads an address or a mapping.
func (c *adminConfig) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&c.Listen) == nil {
		c.Alone = true
		return nil
	}
	type mapping adminConfig
	return unmarshal((*mapping)(c))
}

// listenKey is the key that says the address.
func (c *adminConfig) listenKey() string {
	if c.Alone {
		return "admin"
	}
	return "admin.listen"
}

// check reports the faults of the admin listener.
func (c *adminConfig) check(fault func(key, format string, v ...any)) {
	if text := addressFault(c.Listen); text != "" {
		fault(c.listenKey(), "%s", text)
	}
	if text := addressFault(c.Open); text != "" && c.Open != "" {
		fault("admin.open", "%s", text)
	}
	for _, name := range c.Names {
		if name == "" || strings.ContainsAny(name, ":/ *") {
			fault("admin.names", "%q must be a host name without a port, such as interlock.staging.example", name)
		}
	}
	if _, err := c.TLSConfig(); err != nil {
		fault("admin.tls", "%v", err)
	}
}

// TLSConfig returns the TLS configuration of the admin address; nil if it has none. A changed
// certificate is read again.
func (c *adminConfig) TLSConfig() (*tls.Config, error) {
	if c.TLS == (certificateConfig{}) {
		return nil, nil
	}
	held, err := proxy.LoadCertificates([]proxy.CertificatePair{proxy.CertificatePair(c.TLS)})
	if err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: held.Get, MinVersion: tls.VersionTLS12}, nil
}

// Scheme returns the scheme of URLs at the admin address.
func (c *adminConfig) Scheme() string {
	if c.TLS == (certificateConfig{}) {
		return "http"
	}
	return "https"
}

// ReadAdminToken returns the token of the admin address; empty if none is configured.
func (c *Config) ReadAdminToken() (string, error) {
	if c.AdminToken == "" {
		return "", nil
	}
	text, err := os.ReadFile(c.AdminToken)
	if err != nil {
		return "", exit.Usage("admin_token_file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < 16 {
		return "", exit.Usage("admin_token_file: the token in %q must have 16 characters or more", c.AdminToken)
	}
	return token, nil
}

// IsSafe returns an error if others could use the admin address: beyond loopback it needs a token.
func (c *adminConfig) IsSafe(at net.Listener, token string) error {
	if token != "" || web.IsLoopback(at.Addr()) {
		return nil
	}
	return exit.Usage("--admin: other machines can reach %q, so it requires a token: name a file that has one with --admin-token-file (INTERLOCK_ADMIN_TOKEN_FILE), or listen on 127.0.0.1:9426", c.Listen)
}
