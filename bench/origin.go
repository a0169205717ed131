//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

const originBody = "Hello, world!"

const originAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n" + originBody

// A backend answers any number of pipelined GETs per connection and switches to WebSocket, after which it reads until
// the client closes. It expects heads without bodies, which is all that load sends.
type backend struct {
	poll     *poll
	listener int
	conns    map[int]*originConn // by descriptor
	in       [16 << 10]byte
	out      []byte
}

type originConn struct {
	head     []byte // the beginning of an unfinished head
	switched bool
}

// origin is the backend at args[0].
func origin(args []string) error {
	address, err := socketAddress(args[0])
	if err != nil {
		return err
	}
	b := &backend{conns: make(map[int]*originConn)}
	if b.poll, err = newPoll(); err != nil {
		return err
	}
	if b.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("make a socket: %w", err)
	}
	if err := errors.Join(
		unix.SetsockoptInt(b.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(b.listener, address),
		unix.Listen(b.listener, 4096),
	); err != nil {
		return fmt.Errorf("listen on %q: %w", args[0], err)
	}
	if err := b.poll.add(b.listener, b.listener); err != nil {
		return err
	}
	for {
		events, err := b.poll.wait(-1)
		if err != nil {
			return err
		}
		for _, event := range events {
			if fd := int(event.Fd); fd == b.listener {
				err = b.accept()
			} else if !b.read(fd) {
				delete(b.conns, fd)
				err = unix.Close(fd)
			}
			if err != nil {
				return err
			}
		}
	}
}

func (b *backend) accept() error {
	for {
		fd, _, err := unix.Accept4(b.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.ECONNABORTED):
			continue
		case err != nil:
			return fmt.Errorf("accept: %w", err)
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return fmt.Errorf("set TCP_NODELAY: %w", err)
		}
		b.conns[fd] = &originConn{}
		if err := b.poll.add(fd, fd); err != nil {
			return err
		}
	}
}

// read answers what came; false means that the connection has ended.
func (b *backend) read(fd int) bool {
	n, err := unix.Read(fd, b.in[:])
	if errors.Is(err, unix.EAGAIN) {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	c := b.conns[fd]
	if c.switched {
		return true
	}
	in := b.in[:n]
	if len(c.head) > 0 {
		in = append(c.head, in...)
	}
	b.out = b.out[:0]
	for !c.switched {
		end := headEnd(in)
		if end == 0 {
			c.head = append(c.head[:0], in...)
			break
		}
		c.switched = b.answer(in[:end])
		in = in[end:]
	}
	return len(b.out) == 0 || writeAll(fd, b.out) == nil
}

// answer adds the answer to one request head to out and says whether it was a switch.
func (b *backend) answer(head []byte) bool {
	if !bytes.HasPrefix(head, []byte("GET ")) {
		b.out = append(b.out, "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n"...)
		return false
	}
	key := field(head, "Sec-WebSocket-Key")
	if key == nil || field(head, "Upgrade") == nil {
		b.out = append(b.out, originAnswer...)
		return false
	}
	b.out = append(b.out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b.out = append(b.out, accept(key)...)
	b.out = append(b.out, "\r\n\r\n"...)
	return true
}
