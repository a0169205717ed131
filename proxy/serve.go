package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/internal/errno"
)

// A Listener is where connections come from, and how they begin.
type Listener struct {
	net.Listener
	TLS     *tls.Config            // nil: cleartext. Its NextProtos are not used
	HTTP2   func(sni string) HTTP2 // what becomes of clients that offer HTTP/2, by the name that they ask for; nil: RefuseHTTP2
	Trusted []netip.Prefix         // peers whose connections must begin with a header of the PROXY protocol; empty: none
}

// Serve is ServeListener for a listener in cleartext.
func (r *Relay) Serve(ctx context.Context, ln net.Listener) error {
	return r.ServeListener(ctx, Listener{Listener: ln})
}

// ServeListener carries the connections that ln accepts, until ctx ends. Then it stops accepting,
// lets what is under way come to an end for as long as Limits.Drain says, and returns when nothing
// that it started is alive. It closes ln. The error is nil unless the relay could not start or the
// listener broke.
//
// A relay may serve several listeners, each by a call of its own. They end together: the end of
// one, by its ctx or because it broke, also drains the connections that came by the others. Use a
// relay for each to end them one by one.
//
// ln may be of any type. Only what a [net.TCPListener] accepts in cleartext is carried by event
// loops; goroutines carry everything else.
func (r *Relay) ServeListener(ctx context.Context, ln Listener) error {
	defer ln.Close()
	ln.TLS = listening(ln.TLS)
	r.start()
	if err := r.refuseOwnListener(ctx, ln.Addr()); err != nil {
		return err
	}
	var running sync.WaitGroup
	loops, err := startLoops(r, &running)
	if err != nil {
		return err
	}
	defer loops.end()
	tidying, stop := context.WithCancel(ctx)
	running.Go(func() { tidy(tidying, r, tidyAfter) })
	err = loops.accept(ctx, r, &ln, func(client socket) {
		g := newGoConn(r, client)
		g.via = &ln
		running.Go(func() { g.serve(ctx) })
	})
	stop()
	r.drain(&running)
	return err
}

// accept hands each connection to serve, which must not block, and takes a slot for it before.
func (r *Relay) accept(ctx context.Context, ln net.Listener, serve func(socket)) error {
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	for {
		if !r.takeSlot(ctx) {
			return nil
		}
		if over, err := r.acceptOne(ctx, ln, serve); over {
			return err
		}
	}
}

// acceptOne hands on the next connection. The slot for it is taken. It reports whether there will
// be no more.
func (r *Relay) acceptOne(ctx context.Context, ln net.Listener, serve func(socket)) (over bool, err error) {
	client, err := ln.Accept()
	if err != nil {
		return r.cannotAccept(ctx, ln, err)
	}
	serve(asSocket(client))
	return false, nil
}

// cannotAccept gives back the slot of a connection that did not come, and waits a moment if more
// may come.
func (r *Relay) cannotAccept(ctx context.Context, ln net.Listener, err error) (over bool, failed error) {
	r.giveSlot()
	if ctx.Err() != nil {
		return true, nil
	}
	if !temporary(err) {
		return true, fmt.Errorf("accept on %q: %w", ln.Addr(), err)
	}
	r.rare.log("accept", r.Log.Error().Err(err), "cannot accept")
	pause(ctx, 100*time.Millisecond)
	return false, nil
}

// temporary reports whether a failed accept says nothing about the listener: the client had gone,
// or descriptors are short.
func temporary(err error) bool {
	for _, e := range []syscall.Errno{errno.ECONNABORTED, errno.EMFILE, syscall.ENFILE, errno.ENOBUFS, syscall.ENOMEM, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// takeSlot waits until there is room for one more connection; it is false if ctx ends before.
func (r *Relay) takeSlot(ctx context.Context) bool {
	select {
	case r.slots <- struct{}{}:
		return true
	default:
	}
	r.rare.log("limit", r.Log.Error().Int("connections", r.Open()), "connection limit reached")
	select {
	case r.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// giveSlot gives back the slot of a connection that is over.
func (r *Relay) giveSlot() { <-r.slots }
