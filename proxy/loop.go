package proxy

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// refuseOwnListener refuses a backend that is a listener of this relay. A name that cannot be
// resolved now is let through: it may be later, and then the connection itself is found out.
func (r *Relay) refuseOwnListener(ctx context.Context, listener net.Addr) error {
	own, ok := addrPort(listener)
	if !ok {
		return nil
	}
	r.mu.Lock()
	r.listeners = append(r.listeners, own)
	r.mu.Unlock()
	r.own.listens(own.Port())
	return refuseOwn(ctx, append([]*Backend{r.Backend}, r.Others...), own)
}

// refuseOwn refuses backends that are that listener.
func refuseOwn(ctx context.Context, backends []*Backend, own netip.AddrPort) error {
	for _, b := range backends {
		for _, address := range b.Addresses {
			if network(address) != "tcp" {
				continue
			}
			if err := refuseListener(ctx, address, own); err != nil {
				return fmt.Errorf("start relay: backend %q %w", address, err)
			}
		}
	}
	return nil
}

// refuseListener looks whether an address is that listener.
func refuseListener(ctx context.Context, address string, own netip.AddrPort) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("is no host:port: %w", err)
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return fmt.Errorf("has no port: %w", err)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || uint16(number) != own.Port() {
		return nil
	}
	for _, a := range addresses {
		if leads(a.Unmap(), own.Addr()) {
			return fmt.Errorf("is the listener %q itself", own)
		}
	}
	return nil
}

// leads reports whether who connects to an address, at the port of a listener, comes to that. The
// unspecified address stands for this machine: who connects to it comes to the loopback.
func leads(a, listener netip.Addr) bool {
	return a == listener || listener.IsUnspecified() && isOwnAddress(a) || a.IsUnspecified() && listener.IsLoopback()
}

// isOwnAddress reports whether a belongs to this machine.
func isOwnAddress(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return comesBack(a)
	}
	for _, each := range addresses {
		if p, err := netip.ParsePrefix(each.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return comesBack(a)
}

// comesBack reports whether the system would send to an address from that address, which it does
// only with its own: also with those of a range that is routed to this machine, which no interface
// has. Nothing is sent.
func comesBack(a netip.Addr) bool {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 9)))
	if err != nil {
		return false
	}
	defer conn.Close()
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	return err == nil && local.Addr().Unmap().WithZone("") == a
}

func addrPort(a net.Addr) (netip.AddrPort, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	p := tcp.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap().WithZone(""), p.Port()), true
}
