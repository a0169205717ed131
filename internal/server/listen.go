package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/errno"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/proxy"
)

// listeners are the sockets of serve.
type listeners struct {
	reverse []net.Listener // the first one, then those of the key listeners, in order
	admin   net.Listener
	open    net.Listener // for paths without a token; nil: the admin address serves them
	forward net.Listener // nil: none
}

// openListeners opens all of them, or none.
func openListeners(ctx context.Context, c *config.Config) (*listeners, error) {
	d := &listeners{}
	err := func() error {
		first, err := Listen(ctx, "--listen", c.Listen)
		if err != nil {
			return err
		}
		d.reverse = append(d.reverse, first)
		for i, l := range c.Listeners {
			ln, err := Listen(ctx, fmt.Sprintf("listeners[%d]", i), l.Listen)
			if err != nil {
				return err
			}
			d.reverse = append(d.reverse, ln)
		}
		if d.admin, err = Listen(ctx, "--admin", c.Admin.Listen); err != nil {
			return err
		}
		if c.Admin.Open != "" {
			if d.open, err = Listen(ctx, "admin.open", c.Admin.Open); err != nil {
				return err
			}
		}
		if c.Forward.Listen != "" {
			d.forward, err = Listen(ctx, "--forward", c.Forward.Listen)
		}
		return err
	}()
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (l *listeners) close() {
	for _, ln := range append(l.reverse, l.admin, l.open, l.forward) {
		if ln != nil {
			ln.Close()
		}
	}
}

// Listen opens a TCP listener, without the Multipath TCP that is Go's default: that would make each accepted connection
// do more in the kernel, and clients do not have it. name is the flag or the key of the address; the error contains it.
func Listen(ctx context.Context, name, addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: proxy.KeepAlive}
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, exit.Usage("%s", describeListen(name, addr, err))
	}
	return ln, nil
}

// describeListen describes why listening failed and what to do. name is the flag or the key of the
// address.
func describeListen(name, addr string, err error) string {
	hint := ""
	switch {
	case errors.Is(err, errno.EADDRINUSE):
		hint = fmt.Sprintf("; another program has it: choose another address with %s", name)
	case errors.Is(err, errno.EACCES):
		hint = "; ports below 1024 need a privilege: choose a higher one"
	case errors.Is(err, errno.EADDRNOTAVAIL):
		hint = "; it is not an address of this machine"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return fmt.Sprintf("listen on %q (%s): %s%s", addr, name, strings.TrimPrefix(err.Error(), "bind: "), hint)
}

func addressOf(ln net.Listener) string {
	if ln == nil {
		return ""
	}
	return ln.Addr().String()
}

// own returns the addresses that the forward listener must not reach.
func (l *listeners) own() []netip.AddrPort {
	var all []netip.AddrPort
	for _, ln := range append([]net.Listener{l.admin, l.open}, l.reverse...) {
		if ln == nil {
			continue
		}
		if tcp, ok := ln.Addr().(*net.TCPAddr); ok {
			all = append(all, tcp.AddrPort())
		}
	}
	return all
}
