package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/interlock-proxy/interlock/proxy"
)

// BackendTLSConfig has the TLS settings for a backend.
type BackendTLSConfig struct {
	CA         string `yaml:"ca"`
	Cert       string `yaml:"cert"`
	Key        string `yaml:"key"`
	ServerName string `yaml:"server_name"`
	Insecure   bool   `yaml:"insecure"`
	MinVersion string `yaml:"min_version"`
}

// When a backend is dialled.
const (
	DialLazy  = "lazy"  // at the client's first byte
	DialEager = "eager" // at once, if no request is needed to choose the backend
)

// checkDial reports whether the value is one of them.
func checkDial(key, text string, fault func(key, format string, v ...any)) {
	if text != DialLazy && text != DialEager {
		fault(key, "must be lazy or eager, not %q", text)
	}
}

// BackendAddresses returns the addresses of a backend, which is a URL or several separated by
// commas. Either all use TLS or none does.
func BackendAddresses(text string) (addresses []string, secure bool, err error) {
	for i, each := range strings.Split(text, ",") {
		address, s, err := backendAddress(strings.TrimSpace(each))
		if err != nil {
			return nil, false, err
		}
		if i > 0 && s != secure {
			return nil, false, fmt.Errorf("%q: use http for all addresses, or https for all of them", text)
		}
		addresses, secure = append(addresses, address), s
	}
	return addresses, secure, nil
}

// backendAddress returns the host:port of a backend URL, or unix: and the path of a socket.
func backendAddress(text string) (address string, secure bool, err error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if !strings.HasPrefix(path, "/") {
			return "", false, fmt.Errorf("%q: write the whole path of the socket, as in unix:/run/app.sock", text)
		}
		return text, false, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", false, fmt.Errorf("%q must be a URL such as http://127.0.0.1:3000", text)
	}
	port := ""
	switch u.Scheme {
	case "http", "ws":
		port = "80"
	case "https", "wss":
		port, secure = "443", true
	default:
		return "", false, fmt.Errorf("%q: the scheme must be http or https", text)
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return "", false, fmt.Errorf("%q must have a host and a port only, such as http://127.0.0.1:3000", text)
	case u.Port() == "":
		return net.JoinHostPort(u.Hostname(), port), secure, nil
	}
	if fault := portFault(text, u.Port(), 1); fault != "" {
		return "", false, errors.New(fault)
	}
	return u.Host, secure, nil
}

// Config returns the TLS configuration.
func (c *BackendTLSConfig) Config() (*tls.Config, error) {
	oldest, err := TLSVersion(c.MinVersion)
	if err != nil {
		return nil, fmt.Errorf("min_version: %w", err)
	}
	t := &tls.Config{ServerName: c.ServerName, InsecureSkipVerify: c.Insecure, MinVersion: oldest}
	if c.CA != "" {
		pool, err := readAuthorities(c.CA)
		if err != nil {
			return nil, err
		}
		t.RootCAs = pool
	}
	if c.Cert != "" || c.Key != "" {
		held, err := proxy.LoadCertificates([]proxy.CertificatePair{{Cert: c.Cert, Key: c.Key}})
		if err != nil {
			return nil, err
		}
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return held.Get(&tls.ClientHelloInfo{})
		}
	}
	return t, nil
}

// readAuthorities reads the certificates of authorities.
func readAuthorities(name string) (*x509.CertPool, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%q does not have a PEM certificate", name)
	}
	return pool, nil
}

// checkBackend reports the faults of the keys about a backend; prefix is put before each key.
func checkBackend(prefix, backend, host, guard string, sendProxy int, t *BackendTLSConfig, fault func(key, format string, v ...any)) {
	if backend == "" {
		fault(prefix+"backend", "is missing: give the URL of the backend, such as http://127.0.0.1:3000")
	} else if _, secure, err := BackendAddresses(backend); err != nil {
		fault(prefix+"backend", "%v", err)
	} else if !secure && *t != (BackendTLSConfig{}) {
		fault(prefix+"backend_tls", "is set, but %q is not an https URL", backend)
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		fault(prefix+"host", "%q is not a valid Host header", host)
	}
	if guard != "off" && guard != "unsafe" {
		fault(prefix+"guard", "must be off or unsafe, not %q", guard)
	}
	if sendProxy < 0 || sendProxy > 2 {
		fault(prefix+"send_proxy", "must be 1 or 2 (the version of the PROXY protocol), or 0 for none")
	}
	if _, err := t.Config(); err != nil {
		fault(prefix+"backend_tls", "%v", err)
	}
}
