package server

import (
	"errors"
	"net/netip"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/proxy"
)

// newForward returns the forward listener of a checked configuration. never has this process's own
// addresses.
func newForward(c *config.ForwardConfig, r *proxy.Relay, never []netip.AddrPort) (*proxy.Forward, error) {
	f := &proxy.Forward{Relay: r, Hosts: c.Hosts, PassThrough: c.PassThrough, Never: never}
	var errs [5]error
	f.Users, errs[0] = c.AllUsers()
	f.Upstream, errs[1] = c.UpstreamURL()
	f.TLS, errs[2] = c.BackendTLS.Config()
	f.MinTLS, errs[4] = config.TLSVersion(c.MinVersion)
	authority, err := c.Authority()
	if errs[3] = err; authority != nil {
		f.CA = authority.TLS()
		f.Page, err = authority.Handler()
	}
	return f, errors.Join(append(errs[:], err, f.Check())...)
}
