package proxy

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"github.com/interlock-proxy/interlock/wire"
)

// accept is Relay.accept, but connections that are plain from end to end never become those of package net.
func (cs *carriers) accept(ctx context.Context, r *Relay, ln *Listener, serve func(socket)) error {
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
func (r *Relay) serveSocket(fd int, serve func(socket)) {
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

// takeOver makes a lane of a tunnel, if it is plain. It is sole owner of both sockets from there on.
func (cs *carriers) takeOver(t *Tunnel) bool {
	c := t.conn
	if cs == nil || c.gate != nil || !c.client.plain() || !c.backend.plain() || t.rest[0].ended || t.rest[1].ended {
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
