package proxy

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"
)

// A sockaddr is an address as the system calls take and give it.
type sockaddr struct {
	raw  syscall.RawSockaddrAny
	size uint32
}

// inet4 and inet6 see the same bytes as what they are for the families of that name.
func (s *sockaddr) inet4() *syscall.RawSockaddrInet4 {
	return (*syscall.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
}

func (s *sockaddr) inet6() *syscall.RawSockaddrInet6 {
	return (*syscall.RawSockaddrInet6)(unsafe.Pointer(&s.raw))
}

// set makes s the address a, which has no zone.
func (s *sockaddr) set(a netip.AddrPort) {
	if a.Addr().Is4() {
		in := s.inet4()
		in.Family, in.Port, in.Addr = syscall.AF_INET, inOrder(a.Port()), a.Addr().As4()
		s.size = uint32(unsafe.Sizeof(*in))
		return
	}
	in := s.inet6()
	in.Family, in.Port, in.Addr = syscall.AF_INET6, inOrder(a.Port()), a.Addr().As16()
	s.size = uint32(unsafe.Sizeof(*in))
}

// addrPort is the address; an IPv4 address inside an IPv6 one is what it stands for. It is invalid
// for other families.
func (s *sockaddr) addrPort() netip.AddrPort {
	switch s.raw.Addr.Family {
	case syscall.AF_INET:
		in := s.inet4()
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), inOrder(in.Port))
	case syscall.AF_INET6:
		in := s.inet6()
		return netip.AddrPortFrom(netip.AddrFrom16(in.Addr).Unmap(), inOrder(in.Port))
	}
	return netip.AddrPort{}
}

// String is the address as package net writes it, with its zone if it has one.
func (s *sockaddr) String() string {
	a := s.addrPort()
	if in := s.inet6(); s.raw.Addr.Family == syscall.AF_INET6 && in.Scope_id != 0 && a.Addr().Is6() {
		zone := strconv.Itoa(int(in.Scope_id))
		if i, err := net.InterfaceByIndex(int(in.Scope_id)); err == nil {
			zone = i.Name
		}
		a = netip.AddrPortFrom(a.Addr().WithZone(zone), a.Port())
	}
	return a.String()
}

// inOrder turns a port from the order of the network into that of the machine, and back.
func inOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

// localEnd is our end of a socket; invalid if it has none.
func localEnd(fd int) netip.AddrPort {
	var s sockaddr
	s.ask(fd, syscall.SYS_GETSOCKNAME)
	return s.addrPort()
}

// localAddr is our end of a socket, and peerAddr the other one, as package net has them.
func localAddr(fd int) net.Addr {
	var s sockaddr
	s.ask(fd, syscall.SYS_GETSOCKNAME)
	return s.netAddr()
}

func peerAddr(fd int) net.Addr {
	var s sockaddr
	s.ask(fd, syscall.SYS_GETPEERNAME)
	return s.netAddr()
}

// ask makes s what a system call says of a socket; zero if it says nothing.
func (s *sockaddr) ask(fd int, call uintptr) {
	s.size = uint32(unsafe.Sizeof(s.raw))
	if _, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&s.raw)), uintptr(unsafe.Pointer(&s.size))); errno != 0 {
		*s = sockaddr{}
	}
}

// netAddr is the address as package net has it.
func (s *sockaddr) netAddr() net.Addr {
	a, _ := netip.ParseAddrPort(s.String())
	return net.TCPAddrFromAddrPort(a)
}
