package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// accept is Relay.accept, but connections that are plain from end to end never become those of package net.
func (cs *carriers) accept(ctx context.Context, r *Relay, ln *Listener, serve func(*net.TCPConn)) error {
	tcp, ok := ln.Listener.(*net.TCPListener)
	if !ok || cs == nil || ln.TLS != nil || len(ln.Trusted) > 0 || r.hooks.late {
		return r.accept(ctx, ln, serve)
	}
	file, err := tcp.File() // package net lets nobody wait for its own
	if err != nil {
		return fmt.Errorf("accept on %q: %w", ln.Addr(), err)
	}
	defer file.Close()
	stop := context.AfterFunc(ctx, func() {
		ln.Close()
		file.Close()
	})
	defer stop()
	raw, err := file.SyscallConn()
	if err != nil {
		return fmt.Errorf("accept on %q: %w", ln.Addr(), err)
	}
	var peer sockaddr
	var fd int
	var errno syscall.Errno
	accept := func(listener uintptr) bool {
		fd, errno = acceptSocket(listener, &peer)
		return errno != syscall.EAGAIN
	}
	for r.takeSlot(ctx) {
		way := r.ways.Load()
		if way.choose != nil || !way.backend.plain() {
			if over, err := r.acceptOne(ctx, ln, serve); over {
				return err
			}
			continue
		}
		err := raw.Read(accept)
		if err == nil && errno != 0 {
			err = &net.OpError{Op: "accept", Net: "tcp", Err: errno}
		}
		if err != nil {
			if over, err := r.cannotAccept(ctx, ln, err); over {
				return err
			}
			continue
		}
		setCommon(uintptr(fd))
		cs.begin(r, ln, fd, &peer)
	}
	return nil
}

// begin makes a lane of a connection that was accepted.
func (cs *carriers) begin(r *Relay, ln *Listener, fd int, peer *sockaddr) {
	x := &struct {
		conn conn
		lane lane
	}{}
	c, l := &x.conn, &x.lane
	c.arrive(r, peer.String())
	c.via, c.carriers, c.lane = ln, cs, l
	l.init(c, cs.one(), fd, -1)
	l.from = peer.addrPort()
	cs.running.Add(1)
	c.enter()
	c.startClock()
	if errno := l.carrier.add(l); errno != 0 {
		r.rare.log("accept", r.Log.Error().Err(errno), "cannot accept")
		c.end(wire.CauseLimit)
		closeSocket(fd)
		c.leave()
		cs.running.Done()
	}
}

func (l *lane) init(c *conn, k *carrier, client, backend int) {
	l.conn, l.carrier = c, k
	l.legs[wire.FromClient], l.legs[wire.FromServer] = leg{fd: int32(client), lane: l}, leg{fd: int32(backend), lane: l}
}

// begin reads the client's first bytes and dials.
func (l *lane) begin() {
	c, client := l.conn, &l.legs[wire.FromClient]
	if !client.readable {
		return
	}
	b, err := l.read(client)
	if err != nil {
		c.end(causeOf(wire.FromClient, err))
		l.leave()
		return
	}
	if b == nil {
		return
	}
	if _, closing := c.feed(wire.FromClient, b); closing {
		return // it was told so
	}
	local, _ := addrPort(c.via.Addr())
	if local.Addr().IsUnspecified() {
		local = localEnd(int(client.fd))
	}
	if c.relay.isOwn([2]netip.AddrPort{l.from, local}) {
		l.goOnward(b)
		return
	}
	l.dial(b)
}

// goOnward leaves what is not plain to a goroutine. The bytes were fed, and nobody has got them.
func (l *lane) goOnward(fed []byte) {
	c, first := l.conn, append([]byte(nil), fed...)
	l.depart(func(up *pump) (carried bool) { return c.onward(context.Background(), up, first) })
}

