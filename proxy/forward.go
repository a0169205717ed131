package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/elazarl/goproxy"
)

// ServeForward carries the connections of clients that were told to use a proxy. A request with an Upgrade field, and what
// comes behind a CONNECT, goes the way of every other connection of the relay; ordinary requests are forwarded by goproxy,
// and are not judged. Only the backend can be reached. It runs, ends and fails as Serve does.
func (r *Relay) ServeForward(ctx context.Context, ln net.Listener) error {
	defer ln.Close()
	r.start()
	if err := r.refuseOwnListener(ctx, ln.Addr()); err != nil {
		return err
	}
	d := &door{relay: r, addr: ln.Addr(), inner: make(chan net.Conn), closed: make(chan struct{})}
	handler, transport := d.goproxy(ctx)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: r.Limits.Head, ErrorLog: serverLog(r.Log)}
	server.SetKeepAlivesEnabled(false) // one request, then the next connection meets the door again
	var serving, running sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(d); !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			r.Log.Error().Err(err).Msg("http server ended")
		}
	})
	err := r.accept(ctx, ln, func(client *net.TCPConn) {
		running.Go(func() { d.enter(ctx, client) })
	})
	r.drain(&running)
	d.Close()
	server.Close()
	serving.Wait()
	transport.CloseIdleConnections()
	return err
}

// goproxy is the proxy for everything that does not go to the relay, and the transport that it uses.
func (d *door) goproxy(ctx context.Context) (*goproxy.ProxyHttpServer, *http.Transport) {
	r := d.relay
	p := goproxy.NewProxyHttpServer()
	p.Logger, p.Verbose = goproxyLog{r.Log}, true
	p.KeepAcceptEncoding, p.ConnectDial = true, nil
	p.Tr = &http.Transport{
		Proxy: nil, DisableCompression: true, ResponseHeaderTimeout: 0,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if !r.reachable(addr) {
				return nil, fmt.Errorf("dial %q: %s", addr, r.scope(addr))
			}
			dialer := net.Dialer{Timeout: r.Limits.Dial}
			return dialer.DialContext(ctx, network, r.Backend.String())
		},
	}
	p.NonproxyHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, fmt.Sprintf("interlock: this is a proxy for %s: set it as the HTTP proxy of the client, or ask the reverse listener", r.Backend.String()), http.StatusBadRequest)
	})
	p.OnRequest().HandleConnectFunc(func(host string, pc *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		if !r.reachable(host) {
			d.refused(pc.Req.RemoteAddr, host)
			pc.Resp = forbidden(pc.Req, r.scope(host)) //nolint:bodyclose // goproxy closes it
			return goproxy.RejectConnect, host
		}
		return &goproxy.ConnectAction{Action: goproxy.ConnectHijack, Hijack: func(_ *http.Request, client net.Conn, _ *goproxy.ProxyCtx) {
			d.connect(ctx, client)
		}}, host
	})
	p.OnRequest().DoFunc(func(q *http.Request, pc *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		if q.URL.Scheme == "http" && r.reachable(withPort(q.URL.Host)) {
			return q, nil
		}
		d.refused(q.RemoteAddr, q.URL.Host)
		return q, forbidden(q, r.scope(q.URL.Host))
	})
	p.OnResponse().DoFunc(func(resp *http.Response, pc *goproxy.ProxyCtx) *http.Response {
		if resp != nil || pc.Error == nil {
			return resp
		}
		status := http.StatusBadGateway
		if timeout, ok := pc.Error.(interface{ Timeout() bool }); ok && timeout.Timeout() {
			status = http.StatusGatewayTimeout
		}
		return goproxy.NewResponse(pc.Req, goproxy.ContentTypeText, status, fmt.Sprintf("interlock: cannot reach backend %q: %v\n", r.Backend.String(), pc.Error))
	})
	return p, p.Tr
}

func forbidden(q *http.Request, line string) *http.Response {
	return goproxy.NewResponse(q, goproxy.ContentTypeText, http.StatusForbidden, "interlock: "+line+"\n")
}

// reachable tells whether an authority, with its port, is the backend's own.
func (r *Relay) reachable(authority string) bool { return r.Backend.is(authority) }

// scope says why an authority cannot be reached.
func (r *Relay) scope(authority string) string {
	return fmt.Sprintf("%q is not the backend: this proxy reaches %q only (the key is backend)", authority, r.Backend.String())
}

func withPort(authority string) string {
	if _, _, err := net.SplitHostPort(authority); err == nil {
		return authority
	}
	return net.JoinHostPort(strings.Trim(authority, "[]"), "80")
}

// refused logs that a client asked for what cannot be reached.
func (d *door) refused(client, authority string) {
	d.relay.rare.log("scope", d.relay.Log.Warn().Str("client", client).Str("target", authority), "target out of scope")
}

// connect carries what comes behind a CONNECT.
func (d *door) connect(ctx context.Context, client net.Conn) {
	held, ok := client.(*heldConn)
	if !ok {
		client.Close()
		d.relay.Log.Error().Str("err", fmt.Sprintf("unexpected connection %T behind CONNECT", client)).Msg("connection dropped")
		return
	}
	conn, rest := held.take()
	defer held.done()
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection Established\r\n\r\n")); err != nil {
		conn.Close()
		d.relay.giveSlot()
		return
	}
	c := d.relay.newConn(conn)
	if c.prefix = rest; len(rest) > 0 && rest[0] == tlsHandshake {
		d.relay.Log.Info().Str("client", c.common.Client).Msg("tls inside connect is carried blind")
	}
	c.serve(ctx)
}

// tlsHandshake is the first byte of a TLS record that begins a connection (RFC 8446 §5.1).
const tlsHandshake = 0x16
