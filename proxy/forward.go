package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/elazarl/goproxy"
)

// A Forward is a second way into a relay: a listener for clients that were told to use a proxy.
// What they ask for in absolute-form, and what comes after a CONNECT, is carried like every other
// connection of the relay, inside TLS too if there is an authority to end it with: any request may
// be answered by a 101, so none goes elsewhere. goproxy answers the CONNECT and signs certificates.
// The fields must not be changed once Serve has been called.
type Forward struct {
	Relay *Relay

	// Hosts are what can be reached: names, globs of names and addresses, for the ports 80 and 443,
	// with a port, or with :* for all; "backends" stands for the addresses of the relay's backends.
	// nil: just those. A name must not lead to this machine, unless it did the first time, nor to
	// an address that is link-local or serves a cloud's metadata.
	Hosts []string
	Never []netip.AddrPort // what cannot be reached whatever Hosts says: own listeners; the one that Serve gets is always one

	CA          *tls.Certificate // signs what clients are shown in place of the hosts; nil: TLS inside CONNECT is carried blind
	MinTLS      uint16           // the oldest version that is spoken with clients then; 0: TLS 1.2
	PassThrough []string         // hosts, written as in Hosts, into whose tunnels nobody looks; they are counted as such
	TLS         *tls.Config      // for hosts that are no backend's; nil: the system's authorities are trusted. Only http/1.1 is agreed to

	Users    map[string]string // passwords, by name, of those who may use the proxy (RFC 7617); empty: everybody may
	Upstream *url.URL          // an HTTP proxy through which everything goes, perhaps with credentials; nil: none. It looks up names by itself
	Page     http.Handler      // answers requests to the listener itself; nil: a line that says what it is

	scope     *scope
	users     credentials
	listenTLS *tls.Config // nil: no authority
	dialTLS   *tls.Config
	dialled   func(netip.AddrPort)                                         // is told what is dialled; nil: nobody is
	lookup    func(ctx context.Context, host string) ([]netip.Addr, error) // nil: the system's
	own       func(netip.Addr) bool                                        // whether an address is this machine's; nil: as the system says
}

// Check says what is wrong with the fields; nil if nothing is. Serve does so too.
func (f *Forward) Check() error { return f.ready() }

// ready reads the fields.
func (f *Forward) ready() (err error) {
	if f.scope, err = newScope(f.Hosts, f.PassThrough, f.Never); err != nil {
		return err
	}
	if err := checkUpstream(f.Upstream); err != nil {
		return err
	}
	if f.lookup != nil {
		f.scope.lookup = f.lookup
	}
	if f.own != nil {
		f.scope.own = f.own
	}
	f.users = newCredentials(f.Users)
	f.dialTLS = &tls.Config{}
	if f.TLS != nil {
		f.dialTLS = f.TLS
	}
	f.dialTLS = only(f.dialTLS, protocolHTTP1)
	f.dialTLS.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	if f.CA != nil {
		leaves, err := newLeaves(f.CA, f.Relay.Log)
		if err != nil {
			return err
		}
		f.listenTLS = leaves.config(f.MinTLS)
	}
	return nil
}

// Serve carries the connections that ln accepts. It runs, ends and fails as that of a [Relay] does.
func (f *Forward) Serve(ctx context.Context, ln net.Listener) error {
	defer ln.Close()
	r := f.Relay
	r.start()
	if err := errors.Join(f.ready(), r.refuseOwnListener(ctx, ln.Addr())); err != nil {
		return err
	}
	if own, ok := addrPort(ln.Addr()); ok {
		f.scope.never = append(f.scope.never, own)
		if f.Upstream != nil {
			if err := refuseListener(ctx, f.upstreamAddress(), own); err != nil {
				return fmt.Errorf("start forward listener: upstream proxy %q %w", f.Upstream.Host, err)
			}
		}
	}
	l := &forwardListener{forward: f, relay: r, addr: ln.Addr(), inner: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{
		Handler: l.goproxy(ctx), ReadHeaderTimeout: r.Limits.Head, ErrorLog: serverLog(r.Log),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, heldKey{}, c) },
		ConnState:   leave,
	}
	server.SetKeepAlivesEnabled(false) // one request, then the next connection meets the listener again
	var serving, running sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			r.Log.Error().Err(err).Msg("http server ended")
		}
	})
	err := r.accept(ctx, ln, func(client socket) {
		running.Go(func() { l.enter(ctx, client) })
	})
	overdue := time.AfterFunc(r.Limits.Drain, func() { server.Close() })
	r.drain(&running)
	overdue.Stop()
	server.Close()
	l.Close()
	serving.Wait()
	return err
}

// heldKey is the key under which the context of a request has the connection that it came on.
type heldKey struct{}

// targetOf is where the listener has found that a request goes; nil: to the listener itself.
func targetOf(q *http.Request) *forwardTarget {
	if held, ok := q.Context().Value(heldKey{}).(*heldConn); ok {
		return held.target
	}
	return nil
}

// goproxy is the proxy for what does not go to the relay at once. It forwards nothing: it takes an
// answer that names websocket for a tunnel, whatever its status, so that the body of a 426 would be
// lost.
func (l *forwardListener) goproxy(ctx context.Context) *goproxy.ProxyHttpServer {
	p := goproxy.NewProxyHttpServer()
	p.Logger, p.Verbose, p.ConnectDial = goproxyLog{l.relay.Log}, true, nil
	p.Tr = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("goproxy is to dial nothing")
	}}
	p.NonproxyHandler = l.forward.Page
	if p.NonproxyHandler == nil {
		p.NonproxyHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, fmt.Sprintf("interlock: this is a proxy for clients that are told to use one, and %s; set it as the HTTP proxy of the client, or ask the reverse listener", l.forward.scope.reach()), http.StatusBadRequest)
		})
	}
	p.OnRequest().HandleConnectFunc(func(host string, pc *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		if targetOf(pc.Req) == nil {
			return goproxy.RejectConnect, host
		}
		return &goproxy.ConnectAction{Action: goproxy.ConnectHijack, Hijack: func(_ *http.Request, client net.Conn, _ *goproxy.ProxyCtx) {
			l.connect(ctx, client)
		}}, host
	})
	p.OnRequest().DoFunc(func(q *http.Request, _ *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		return q, goproxy.NewResponse(q, goproxy.ContentTypeText, http.StatusForbidden, "interlock: "+q.URL.Scheme+" is not for requests in absolute-form: ask by CONNECT\n")
	})
	return p
}

// connect carries what comes after a CONNECT.
func (l *forwardListener) connect(ctx context.Context, client net.Conn) {
	held, ok := client.(*heldConn)
	if !ok {
		client.Close()
		l.relay.Log.Error().Str("err", fmt.Sprintf("unexpected connection %T behind CONNECT", client)).Msg("connection dropped")
		return
	}
	conn, rest := held.take()
	defer held.done()
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection Established\r\n\r\n")); err != nil {
		conn.Close()
		l.relay.giveSlot()
		return
	}
	g := newGoConn(l.relay, conn)
	g.prefix = rest
	g.follow(held.target)
	g.serve(ctx)
}
