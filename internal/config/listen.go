package config

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/proxy"
)

// listenTLSConfig has the TLS settings for clients. Without certificates, TLS is off.
type listenTLSConfig struct {
	Certificates []certificateConfig `yaml:"certificates"`
	ClientCA     string              `yaml:"client_ca"`
	Client       string              `yaml:"client"`
	H2           string              `yaml:"h2"`
	H2Audit      []string            `yaml:"h2_audit"`
	H2Pass       []string            `yaml:"h2_pass"`
	H2Refuse     []string            `yaml:"h2_refuse"`
	MinVersion   string              `yaml:"min_version"`
}

// TLSVersion parses the oldest TLS version allowed; empty means 1.2 (RFC 8996 deprecates older
// ones).
func TLSVersion(text string) (uint16, error) {
	switch text {
	case "1.0":
		return tls.VersionTLS10, nil
	case "1.1":
		return tls.VersionTLS11, nil
	case "", "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("must be 1.0, 1.1, 1.2 or 1.3, not %q", text)
}

type certificateConfig struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// ListenerConfig is an additional reverse listener.
type ListenerConfig struct {
	Listen    string          `yaml:"listen"`
	TLS       listenTLSConfig `yaml:"tls"`
	ProxyFrom []string        `yaml:"proxy_from"`
}

// Whether clients must present a certificate.
const (
	clientNone     = "none"
	clientOptional = "optional"
	clientRequired = "required"
)

// check reports its faults; prefix is put before each key.
func (c *ListenerConfig) check(prefix string, fault func(key, format string, v ...any)) {
	if text := addressFault(c.Listen); text != "" {
		fault(prefix+"listen", "%s", text)
	}
	for i, text := range c.ProxyFrom {
		if _, err := parsePrefix(text); err != nil {
			fault(fmt.Sprintf("%sproxy_from[%d]", prefix, i), "%v", err)
		}
	}
	switch c.TLS.Client {
	case "", clientNone:
		if c.TLS.ClientCA != "" {
			fault(prefix+"tls.client_ca", "is set, but clients are not asked for a certificate: set tls.client to optional or required")
		}
	case clientOptional, clientRequired:
		if c.TLS.ClientCA == "" {
			fault(prefix+"tls.client_ca", "is missing: name the file with the authorities that sign client certificates")
		}
	default:
		fault(prefix+"tls.client", "must be none, optional or required, not %q", c.TLS.Client)
	}
	c.TLS.checkHTTP2(prefix, fault)
	if len(c.TLS.Certificates) == 0 && (c.TLS.setsHTTP2() || c.TLS.MinVersion != "" || c.TLS.ClientCA != "" || c.TLS.Client != "" && c.TLS.Client != clientNone) {
		fault(prefix+"tls.certificates", "is missing: the listener needs a certificate to use TLS")
	} else if _, err := c.TLS.config(zerolog.Nop()); err != nil {
		fault(prefix+"tls", "%v", err)
	}
}

// config returns the TLS configuration; nil if there are no certificates.
func (c *listenTLSConfig) config(log zerolog.Logger) (*tls.Config, error) {
	if len(c.Certificates) == 0 {
		return nil, nil
	}
	var pairs []proxy.CertificatePair
	for _, p := range c.Certificates {
		pairs = append(pairs, proxy.CertificatePair(p))
	}
	held, err := proxy.LoadCertificates(pairs)
	if err != nil {
		return nil, err
	}
	held.Failed = func(err error) { log.Error().Err(err).Msg("changed certificate not taken") }
	oldest, err := TLSVersion(c.MinVersion)
	if err != nil {
		return nil, fmt.Errorf("min_version: %w", err)
	}
	t := &tls.Config{GetCertificate: held.Get, MinVersion: oldest}
	if c.ClientCA != "" {
		if t.ClientCAs, err = readAuthorities(c.ClientCA); err != nil {
			return nil, err
		}
	}
	switch c.Client {
	case clientOptional:
		t.ClientAuth = tls.VerifyClientCertIfGiven
	case clientRequired:
		t.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return t, nil
}

// Listener returns the relay's configuration for the listener, without the socket.
func (c *ListenerConfig) Listener(ln net.Listener, log zerolog.Logger) (proxy.Listener, error) {
	l := proxy.Listener{Listener: ln}
	var err error
	if l.TLS, err = c.TLS.config(log); err != nil {
		return l, err
	}
	l.HTTP2 = c.TLS.http2()
	for _, text := range c.ProxyFrom {
		p, err := parsePrefix(text)
		if err != nil {
			return l, err
		}
		l.Trusted = append(l.Trusted, p)
	}
	return l, nil
}

// parsePrefix reads an address or a range of them.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q must be an address or a range such as 10.0.0.0/8", text)
	}
	return p.Masked(), nil
}

// TLSFlags applies the flags whose keys have another form.
func (c *Config) TLSFlags(value func(name string) (text, from string), o *Origin) {
	cert, fromCert := value("tls-cert")
	key, fromKey := value("tls-key")
	if fromCert != "" || fromKey != "" {
		c.TLS.Certificates = []certificateConfig{{cert, key}}
		o.Given["tls"] = strings.TrimPrefix(fromCert+", "+fromKey, ", ")
	}
	if text, from := value("insecure"); from != "" {
		c.BackendTLS.Insecure = text == "true" || text == "1"
		o.Given["backend_tls"] = from
	}
}
