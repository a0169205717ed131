package proxy

import (
	"context"
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
)

// refuseOwnListener refuses a backend that is a listener of this relay. A name that cannot be resolved now is let through:
// it may be later, and then the connection itself is found out.
func (r *Relay) refuseOwnListener(ctx context.Context, listener net.Addr) error {
	own, ok := addrPort(listener)
	if !ok {
		return nil
	}
	r.mu.Lock()
	r.listeners = append(r.listeners, own)
	r.mu.Unlock()
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

// leads reports whether who connects to an address, at the port of a listener, comes to that. The unspecified address stands
// for this machine: who connects to it comes to the loopback.
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

// comesBack reports whether the system would send to an address from that address, which it does only with its own: also with
// those of a range that is routed to this machine, which no interface has. Nothing is sent.
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

// A claim stands for a connection by its ends: a hash, so that it takes little, and seeded, so that nobody finds two
// connections with the same.
type claim uint64

// between is the claim of a connection with these ends, that of whoever has made it first. It is never zero.
func (r *Relay) between(from, to netip.AddrPort) claim {
	ends := make([]byte, 0, 2*18) // an address of IPv6 and its port, twice
	ends, _ = from.AppendBinary(ends)
	ends, _ = to.AppendBinary(ends)
	return max(claim(maphash.Bytes(r.seed, ends)), 1)
}

// claim remembers a connection to the backend by its ends, ours first, so that it is known when it comes in again.
func (c *conn) claim(from, to netip.AddrPort) {
	c.claimed = c.relay.between(from, to)
	c.relay.mu.Lock()
	c.relay.own[c.claimed] = struct{}{}
	c.relay.mu.Unlock()
}

// disclaim forgets what was claimed, if something was.
func (c *conn) disclaim() {
	if c.claimed == 0 {
		return
	}
	c.relay.mu.Lock()
	delete(c.relay.own, c.claimed)
	c.relay.mu.Unlock()
	c.claimed = 0
}

// loops reports whether the client's connection is one that this relay itself has made. It can be asked once the client has
// sent a byte: none is sent before the connection is claimed.
func (r *Relay) loops(client net.Conn) bool {
	from, ok1 := addrPort(client.RemoteAddr())
	to, ok2 := addrPort(client.LocalAddr())
	return ok1 && ok2 && r.isOwn(r.between(from, to))
}

// isOwn reports whether a connection is claimed: that of a client has the same ends as ours if it comes from here.
func (r *Relay) isOwn(arrived claim) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, own := r.own[arrived]
	return own
}
