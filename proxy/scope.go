package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// A scope says what can be reached through a forward listener, and what must not be opened there.
// It does so twice: when a client names a host, and when it is known which address that stands for.
type scope struct {
	hosts    []hostPattern
	backends bool // what the backends of the relay have for addresses, too
	closed   []hostPattern
	never    []netip.AddrPort
	lookup   func(ctx context.Context, host string) ([]netip.Addr, error)
	own      func(a netip.Addr) bool // whether an address is one of this machine

	mu    sync.Mutex
	homes map[string]bool // whether the first answer for a name that is listed was an address of this machine
}

// hostsBackends is the entry that stands for the backends' own addresses.
const hostsBackends = "backends"

// A scopeError says why a destination is out of scope.
type scopeError struct{ line string }

// Error is a line for the client, and for the log.
func (e *scopeError) Error() string { return e.line }

func newScope(hosts, closed []string, never []netip.AddrPort) (*scope, error) {
	s := &scope{lookup: lookup, own: isOwnAddress, homes: map[string]bool{}}
	for _, own := range never {
		s.never = append(s.never, netip.AddrPortFrom(own.Addr().Unmap().WithZone(""), own.Port()))
	}
	if hosts == nil {
		hosts = []string{hostsBackends}
	}
	var failed error
	read := func(entries []string) (all []hostPattern) {
		for _, entry := range entries {
			l, err := parsePattern(entry)
			failed = errors.Join(failed, err)
			all = append(all, l)
		}
		return all
	}
	var others []string
	for _, entry := range hosts {
		if entry == hostsBackends {
			s.backends = true
		} else {
			others = append(others, entry)
		}
	}
	s.hosts, s.closed = read(others), read(closed)
	return s, failed
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// find is the destination that an authority stands for, and what that is listed as: first as an
// address of a backend, then as one of the hosts.
func (s *scope) find(authority string, defaultPort uint16, routes *routeTable) (destination, []hostPattern, error) {
	d, err := parseDestination(authority, defaultPort)
	if err != nil {
		return d, nil, &scopeError{fmt.Sprintf("%q is out of scope: %v; %s", authority, err, s.reach())}
	}
	found := s.patternsOf(d, routes)
	if len(found) == 0 {
		return d, nil, &scopeError{fmt.Sprintf("%q is out of scope: %s", authority, s.reach())}
	}
	if d.addr.IsValid() {
		err = s.admit(d.addr, d, found[0])
	}
	return d, found, err
}

// patternsOf is everything that a destination is listed as.
func (s *scope) patternsOf(d destination, routes *routeTable) []hostPattern {
	var found []hostPattern
	if s.backends {
		for _, b := range routes.all() {
			for _, address := range b.Addresses {
				own, err := parseDestination(address, 0)
				if err == nil && own == d {
					found = append(found, hostPattern{text: own.host, addr: own.addr, ports: []uint16{own.port}, backend: b})
				}
			}
		}
	}
	for _, l := range s.hosts {
		if l.matches(d) {
			found = append(found, l)
		}
	}
	return found
}

// reach says what can be reached, and how that is changed.
func (s *scope) reach() string {
	var all []string
	if s.backends {
		all = append(all, "the backends")
	}
	for _, l := range s.hosts {
		all = append(all, l.text)
	}
	if more := len(all) - 5; more > 0 {
		all = append(all[:5], fmt.Sprintf("%d more", more))
	}
	if len(all) == 0 {
		return "this proxy reaches nothing (the key is forward.hosts)"
	}
	return "this proxy reaches " + strings.Join(all, ", ") + " only (the key is forward.hosts)"
}

// isClosed reports whether what is said with a destination must not be opened.
func (s *scope) isClosed(d destination) bool {
	for _, l := range s.closed {
		if l.matches(d) {
			return true
		}
	}
	return false
}

// resolve is which addresses may be dialled for a destination. There is at least one, unless there
// is an error.
func (s *scope) resolve(ctx context.Context, d destination, p hostPattern) ([]netip.Addr, error) {
	if d.addr.IsValid() {
		return []netip.Addr{d.addr}, s.admit(d.addr, d, p)
	}
	all, err := s.lookup(ctx, d.host)
	if err != nil {
		return nil, err
	}
	p.home = !p.isGlob() && s.home(d.host, all)
	err = errors.New("the name has no address")
	var good []netip.Addr
	for _, a := range all {
		a = a.Unmap()
		if refused := s.admit(a, d, p); refused != nil {
			err = refused
			continue
		}
		good = append(good, a)
	}
	if len(good) > 0 {
		return good, nil
	}
	return nil, err
}

// home reports whether the first answer for that name was an address of this machine. There are not
// more names than are listed.
func (s *scope) home(name string, answer []netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	home, known := s.homes[name]
	if !known {
		for _, a := range answer {
			home = home || s.own(a.Unmap())
		}
		if len(answer) > 0 {
			s.homes[name] = home
		}
	}
	return home
}

// admit refuses an address that a listed host must not lead to.
func (s *scope) admit(a netip.Addr, d destination, p hostPattern) error {
	refuse := func(what, remedy string) error {
		return &scopeError{fmt.Sprintf("%q leads to %s, which is %s: %s", d, a, what, remedy)}
	}
	for _, own := range s.never {
		if own.Port() == d.port && (own.Addr() == a || (own.Addr().IsUnspecified() || a.IsUnspecified()) && isOwnAddress(a)) {
			return refuse("an address of this proxy itself", "no key allows that")
		}
	}
	if p.addr.IsValid() {
		return nil // somebody has listed precisely that
	}
	for _, each := range []netip.Addr{a, inside(a)} {
		switch {
		case each.IsUnspecified(), !p.home && s.own(each):
			return refuse("on the machine of this proxy", "to allow it, list the address itself under forward.hosts")
		case each.IsLinkLocalUnicast(), each.IsMulticast(), isMetadata(each):
			return refuse("link-local or serves a cloud's metadata", "to allow it, list the address itself under forward.hosts")
		}
	}
	return nil
}

// isMetadata reports whether an address that is not link-local serves the metadata of a cloud:
// those of AWS, Google, Alibaba, Azure and Oracle.
func isMetadata(a netip.Addr) bool {
	switch a.String() {
	case "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192":
		return true
	}
	return false
}

// inside is the IPv4 address inside an IPv6 one that leads there: by NAT64 (RFC 6052 §2.1), by 6to4
// (RFC 3056 §2), or as IPv4-compatible (RFC 4291 §2.5.5.1). Any other address is its own.
func inside(a netip.Addr) netip.Addr {
	if !a.Is6() || a.IsLoopback() || a.IsUnspecified() {
		return a
	}
	b := a.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a), netip.MustParsePrefix("::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case netip.MustParsePrefix("2002::/16").Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}
