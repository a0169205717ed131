package proxy

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// TestOnlyWhatMayReturnIsClaimed checks that a connection to a backend is claimed if it leads to the
// port of a listener, of whichever address, and not otherwise.
func TestOnlyWhatMayReturnIsClaimed(t *testing.T) {
	var c claims
	c.start()
	at := netip.MustParseAddrPort
	if !c.mayReturn(at("10.0.0.1:80")) {
		t.Error("without a listener nothing may return")
	}
	c.listens(8080)
	c.listens(8443)
	for to, want := range map[string]bool{"10.0.0.1:80": false, "10.0.0.1:8080": true, "[::1]:8443": true, "10.0.0.1:0": false} {
		if got := c.mayReturn(at(to)); got != want {
			t.Errorf("%s may return: got %v, want %v", to, got, want)
		}
	}
}

// TestLoopToASecondListenerIsBroken has a relay lead to a listener of its own whose address its
// backend got later.
func TestLoopToASecondListenerIsBroken(t *testing.T) {
	first, second := listenLoopback(t), listenLoopback(t)
	backend := To(net.JoinHostPort("localhost", "1")) // replaced before anything is dialled
	r := &Relay{Backend: backend}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- r.Serve(ctx, first) }()
	go func() { done <- r.Serve(ctx, second) }()
	for end := time.Now().Add(10 * time.Second); ; {
		r.mu.Lock()
		n := len(r.listeners)
		r.mu.Unlock()
		if n == 2 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d listeners", n)
		}
		runtime.Gosched()
	}
	to := To(second.Addr().String())
	to.ready()
	r.routes.Store(newRouteTable(to, nil, nil))
	client := dial(t, first.Addr().String())
	send(t, client, plain)
	expectLoop(t, client)
	stop()
	<-done
	<-done
}
