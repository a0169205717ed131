package run

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// CheckCanary rejects a value of --canary at which Interlock cannot listen, or that names no address
// that a target can be told to connect to.
func CheckCanary(address string) error {
	if address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || bad != nil {
		return exit.Usage("--canary: must be a host and a port of this machine such as 10.0.0.5:8099, not %q", address)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		if op := (*net.OpError)(nil); errors.As(err, &op) {
			err = op.Err
		}
		return exit.Usage("--canary: cannot listen at %s: %w; give an address of this machine and a free port", address, err)
	}
	defer ln.Close()
	if at, err := netip.ParseAddrPort(ln.Addr().String()); err == nil && at.Addr().IsUnspecified() {
		return exit.Usage("--canary: %s is every address of this machine; give the one that the target can reach, such as 10.0.0.5:%s", host, port)
	}
	return nil
}

// local rejects flags about this machine that do not fit to a target on another one.
func (p *Probing) local(ctx context.Context) error {
	canary, _, _ := net.SplitHostPort(p.Flags.Canary)
	inside := false // the listener is at a loopback address, which on the target's machine is another host
	if canary != "" {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", canary)
		inside = err == nil && len(ips) > 0 && ips[0].Unmap().IsLoopback()
	}
	if p.Flags.ServerPID == 0 && !inside {
		return nil
	}
	for _, s := range p.sites {
		host, _, err := net.SplitHostPort(s.target.Address)
		if err != nil {
			continue // a unix socket
		}
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return exit.Unknown("%s: no address was found for the host %q", s.place, host)
		}
		for _, ip := range ips {
			switch {
			case ip.Unmap().IsLoopback():
			case p.Flags.ServerPID != 0:
				return exit.Usage("--server-pid is for a backend at a loopback address, and %s is at %s", s.place, ip.Unmap())
			default:
				return exit.Usage("--canary: %s cannot be reached from %s, which is at %s; give another address of this machine", canary, s.place, ip.Unmap())
			}
		}
	}
	return nil
}
