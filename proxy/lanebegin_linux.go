package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	_ = raw.Control(setCommon) // what comes from here on inherits it; a closed listener shows below
	inherited := false         // all that came before has been accepted
	var peer sockaddr
	var fd int
	var errno syscall.Errno
	accept := func(listener uintptr) bool {
		fd, errno = acceptSocket(listener, &peer)
		inherited = inherited || errno == syscall.EAGAIN
		return errno != syscall.EAGAIN
	}
	for r.takeSlot(ctx) {
		if !r.ways.Load().plain() {
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
		if !inherited {
			setCommon(uintptr(fd))
		}
		if way := r.ways.Load(); way.plain() { // it may have changed meanwhile
			cs.begin(r, way, ln, fd, &peer)
		} else {
			r.serveSocket(fd, serve)
		}
	}
	return nil
}

// serveSocket leaves a connection to serve that was accepted for a carrier. Its slot goes with it.
func (r *Relay) serveSocket(fd int, serve func(*net.TCPConn)) {
	client, err := asConn(fd)
	switch {
	case err != nil:
		r.rare.log("accept", r.Log.Error().Err(err), "cannot accept")
		r.giveSlot()
	case client.RemoteAddr() == nil: // it has gone already
		client.Close()
		r.giveSlot()
	default:
		serve(client)
	}
}

// begin makes a lane of a connection that was accepted.
func (cs *carriers) begin(r *Relay, w *way, ln *Listener, fd int, peer *sockaddr) {
	x := &struct {
		conn conn
		lane lane
	}{}
	c, l := &x.conn, &x.lane
	c.arrive(r, w, peer.String())
	c.lane = l
	l.init(c, cs.one(), fd, -1)
	local, _ := addrPort(ln.Addr())
	if local.Addr().IsUnspecified() {
		local = localEnd(fd)
	}
	l.arrived = r.between(peer.addrPort(), local)
	cs.running.Add(1)
	c.enter()
	c.startClock()
	if errno := l.carrier.add(l); errno != 0 {
		r.rare.log("accept", r.Log.Error().Err(errno), "cannot accept")
		c.giveUpLane()
		return
	}
	if c.to.Eager {
		l.carrier.post(l)
	}
}

// giveUpLane has the carrier end a lane that it cannot watch.
func (c *conn) giveUpLane() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(wire.CauseLimit)
	c.closeBoth()
}

func (l *lane) init(c *conn, k *carrier, client, backend int) {
	l.conn, l.carrier = c, k
	l.legs[wire.FromClient].fd, l.legs[wire.FromServer].fd = int32(client), int32(backend)
}

// begin reads the client's first bytes and dials.
func (l *lane) begin() {
	c := l.conn
	if c.to.Eager && !l.tried {
		if l.tried = true; !c.relay.isOwn(l.arrived) {
			l.dial(nil)
		}
		if l.stage != waiting {
			return
		}
	}
	if !l.legs[wire.FromClient].readable {
		return
	}
	b, err := l.read(wire.FromClient)
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
	if c.relay.isOwn(l.arrived) {
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
		l.detour(first)
		return
	}
	c.claim(localEnd(fd), to)
	if len(c.to.numeric) > 1 {
		c.mu.Lock()
		c.common.Backend = c.to.Addresses[at]
		c.mu.Unlock()
	}
	l.legs[wire.FromServer].fd = int32(fd)
	if errno := l.carrier.watch(l, wire.FromServer); errno != 0 {
		c.disclaim()
		l.close(wire.FromServer)
		l.detour(first)
		return
	}
	n, errno := l.carrier.calls.write(l, wire.FromServer, first)
	switch errno {
	case 0, syscall.EINTR:
		l.stage = carrying
		l.wrote(wire.FromClient, max(n, 0))
	case syscall.EAGAIN:
		l.stage = dialling
		l.wait(wire.FromServer)
		c.dialled(time.Now())
	default:
		l.flow(wire.FromClient).pending = first
		l.undialled(errno)
		return
	}
	if n = max(n, 0); n < len(first) {
		l.flow(wire.FromClient).pending = append([]byte(nil), first[n:]...)
	}
}

// connected goes on when the connection to the backend has come about, or has not.
func (l *lane) connected() {
	if l.legs[wire.FromServer].full {
		return
	}
	f := l.flow(wire.FromClient)
	n, errno := l.carrier.calls.write(l, wire.FromServer, f.pending)
	switch errno {
	case 0:
	case syscall.EINTR:
		n = 0
	case syscall.EAGAIN:
		l.wait(wire.FromServer)
		return
	default:
		l.undialled(errno)
		return
	}
	l.conn.dialled(time.Time{})
	l.stage = carrying
	l.wrote(wire.FromClient, n)
	f.pending = f.pending[n:]
}

// dialled takes note of when an attempt to connect began that takes time; the zero time: that is over.
func (c *conn) dialled(since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock.dialling = 0; !since.IsZero() {
		c.clock.dialling = c.relay.moment(since)
		c.arm(since)
	}
}

// undialled leaves a connection to a goroutine whose backend was not reached. That tries all its addresses, unless the
// only one has had its time.
func (l *lane) undialled(err error) {
	c := l.conn
	c.disclaim()
	c.dialled(time.Time{})
	if errors.Is(err, os.ErrDeadlineExceeded) && len(c.to.numeric) == 1 && c.hasSpoken() {
		l.depart(func(up *pump) (carried bool) {
			c.answerDial(up, err)
			return false
		})
		return
	}
	l.detour(l.flow(wire.FromClient).pending)
}

// detour leaves a connection to the backend that cannot be made here to a goroutine. If the client has not spoken, there is
// nobody to tell yet: it is made once it has.
func (l *lane) detour(first []byte) {
	c := l.conn
	if c.hasSpoken() {
		l.goOnward(first)
		return
	}
	l.close(wire.FromServer)
	l.legs[wire.FromServer] = leg{fd: -1}
	l.stage = waiting
	c.mu.Lock()
	if l.told == toGiveUp {
		l.told = 0
	}
	c.mu.Unlock()
}

func (c *conn) hasSpoken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spoken
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
	l := &lane{stage: carrying, tunnel: true, prompt: true}
	l.init(c, cs.one(), client, backend)
	for i := range l.legs {
		l.legs[i].readable = true
		if pending := t.rest[i].pending; len(pending) > 0 {
			l.flows[i] = &flow{pending: pending}
		}
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
	c.pumped, c.lane = nil, l
	c.mu.Unlock()
	cs.running.Add(1)
	if errno := l.carrier.add(l); errno != 0 {
		c.giveUpLane()
		return true
	}
	l.carrier.post(l) // to write what is pending
	return true
}
