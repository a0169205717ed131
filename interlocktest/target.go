package interlocktest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

// open returns the target of the probes, the version of HTTP that it is asked in, and a function that
// ends what was started for it. Log gets what the server of a handler logs, and must be safe for
// concurrent use.
func (c *config) open(ctx context.Context, target any, log func(string)) (to probe.Target, version probe.HTTP, stop func(), err error) {
	stop = func() {}
	switch target := target.(type) {
	case *httptest.Server:
		if target == nil || target.URL == "" {
			return to, 0, stop, errors.New("the *httptest.Server is not started: call Start or StartTLS first")
		}
		to, version, err = c.at(ctx, target.URL)
		if to.TLS != nil && c.tls == nil {
			to.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
			to.TLS.RootCAs.AddCert(target.Certificate())
		}
	case http.Handler:
		s, err := serve(target, log)
		if err != nil {
			return to, 0, stop, err
		}
		to, version, err = c.at(ctx, "http://"+s.address())
		return to, version, func() { s.stop(patience) }, err
	case func(http.ResponseWriter, *http.Request):
		return c.open(ctx, http.HandlerFunc(target), log)
	case string:
		to, version, err = c.at(ctx, target)
	default:
		err = fmt.Errorf("cannot probe a %T: give an http.Handler, a *httptest.Server, or a URL such as http://127.0.0.1:8080/ws", target)
	}
	return to, version, stop, err
}

// at returns the target of a URL, or of a host and port.
func (c *config) at(ctx context.Context, text string) (to probe.Target, version probe.HTTP, err error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return to, 0, fmt.Errorf("%q must be a URL such as http://127.0.0.1:8080/ws", text)
	}
	scheme, port := "http", "80"
	switch u.Scheme {
	case "http", "ws":
		version = probe.HTTP1
	case "h2c":
		version = probe.HTTP2
	case "https", "wss":
		scheme, port, version = "https", "443", probe.Chosen
		to.TLS = c.tls.Clone()
		if to.TLS == nil {
			to.TLS = new(tls.Config)
		}
	default:
		return to, 0, fmt.Errorf("%q: the scheme must be http, https, or h2c for HTTP/2 without TLS", text)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	path := u.RequestURI()
	if c.endpoint != "" {
		path = c.endpoint
	}
	to.Address = net.JoinHostPort(u.Hostname(), port)
	to.Base = rules.NewHandshake(scheme, u.Host, path, "")
	probe.SetFields(to.Base, c.fields)
	for _, f := range c.own {
		probe.SetFields(to.Base, []probe.Field{f})
	}
	return to, version, private(ctx, u.Hostname())
}

// private returns an error unless a host is on this machine or in a private network.
func private(ctx context.Context, host string) error {
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(ips, public); i >= 0 {
		return fmt.Errorf("%s is at %s, a public address: tests only probe private ones; if you may probe it, use interlock probe --authorized %[1]s", host, ips[i].Unmap())
	}
	return nil
}

func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	return !ip.IsLoopback() && !ip.IsPrivate() && !ip.IsLinkLocalUnicast() && !ip.IsUnspecified()
}
