package proxy

import (
	"hash/maphash"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// A claim stands for a connection by its ends: a hash, so that it takes little, and seeded, so that
// nobody finds two connections with the same.
type claim uint64

// claims are the connections to backends of a relay, by their ends: that of a client has the same
// ends if it comes from here.
type claims struct {
	seed maphash.Seed

	mu    sync.Mutex
	all   map[claim]struct{}
	ports atomic.Pointer[[]uint16] // those of our listeners
}

func (c *claims) start() { c.seed, c.all = maphash.MakeSeed(), map[claim]struct{}{} }

// between is the claim of a connection with these ends, that of whoever has made it first. It is
// never zero.
func (c *claims) between(from, to netip.AddrPort) claim {
	ends := make([]byte, 0, 2*18) // an address of IPv6 and its port, twice
	ends, _ = from.AppendBinary(ends)
	ends, _ = to.AppendBinary(ends)
	return max(claim(maphash.Bytes(c.seed, ends)), 1)
}

// of is what the claim of a client's connection would be, had this relay made it; zero if nobody
// can say.
func (c *claims) of(client net.Conn) claim {
	from, ok1 := addrPort(client.RemoteAddr())
	to, ok2 := addrPort(client.LocalAddr())
	if !ok1 || !ok2 {
		return 0
	}
	return c.between(from, to)
}

// listens remembers a port at which connections come in.
func (c *claims) listens(port uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ports := []uint16{port}
	if known := c.ports.Load(); known != nil {
		ports = append(ports, *known...)
	}
	c.ports.Store(&ports)
}

// mayReturn reports whether a connection to that address may come in again: only one to the port of
// a listener has the same ends there. All others need not be claimed.
func (c *claims) mayReturn(to netip.AddrPort) bool {
	ports := c.ports.Load()
	return ports == nil || slices.Contains(*ports, to.Port())
}

// add remembers a connection to a backend.
func (c *claims) add(made claim) {
	c.mu.Lock()
	c.all[made] = struct{}{}
	c.mu.Unlock()
}

// remove forgets one.
func (c *claims) remove(made claim) {
	c.mu.Lock()
	delete(c.all, made)
	c.mu.Unlock()
}

// has reports whether a client's connection is one that this relay has made. It can be asked once
// the client has sent a byte: none is sent before the connection is claimed.
func (c *claims) has(arrived claim) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, own := c.all[arrived]
	return own
}
