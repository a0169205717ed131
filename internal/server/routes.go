package server

import (
	"net"
	"strings"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// Routing decides which backend a connection goes to. It is immutable.
type Routing struct {
	first  *proxy.Backend // of the default route
	routes []route
	refuse bool // connections without a route get a 421

	messages *ws.Keep // of the backends that keep messages
}

// A route is the backend of matching connections.
type route struct {
	hosts, sni []string     // globs in lower case
	listen     *net.TCPAddr // of a listener; nil: any
	to         *proxy.Backend
}

// newRouting makes the backends of a configuration that has been checked. Those that keep messages
// share what is given.
func newRouting(c *config.Config, a *audit.Audit, messages *ws.Keep) (*Routing, error) {
	t := &Routing{refuse: c.Unrouted == config.UnroutedRefuse, messages: messages}
	var err error
	if t.first, err = newBackend("default", c.Backend, c.Host, c.Guard, c.SendProxy, &c.BackendTLS, a); err != nil {
		return nil, exit.Usage("--backend: %w", err)
	}
	t.first.Eager = c.Dial == config.DialEager
	t.read(t.first, c.Frames)
	for i := range c.Routes {
		r := &c.Routes[i]
		to, err := newBackend(r.Name, r.Backend, r.Host, r.Guard, r.SendProxy, &r.BackendTLS, a)
		if err != nil {
			return nil, exit.Usage("routes[%d]: %w", i, err)
		}
		to.Eager = r.Dial == config.DialEager
		t.read(to, r.Frames)
		next := route{hosts: config.Lowered(r.Hosts), sni: config.Lowered(r.SNI), to: to}
		if r.Listen != "" {
			if next.listen, err = net.ResolveTCPAddr("tcp", r.Listen); err != nil {
				return nil, exit.Usage("routes[%d].listen: %w", i, err)
			}
		}
		t.routes = append(t.routes, next)
	}
	return t, nil
}

// read sets what is read of the frames in tunnels to a backend.
func (t *Routing) read(b *proxy.Backend, frames string) {
	b.NoFrames = frames == config.FramesOff
	if frames == config.FramesMessages {
		b.Messages = t.messages
	}
}

func newBackend(name, urls, host, guard string, sendProxy int, t *config.BackendTLSConfig, a *audit.Audit) (*proxy.Backend, error) {
	addresses, secure, err := config.BackendAddresses(urls)
	if err != nil {
		return nil, err
	}
	b := &proxy.Backend{Route: name, Addresses: addresses, Host: host, ProxyProtocol: byte(sendProxy)}
	if secure {
		if b.TLS, err = t.Config(); err != nil {
			return nil, err
		}
	}
	if guard == "unsafe" {
		b.Guard = a.Guard
	}
	return b, nil
}

// Backends returns all backends of the routing.
func (t *Routing) Backends() []*proxy.Backend {
	all := []*proxy.Backend{t.first}
	for _, r := range t.routes {
		all = append(all, r.to)
	}
	return all
}

// chooser returns the relay's Choose function, or nil if there is only one route.
func (t *Routing) chooser() func(*proxy.Arrival) (*proxy.Backend, string) {
	if len(t.routes) == 0 && !t.refuse {
		return nil
	}
	return t.choose
}

// choose returns the backend of a connection.
func (t *Routing) choose(a *proxy.Arrival) (*proxy.Backend, string) {
	host, ok := requestHost(a.Request)
	for _, r := range t.routes {
		switch {
		case r.listen != nil && !cameIn(a.Listener, r.listen), len(r.sni) > 0 && !config.Fits(r.sni, strings.ToLower(a.SNI)):
			continue
		case len(r.hosts) > 0 && a.Early:
			return nil, "" // the Host will decide
		case len(r.hosts) > 0 && !(ok && config.Fits(r.hosts, host)):
			continue
		}
		return r.to, ""
	}
	why := "no route is for this host"
	if !ok {
		why = "the first request names no single host"
	}
	if t.refuse {
		return nil, why
	}
	return t.first, why
}

// cameIn reports whether the local address of a connection belongs to the listener at that address,
// which may be a wildcard.
func cameIn(end net.Addr, listen *net.TCPAddr) bool {
	tcp, ok := end.(*net.TCPAddr)
	return ok && tcp.Port == listen.Port && (listen.IP == nil || listen.IP.IsUnspecified() || listen.IP.Equal(tcp.IP))
}

// requestHost returns the host of a request, or of a stream, in lower case and without port; false if
// there is none, or several.
func requestHost(q *wire.Request) (string, bool) {
	if q == nil || q.Count("Host") > 1 || q.Count(":authority") > 1 {
		return "", false
	}
	text, ok := q.Host()
	if !ok {
		return "", false
	}
	host, _, err := net.SplitHostPort(text)
	if err != nil {
		host = strings.Trim(text, "[]")
	}
	if host == "" || strings.ContainsAny(host, ", \t@/") {
		return "", false
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")), true
}
