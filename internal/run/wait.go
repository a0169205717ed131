package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/proxy"
)

// How often a backend is polled, and how long it may take to answer.
const (
	askAgain   = 200 * time.Millisecond
	askPatient = 5 * time.Second
)

// ready waits until every backend answers, if --wait asks for that, and determines whether each may
// be probed.
func (t *Run) ready(ctx context.Context) error {
	if t.Flags.Wait > 0 {
		waiting, stop := context.WithTimeout(ctx, t.Flags.Wait)
		defer stop()
		for _, b := range t.backends {
			if err := t.Await(waiting, b); err != nil && ctx.Err() == nil {
				return exit.Unknown("the backend %s did not answer within %v: %s; start it, or wait longer with --wait", b, t.Flags.Wait, err)
			}
		}
	}
	if ctx.Err() != nil {
		return exit.Unknown("stopped by a signal: the command was not started")
	}
	if !t.Flags.Probe {
		return nil
	}
	for _, b := range t.backends {
		for _, address := range b.Addresses {
			if err := t.mayProbe(ctx, address); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayProbe returns why a backend at an address may not be probed; nil if it may be. A unix socket
// is always allowed.
func (t *Run) mayProbe(ctx context.Context, address string) error {
	if strings.HasPrefix(address, "unix:") {
		return nil
	}
	where, err := parsePlace("http://" + address)
	if err != nil {
		return err
	}
	_, err = where.find(ctx, append(t.Flags.Authorized, t.Config.Probes.Authorized...))
	return err
}

// Await polls a backend until it answers with any response head. The error is the reason of the
// last failure.
func (t *Run) Await(ctx context.Context, b *proxy.Backend) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+hostOfBackend(b)+"/", nil)
	if err != nil {
		return err
	}
	if q.Host = b.Host; b.TLS != nil {
		q.URL.Scheme = "https"
	}
	transport := &http.Transport{TLSClientConfig: b.TLS, DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialBackend(ctx, b)
	}}
	client := &http.Client{Transport: transport, Timeout: askPatient, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	next := time.NewTicker(askAgain)
	defer next.Stop()
	for said := false; ; said = true {
		p, failed := client.Do(q)
		if failed == nil {
			return p.Body.Close()
		}
		if ctx.Err() == nil {
			err = bare(failed) // an error after ctx has ended explains nothing
		}
		if !said {
			t.Screen.Complain(fmt.Sprintf("waiting for the backend %s", b))
		}
		select {
		case <-ctx.Done():
			return err
		case <-next.C:
		}
	}
}

// hostOfBackend returns the host of a backend's URL.
func hostOfBackend(b *proxy.Backend) string {
	if strings.HasPrefix(b.String(), "unix:") {
		return "localhost"
	}
	return b.String()
}

// dialBackend connects to the first address of a backend that accepts a connection.
func dialBackend(ctx context.Context, b *proxy.Backend) (conn net.Conn, err error) {
	for _, address := range b.Addresses {
		network := "tcp"
		if path, ok := strings.CutPrefix(address, "unix:"); ok {
			network, address = "unix", path
		}
		if conn, err = new(net.Dialer).DialContext(ctx, network, address); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	// A PROXY protocol header for a local connection, in either version.
	if _, err := conn.Write([]byte(map[byte]string{1: "PROXY UNKNOWN\r\n", 2: "\r\n\r\n\x00\r\nQUIT\n \x00\x00\x00"}[b.ProxyProtocol])); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// bare returns an error without the request that it is about.
func bare(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return err
}
