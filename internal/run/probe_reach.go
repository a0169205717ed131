package run

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/wire"
)

// find resolves the addresses of a place. It rejects public addresses unless the host is in the
// list of authorized hosts.
func (p place) find(ctx context.Context, authorized []string) ([]netip.Addr, error) {
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", p.name)
	if err != nil || len(ips) == 0 {
		return nil, exit.Unknown("%s: no address was found for the host %q", p, p.name)
	}
	for i, ip := range ips {
		ips[i] = ip.Unmap()
		if public(ips[i]) && !slices.ContainsFunc(authorized, p.is) {
			return nil, exit.Usage("%s is at %s, a public address: if you may probe it, add --authorized %s, or probes.authorized in the configuration",
				p, ips[i], p.name)
		}
	}
	return ips, nil
}

// is reports whether host is the host of the place, with or without its port.
func (p place) is(host string) bool {
	return wire.EqualFold(host, p.name) || wire.EqualFold(host, p.host)
}

// public reports whether an address is neither on this machine nor in a private network.
func public(ip netip.Addr) bool {
	return !ip.IsLoopback() && !ip.IsPrivate() && !ip.IsLinkLocalUnicast() && !ip.IsUnspecified()
}

// choose returns the first of the addresses that accepts a connection; the first of all if there is
// only one, or none does. It sends nothing.
func (p place) choose(ctx context.Context, ips []netip.Addr) string {
	for _, ip := range ips[:len(ips)-1] {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", p.address(ip.String()))
		if err == nil {
			conn.Close()
			return p.address(ip.String())
		}
	}
	return p.address(ips[len(ips)-1].String())
}

// describeTarget describes in one line why a place could not be probed, and what to do.
func describeTarget(p place, err error) string {
	text := p.String() + ": " + err.Error()
	var target *probe.TargetError
	if errors.As(err, &target) {
		text = fmt.Sprintf("%s at %s: %v", p, target.Address, target.Kind)
		if target.Err != nil {
			text += ": " + target.Err.Error()
		}
	}
	switch {
	case errors.Is(err, probe.ErrUnreachable):
		text += "; is it up, and is the port the right one?"
	case errors.Is(err, probe.ErrNoTLS):
		text += "; try http://" + p.host
	case errors.Is(err, probe.ErrWantsTLS):
		text += "; try https://" + p.host
	case errors.Is(err, probe.ErrCertificate):
		text += "; " + exit.Untrusted
	case errors.Is(err, probe.ErrTLS):
		text += "; it may want --client-cert and --client-key, or another --sni"
	case errors.Is(err, probe.ErrNotHTTP2):
		text += "; try " + p.scheme + "://" + p.host + ", which is probed in HTTP/1.1"
	case errors.Is(err, probe.ErrOnlyHTTP2):
		text += "; add --http 2"
	case errors.Is(err, probe.ErrNotHTTP):
		text += "; is the port the right one?"
	}
	return text
}

// tlsFlags are the flags about TLS, for a command that does the same again.
func (f *ProbeFlags) tlsFlags(p place) (all []string) {
	if p.scheme == "http" {
		return nil
	}
	if f.Insecure {
		all = append(all, "--insecure")
	}
	for _, flag := range []struct{ name, value string }{{"--ca-cert", f.CA}, {"--client-cert", f.Cert}, {"--client-key", f.Key}, {"--sni", f.SNI}} {
		if flag.value != "" {
			all = append(all, flag.name, flag.value)
		}
	}
	return all
}

// tlsConfig returns the TLS configuration of the flags.
func (f *ProbeFlags) tlsConfig(p place) (*tls.Config, error) {
	if p.scheme == "http" {
		return nil, nil
	}
	config := &tls.Config{ServerName: p.name, MinVersion: tls.VersionTLS10, InsecureSkipVerify: f.Insecure}
	if f.SNI != "" {
		config.ServerName = f.SNI
	}
	if f.CA != "" {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, exit.Usage("--ca-cert: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, exit.Usage("--ca-cert: %q does not have a PEM certificate", f.CA)
		}
	}
	if (f.Cert == "") != (f.Key == "") {
		return nil, exit.Usage("use --client-cert and --client-key together")
	}
	if f.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, exit.Usage("--client-cert, --client-key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
