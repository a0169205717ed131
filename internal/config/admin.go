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

	Alone bool `yaml:"-"` // the address was given by itself: as a word, or by a flag
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

// check tells what is wrong with the admin listener.
func (c *adminConfig) check(fault func(key, format string, v ...any)) {
	key := "admin.listen"
	if c.Alone {
		key = "admin"
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		fault(key, "%q is no host:port", c.Listen)
	}
	if c.Open != "" {
		if _, _, err := net.SplitHostPort(c.Open); err != nil {
			fault("admin.open", "%q is no host:port", c.Open)
		}
	}
	for _, name := range c.Names {
		if name == "" || strings.ContainsAny(name, ":/ *") {
			fault("admin.names", "%q is no name such as interlock.staging.example, without a port", name)
		}
	}
	if _, err := c.TLSConfig(); err != nil {
		fault("admin.tls", "%v", err)
	}
}

// TLSConfig is how TLS is spoken at the admin address; nil if it is not. The certificate is read again when it changes.
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

// Scheme is that of URLs at the admin address.
func (c *adminConfig) Scheme() string {
	if c.TLS == (certificateConfig{}) {
		return "http"
	}
	return "https"
}

// ReadAdminToken is the token of the admin address; empty if none is configured.
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
		return "", exit.Usage("admin_token_file: %q holds no token of 16 characters or more", c.AdminToken)
	}
	return token, nil
}

// IsSafe is an error where somebody else could use the admin address: beyond loopback it needs a token.
func (c *adminConfig) IsSafe(at net.Listener, token string) error {
	if token != "" || web.IsLoopback(at.Addr()) {
		return nil
	}
	return exit.Usage("--admin: %q can be reached from other machines and so needs a token: name a file with one by INTERLOCK_ADMIN_TOKEN_FILE (admin_token_file), or stay at 127.0.0.1:9426", c.Listen)
}