// dial begins to connect to the backend, and sends the client's first bytes if that comes about at once.
func (l *lane) dial(first []byte) {
	c := l.conn
	at := int(c.to.next.Add(1)-1) % len(c.to.numeric)
	to := c.to.numeric[at]
	var address sockaddr
	address.set(to)
	fd, errno := connectSocket(&address)
	if errno != 0 {
		l.goOnward(first)
		return
	}
	c.claim([2]netip.AddrPort{localEnd(fd), to})
	if len(c.to.numeric) > 1 {
		c.mu.Lock()
		c.common.Backend = c.to.Addresses[at]
		c.mu.Unlock()
	}
	g := &l.legs[wire.FromServer]
	g.fd = int32(fd)
	if errno := l.carrier.watch(l, wire.FromServer); errno != 0 {
		c.disclaim()
		l.close(wire.FromServer)
		l.goOnward(first)
		return
	}
	n, errno := l.carrier.calls.write(g, first)
	switch errno {
	case 0, syscall.EINTR:
		l.stage = carrying
		l.wrote(wire.FromClient, max(n, 0))
	case syscall.EAGAIN:
		l.stage = dialling
		l.wait(g)
		c.dialled(time.Now())
	default:
		l.flows[wire.FromClient].pending = first
		l.undialled(errno)
		return
	}
	if n = max(n, 0); n < len(first) {
		l.flows[wire.FromClient].pending = append([]byte(nil), first[n:]...)
	}
}

// connected goes on when the connection to the backend has come about, or has not.
func (l *lane) connected() {
	g := &l.legs[wire.FromServer]
	if g.full {
		return
	}
	n, errno := l.carrier.calls.write(g, l.flows[wire.FromClient].pending)
	switch errno {
	case 0:
	case syscall.EINTR:
		n = 0
	case syscall.EAGAIN:
		l.wait(g)
		return
	default:
		l.undialled(errno)
		return
	}
	l.conn.dialled(time.Time{})
	l.stage = carrying
	l.wrote(wire.FromClient, n)
	l.flows[wire.FromClient].pending = l.flows[wire.FromClient].pending[n:]
}

// dialled takes note of when an attempt to connect began that takes time; the zero time: that is over.
func (c *conn) dialled(since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dialling = since; !since.IsZero() {
		c.arm(since)
	}
}

// undialled leaves a connection to a goroutine whose backend was not reached. That tries all its addresses, unless the
// only one has had its time.
func (l *lane) undialled(err error) {
	c := l.conn
	c.disclaim()
	c.dialled(time.Time{})
	if errors.Is(err, os.ErrDeadlineExceeded) && len(c.to.numeric) == 1 {
		l.depart(func(up *pump) (carried bool) {
			c.answerDial(up, err)
			return false
		})
		return
	}
	l.goOnward(l.flows[wire.FromClient].pending)
}

// takeOver makes a lane of a tunnel, if it is plain. It is sole owner of both sockets from there on.
func (cs *carriers) takeOver(t *Tunnel) bool {
	c := t.conn
	if cs == nil || c.gate != nil || c.client.tls != nil || c.backend.tls != nil || t.rest[0].ended || t.rest[1].ended {
		return false
	}
	client, err := duplicate(t.pumps[wire.FromClient].in)
	if err != nil {
		return false
	}
	backend, err := duplicate(t.pumps[wire.FromServer].in)
	if err != nil {
		closeSocket(client)
		return false
	}
	l := &lane{stage: carrying, tunnel: true}
	l.init(c, cs.one(), client, backend)
	for i := range l.legs {
		l.legs[i].readable = true
		l.flows[i].pending = t.rest[i].pending
	}
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		closeSocket(client)
		closeSocket(backend)
		return false
	}
	c.client.Close() // the sockets stay open by their other descriptors
	c.backend.Close()
	c.client, c.backend, c.lane, c.handedOut = nil, nil, l, nil
	c.mu.Unlock()
	cs.running.Add(1)
	if errno := l.carrier.add(l); errno != 0 {
		c.end(wire.CauseLimit)
		l.stage = departed
		l.close(wire.FromClient)
		l.close(wire.FromServer)
		c.leave()
		cs.running.Done()
		return true
	}
	l.carrier.post(l) // to write what is pending
	return true
}
