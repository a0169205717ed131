package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// A Backend is where a route leads. Its fields must not be changed once a relay uses it.
type Backend struct {
	Route         string      // how the way there is called in rulings; "default" if empty
	Addresses     []string    // host:port, or unix: and the path of a socket; taken in turn, and past those that refuse
	TLS           *tls.Config // nil: cleartext. Only http/1.1 is agreed to, but for AuditHTTP2. ServerName defaults to the host of the address
	ProxyProtocol byte        // the version of the PROXY protocol in which the backend is told who the client is; 0: it is not
	Host          string      // if not empty, the value that every Host field gets on the way

	// NoFrames has tunnels to the backend be read only for their first bytes, and not to their end
	// frame by frame; see [wire.After].
	NoFrames bool

	// Messages says what is kept of the messages in these tunnels; nil: nothing. Backends may share
	// it. It has no effect with NoFrames.
	Messages *ws.Keep

	// Eager has the backend dialled before the client's first byte, where no head is needed to know
	// that it is the one: for clients that connect and wait, and for servers that time handshakes.
	// If that fails, it is tried again with that byte.
	Eager bool

	// Guard objects to a switch that the client must not get; nil: every answer reaches the client,
	// and nothing is ever held. It sees the exchange as it is known at the head of the 101
	// (Complete is false), and again when it is known what followed. It is called by many
	// goroutines and must not block.
	Guard func(*wire.Exchange) error

	once    sync.Once
	numeric []netip.AddrPort // the addresses, if none of them is a name or a path; else nil
	next    atomic.Uint32
	dialTLS *tls.Config // as TLS, but ready for use

	mirrored tls.ClientSessionCache // for AuditHTTP2
}

// To is the backend at one address, in cleartext.
func To(address string) *Backend { return &Backend{Addresses: []string{address}} }

// String is the first address.
func (b *Backend) String() string {
	if len(b.Addresses) == 0 {
		return ""
	}
	return b.Addresses[0]
}

// ready puts the defaults in, once.
func (b *Backend) ready() {
	b.once.Do(func() {
		if b.Route == "" {
			b.Route = "default"
		}
		if b.dialTLS = only(b.TLS, protocolHTTP1); b.dialTLS != nil {
			b.mirrored = tls.NewLRUClientSessionCache(0)
			if b.dialTLS.ClientSessionCache == nil {
				b.dialTLS.ClientSessionCache = tls.NewLRUClientSessionCache(0)
			}
		}
		for _, a := range b.Addresses {
			to, err := netip.ParseAddrPort(a)
			if err != nil || to.Addr().Zone() != "" || to.Addr().IsUnspecified() { // which leads to another one
				b.numeric = nil
				break
			}
			b.numeric = append(b.numeric, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
		}
	})
}

// connect connects to one of the addresses: the next one in turn, then the others until one does
// not refuse. It returns which one that is, or the last that was tried.
func (b *Backend) connect(ctx context.Context, d *net.Dialer) (conn net.Conn, address string, err error) {
	first := int(b.next.Add(1) - 1)
	for i := range b.Addresses {
		address = b.Addresses[(first+i)%len(b.Addresses)]
		if conn, err = d.DialContext(ctx, network(address), strings.TrimPrefix(address, unixPrefix)); err == nil || ctx.Err() != nil {
			return conn, address, err
		}
	}
	if err == nil {
		err = errors.New("no address is configured")
	}
	return nil, address, err
}

// unixPrefix marks the address of a unix socket.
const unixPrefix = "unix:"

func network(address string) string {
	if strings.HasPrefix(address, unixPrefix) {
		return "unix"
	}
	return "tcp"
}

// serverName is the name that TLS asks for at an address.
func serverName(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "localhost" // a unix socket
	}
	return host
}

// is reports whether an authority, with its port, is one of the backend's own.
func (b *Backend) is(authority string) bool {
	for _, a := range b.Addresses {
		if wire.EqualFold(authority, a) {
			return true
		}
	}
	return false
}
