//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Origin and load are one epoll loop each. Their cost is not measured, but they share two cores
// with the measured process, and a goroutine per connection would cost twice as much.

// A poll waits for descriptors to become readable. One goroutine uses it.
type poll struct {
	fd     int
	events [512]unix.EpollEvent
}

func newPoll() (*poll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create an epoll instance: %w", err)
	}
	return &poll{fd: fd}, nil
}

// add makes wait report token when fd is readable; closing fd removes it.
func (p *poll) add(fd, token int) error {
	err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(token)})
	if err != nil {
		return fmt.Errorf("watch a connection: %w", err)
	}
	return nil
}

// change makes wait report other events of a descriptor that was added.
func (p *poll) change(fd, token int, events uint32) error {
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: events, Fd: int32(token)}); err != nil {
		return fmt.Errorf("watch a connection: %w", err)
	}
	return nil
}

// wait returns the pending events, or none after that many milliseconds; -1 waits for ever.
func (p *poll) wait(milliseconds int) ([]unix.EpollEvent, error) {
	for {
		n, err := unix.EpollWait(p.fd, p.events[:], milliseconds)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("wait for connections: %w", err)
		}
		return p.events[:n], nil
	}
}

// socketAddress parses an IPv4 host:port.
func socketAddress(address string) (*unix.SockaddrInet4, error) {
	a, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, err
	}
	return &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}, nil
}

// writeAll writes a few bytes to a socket that has room for them.
func writeAll(fd int, b []byte) error {
	n, err := unix.Write(fd, b)
	if err == nil && n < len(b) {
		err = fmt.Errorf("only %d of %d bytes", n, len(b))
	}
	return err
}
