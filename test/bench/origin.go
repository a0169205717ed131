//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// bulkFrames are the sizes of the frames of portions, with their heads, by path.
var bulkFrames = map[string]int{"/bulk": 1 << 20, "/bulk-64": 64 << 10}

const originBody = "Hello, world!"

const originAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n" + originBody

// originRefusal answers every offer at /closed: an upgrade exchange after which the connection
// stays open.
const originRefusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"

// originLarge is the head of the response with a body of bulkSize bytes.
var originLarge = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(bulkSize) + "\r\n\r\n"

// A backend answers any number of pipelined GETs per connection and switches to WebSocket. After a
// switch it echoes at /echo, sends a portion for each frame received at the paths of bulkFrames, and elsewhere
// reads until the client closes. It expects heads without bodies, because load sends nothing else.
type backend struct {
	poll     *poll
	listener int
	conns    map[int]*originConn // by descriptor
	in       [16 << 10]byte
	out      []byte
	frames   map[string][]byte // a whole frame, by path
}

type originConn struct {
	head     []byte // the beginning of an incomplete head
	switched bool
	echo     bool
	frame    []byte // of portions; nil elsewhere
	owed     int    // bytes of a body or of portions that are still to be sent
	full     bool   // the socket is full
}

// origin runs the backend at args[0].
func origin(args []string) error {
	address, err := socketAddress(args[0])
	if err != nil {
		return err
	}
	b := &backend{conns: make(map[int]*originConn), frames: make(map[string][]byte)}
	for path, size := range bulkFrames {
		b.frames[path] = serverFrame(size)
	}
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
			} else if !b.happened(fd, event.Events) {
				delete(b.conns, fd)
				err = unix.Close(fd)
			}
			if err != nil {
				return err
			}
		}
	}
}

// serverFrame returns a binary frame of that size with its head.
func serverFrame(size int) []byte {
	frame := make([]byte, size)
	binary.BigEndian.PutUint64(frame[2:], uint64(size-10))
	frame[0], frame[1] = 0x82, 127
	return frame
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

// happened handles events of a connection. It returns false if the connection has ended.
func (b *backend) happened(fd int, events uint32) bool {
	if events&^uint32(unix.EPOLLOUT) != 0 && !b.read(fd) {
		return false
	}
	return b.conns[fd].owed == 0 || b.pay(fd)
}

// pay sends the bytes that are still to be sent, as far as the socket accepts them.
func (b *backend) pay(fd int) bool {
	c := b.conns[fd]
	for c.owed > 0 {
		rest := c.frame[len(c.frame)-1-(c.owed-1)%len(c.frame):] // of the frame at hand
		n, err := unix.Write(fd, rest)
		switch {
		case errors.Is(err, unix.EAGAIN):
			if !c.full {
				c.full = true
				return b.poll.change(fd, fd, unix.EPOLLIN|unix.EPOLLOUT) == nil
			}
			return true
		case err != nil:
			return false
		}
		c.owed -= n
	}
	if c.full {
		c.full = false
		return b.poll.change(fd, fd, unix.EPOLLIN) == nil
	}
	return true
}

// read reads and answers requests. It returns false if the connection has ended.
func (b *backend) read(fd int) bool {
	n, err := unix.Read(fd, b.in[:])
	if errors.Is(err, unix.EAGAIN) {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	c := b.conns[fd]
	switch {
	case c.echo:
		return writeAll(fd, unmasked(b.in[:n])) == nil
	case c.switched && c.frame != nil:
		c.owed += n / len(asked) * bulkSize
		return true
	case c.switched:
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
		b.answer(c, in[:end])
		in = in[end:]
	}
	return len(b.out) == 0 || writeAll(fd, b.out) == nil
}

// unmasked returns frames of a client as a server sends them. They have the size of echoed, and the key
// that changes nothing.
func unmasked(b []byte) []byte {
	out := b[:0]
	for len(b) >= len(echoed) {
		out = append(append(out, b[0], b[1]&0x7f), b[6:len(echoed)]...)
		b = b[len(echoed):]
	}
	return out
}

// answer appends the response to one request head to out.
func (b *backend) answer(c *originConn, head []byte) {
	if !bytes.HasPrefix(head, []byte("GET ")) {
		b.out = append(b.out, "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n"...)
		return
	}
	key := field(head, "Sec-WebSocket-Key")
	switch {
	case bytes.HasPrefix(head, []byte("GET /large ")):
		b.out = append(b.out, originLarge...)
		c.owed, c.frame = c.owed+bulkSize, b.frames["/bulk"]
		return
	case bytes.HasPrefix(head, []byte("GET /closed ")):
		b.out = append(b.out, originRefusal...)
		return
	case key == nil || field(head, "Upgrade") == nil:
		b.out = append(b.out, originAnswer...)
		return
	}
	b.out = append(b.out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b.out = append(b.out, accept(key)...)
	b.out = append(b.out, "\r\n\r\n"...)
	path, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte("GET ")), []byte(" "))
	c.switched, c.echo, c.frame = true, string(path) == "/echo", b.frames[string(path)]
}
