package main

import (
	"errors"
	"net"
	"path"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// routing says which backend a connection goes to. It is a value that nobody changes.
type routing struct {
	first  *proxy.Backend // of the default route
	routes []route
	refuse bool // what no route is for gets a 421
}

// A route is the way to a backend for the connections that match.
type route struct {
	hosts, sni []string     // globs in lower case
	listen     *net.TCPAddr // of a listener; nil: any
	to         *proxy.Backend
}

// newRouting makes the backends of a configuration that has been checked.
func newRouting(c *config, ledger *audit.Audit) (*routing, error) {
	t := &routing{refuse: c.Unrouted == unroutedRefuse}
	var err error
	if t.first, err = newBackend("default", c.Backend, c.Host, c.Guard, c.SendProxy, &c.BackendTLS, ledger); err != nil {
		return nil, usage("--backend: %w", err)
	}
	t.first.Eager = c.Dial == dialEager
	for i := range c.Routes {
		r := &c.Routes[i]
		to, err := newBackend(r.Name, r.Backend, r.Host, r.Guard, r.SendProxy, &r.BackendTLS, ledger)
		if err != nil {
			return nil, usage("routes[%d]: %w", i, err)
		}
		to.Eager = r.Dial == dialEager
		next := route{hosts: lowered(r.Hosts), sni: lowered(r.SNI), to: to}
		if r.Listen != "" {
			if next.listen, err = net.ResolveTCPAddr("tcp", r.Listen); err != nil {
				return nil, usage("routes[%d].listen: %w", i, err)
			}
		}
		t.routes = append(t.routes, next)
	}
	return t, nil
}

func lowered(globs []string) []string {
	all := make([]string, 0, len(globs))
	for _, g := range globs {
		all = append(all, strings.ToLower(g))
	}
	return all
}

func newBackend(name, urls, host, guard string, sendProxy int, t *backendTLSConfig, ledger *audit.Audit) (*proxy.Backend, error) {
	addresses, secure, err := backendAddresses(urls)
	if err != nil {
		return nil, err
	}
	b := &proxy.Backend{Route: name, Addresses: addresses, Host: host, ProxyProtocol: byte(sendProxy)}
	if secure {
		if b.TLS, err = t.config(); err != nil {
			return nil, err
		}
	}
	if guard == "unsafe" {
		b.Guard = guardBy(ledger)
	}
	return b, nil
}

// guardBy objects to what the rules call unsafe, and to a 101 that does not name a protocol.
func guardBy(ledger *audit.Audit) func(*wire.Exchange) error {
	return func(x *wire.Exchange) error {
		const nameless = "UPGRADE-101-NO-UPGRADE"
		r := ledger.Judge(x)
		if r.Unsafe {
			return errors.New("the backend switched and must not have: " + strings.Join(r.Broken(), ", "))
		}
		if f := r.Find(nameless); f != nil && f.Verdict == rules.Fail {
			return errors.New("the backend does not say what it switched to: " + nameless)
		}
		return nil
	}
}

// backends are all backends of the routing.
func (t *routing) backends() []*proxy.Backend {
	all := []*proxy.Backend{t.first}
	for _, r := range t.routes {
		all = append(all, r.to)
	}
	return all
}

// chooser is what the relay asks for each connection; nil if there is nothing to choose.
func (t *routing) chooser() func(*proxy.Arrival) (*proxy.Backend, string) {
	if len(t.routes) == 0 && !t.refuse {
		return nil
	}
	return t.choose
}

// choose is what the relay asks for each connection.
func (t *routing) choose(a *proxy.Arrival) (*proxy.Backend, string) {
	host, ok := hostOf(a.Request)
	for _, r := range t.routes {
		switch {
		case r.listen != nil && !cameIn(a.Listener, r.listen), len(r.sni) > 0 && !fits(r.sni, strings.ToLower(a.SNI)):
			continue
		case len(r.hosts) > 0 && a.Early:
			return nil, "" // the host will say
		case len(r.hosts) > 0 && !(ok && fits(r.hosts, host)):
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

// cameIn tells whether a connection with that end came in by the listener at an address, which may be all of the machine's.
func cameIn(end net.Addr, listen *net.TCPAddr) bool {
	tcp, ok := end.(*net.TCPAddr)
	return ok && tcp.Port == listen.Port && (listen.IP == nil || listen.IP.IsUnspecified() || listen.IP.Equal(tcp.IP))
}

// hostOf is the host that a request names, in lower case and without port; false if it names none, or several.
func hostOf(q *wire.Request) (string, bool) {
	if q == nil || q.Count("Host") != 1 {
		return "", false
	}
	text, _ := q.Value("Host")
	host, _, err := net.SplitHostPort(text)
	if err != nil {
		host = strings.Trim(text, "[]")
	}
	if host == "" || strings.ContainsAny(host, ", \t@/") {
		return "", false
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")), true
}

func fits(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := path.Match(glob, name)
		return ok && err == nil
	})
}
