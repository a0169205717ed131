package proxy

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/interlock-proxy/interlock/wire"
)

// accept is Relay.accept, but connections that the event loops drive never become those of package
// net.
func (ks *eventLoops) accept(ctx context.Context, r *Relay, ln *Listener, serve func(socket)) error {
	tcp, ok := ln.Listener.(*net.TCPListener)
	if !ok || ks == nil || ln.TLS != nil || len(ln.Trusted) > 0 {
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
		if !r.routes.Load().clear {
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
		if routes := r.routes.Load(); routes.clear { // they may have changed meanwhile
			ks.begin(r, routes, ln, fd, &peer)
		} else {
			serveSocket(r, fd, serve)
		}
	}
	return nil
}

// serveSocket leaves a connection to serve that was accepted for an event loop. Its slot goes with
// it.
func serveSocket(r *Relay, fd int, serve func(socket)) {
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

// asConn makes a connection of package net of a socket. Its descriptor is closed, whatever happens.
func asConn(fd int) (*net.TCPConn, error) {
	file := os.NewFile(uintptr(fd), "client")
	defer file.Close()
	client, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return client.(*net.TCPConn), nil
}

// begin gives a connection that was accepted to one of the loops.
func (ks *eventLoops) begin(r *Relay, routes *routeTable, ln *Listener, fd int, peer *sockaddr) {
	l := &loopConn{loop: ks.one(), ends: [2]loopSocket{{fd: int32(fd)}, {fd: -1}}}
	l.arrive(r, routes, l, peer.String())
	s := &l.session
	local, _ := addrPort(ln.Addr())
	if local.Addr().IsUnspecified() {
		local = localEnd(fd)
	}
	s.arrived = r.own.between(peer.addrPort(), local)
	if routes.choose != nil {
		s.hold().arrival = &Arrival{Listener: localAddr(fd), Client: peer.netAddr()}
	}
	ks.running.Add(1)
	l.enter()
	eager := s.begin(false).also&dialBackend != 0
	l.arm()
	switch errno := l.loop.add(l); {
	case errno != 0:
		r.rare.log("accept", r.Log.Error().Err(errno), "cannot accept")
		s.cause.set(wire.CauseLimit)
		l.tell(toAbort)
	case eager:
		l.tell(toDial)
	}
}
