package proxy

import (
	"bytes"
	"context"
	"crypto/tls"

	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// An entrance is a relay with one kind of listener. Bytes sent to it reach the backend, and the
// other way round.
type entrance struct {
	*relayed
	address  string // the address that clients connect to
	front    string // what clients send before HTTP
	said     string // the relay's response to front
	inner    *tls.Config
	far      *tls.Config // the backend's TLS; nil for plain text
	absolute bool        // requests have absolute-form targets
	holds    bool        // the relay may hold bytes back, so tests do not wait for them at the client
}

// soon is a drain timeout short enough for tests.
const soon = 300 * time.Millisecond

// entrances returns all kinds of listeners and drivers, by name.
func entrances(t *testing.T) map[string]func(t *testing.T) *entrance {
	a := newAuthority(t)
	cert := a.issue(t)
	reverse := func(change func(*Relay), via ...func(*Listener)) func(t *testing.T) *entrance {
		return func(t *testing.T) *entrance {
			r := relay(t, func(r *Relay) {
				r.Limits.Drain = soon
				if change != nil {
					change(r)
				}
			}, via...)
			return &entrance{relayed: r, address: r.addr}
		}
	}
	forward := func(change func(*Relay), set func(*Forward), finish func(*entrance)) func(t *testing.T) *entrance {
		return func(t *testing.T) *entrance {
			r, addr := forwardedBy(t, func(r *Relay) {
				r.Limits.Drain = soon
				if change != nil {
					change(r)
				}
			}, set)
			e := &entrance{relayed: r, address: addr}
			e.front, e.said = "CONNECT "+r.Backend.String()+" HTTP/1.1\r\nHost: a\r\n\r\n", established
			finish(e)
			return e
		}
	}
	guard := func(goroutines bool) func(t *testing.T) *entrance {
		return func(t *testing.T) *entrance {
			e := reverse(func(r *Relay) {
				r.Backend.Guard, r.hooks.goroutines = func(*wire.Exchange) error { return nil }, goroutines
			})(t)
			e.holds = true
			return e
		}
	}
	secureFar := func(r *Relay) { r.Backend.TLS = &tls.Config{RootCAs: a.pool, ServerName: "localhost"} }
	inner, far := &tls.Config{RootCAs: a.pool, ServerName: "localhost"}, &tls.Config{Certificates: []tls.Certificate{cert}}
	return map[string]func(t *testing.T) *entrance{
		"event loop":         reverse(nil),
		"goroutines":         reverse(func(r *Relay) { r.hooks.goroutines = true }),
		"edited":             reverse(func(r *Relay) { r.Backend.Host = "other.test" }),
		"edited, goroutines": reverse(func(r *Relay) { r.Backend.Host, r.hooks.goroutines = "other.test", true }),
		"guard":              guard(false),
		"guard, goroutines":  guard(true),
		"routes":             reverse(func(r *Relay) { r.Choose = func(*Arrival) (*Backend, string) { return r.Backend, "" } }),
		"routes, goroutines": reverse(func(r *Relay) {
			r.Choose, r.hooks.goroutines = func(*Arrival) (*Backend, string) { return r.Backend, "" }, true
		}),
		"TLS": func(t *testing.T) *entrance {
			e := reverse(secureFar, func(l *Listener) { l.TLS = far })(t)
			e.inner, e.far = inner, far
			return e
		},
		"PROXY protocol": func(t *testing.T) *entrance {
			e := reverse(nil, func(l *Listener) { l.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })(t)
			e.front = "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n"
			return e
		},
		"absolute-form": forward(nil, nil, func(e *entrance) { e.front, e.said, e.absolute = "", "", true }),
		"CONNECT":       forward(nil, nil, func(*entrance) {}),
		"inside TLS":    forward(secureFar, func(f *Forward) { f.CA = a.certificate() }, func(e *entrance) { e.inner, e.far = inner, far }),
		"blind TLS":     forward(nil, nil, func(e *entrance) { e.inner, e.far = inner, far }),
		"pass-through":  forward(nil, func(f *Forward) { f.PassThrough = []string{"127.0.0.1:*"} }, func(*entrance) {}),
	}
}

// enter opens a connection up to the point where the client speaks HTTP.
func (e *entrance) enter(t *testing.T) net.Conn {
	t.Helper()
	conn := dial(t, e.address)
	send(t, conn, e.front)
	expect(t, conn, e.said)
	if e.inner != nil {
		return tls.Client(conn, e.inner)
	}
	return conn
}

// ask sends a request, and returns the backend's connection once it has read the head.
func (e *entrance) ask(t *testing.T, client net.Conn, request string) net.Conn {
	t.Helper()
	if e.absolute {
		method, rest, _ := strings.Cut(request, " ")
		request = method + " http://" + e.Backend.String() + rest
	}
	sent := make(chan error, 1)
	go func() { // the TLS handshake needs the backend, which is accepted below
		_, err := io.WriteString(client, request)
		sent <- err
	}()
	var backend net.Conn = e.accept()
	if e.far != nil {
		backend = tls.Server(backend, e.far)
	}
	var got []byte
	for b := make([]byte, 1); !bytes.HasSuffix(got, []byte("\r\n\r\n")); got = append(got, b...) {
		if _, err := io.ReadFull(backend, b); err != nil {
			t.Fatalf("the backend got %q, %v", got, err)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	return backend
}

// answers returns all kinds of responses of a backend, by name. None of them ends its connection.
func answers() map[string]string {
	const body = "Content-Length: 7\r\n\r\nupgrade"
	return map[string]string{
		"200":                 answer,
		"200 chunked":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"200 unfinished":      "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nok",
		"200 until the end":   "HTTP/1.0 200 OK\r\n\r\nok",
		"200 that advertises": "HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + body,
		"304":                 "HTTP/1.1 304 Not Modified\r\n\r\n",
		"426":                 "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + body,
		"426 for TLS":         "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2\r\n" + body,
		"426 bare":            "HTTP/1.1 426 Upgrade Required\r\n" + body,
		"101":                 switching,
		"101 for h2c":         "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
		"101 bare":            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"100 alone":           "HTTP/1.1 100 Continue\r\n\r\n",
		"half a head":         "HTTP/1.1 200 OK\r\nContent-",
		"no HTTP":             "\x00\x01\x02 what is this?\r\n\r\n",
		"nothing":             "",
	}
}

// TestEndWhateverWasAnswered opens a connection for each response through each entrance, with and
// without an upgrade offer. The client gets the response, and the relay ends all connections when
// it stops.
func TestEndWhateverWasAnswered(t *testing.T) {
	for name, open := range entrances(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			for _, request := range []string{plain, handshake} {
				for kind, says := range answers() {
					client := e.enter(t)
					backend := e.ask(t, client, request)
					send(t, backend, says)
					if e.holds {
						continue
					}
					got := make([]byte, len(says))
					if n, err := io.ReadFull(client, got); err != nil || string(got) != says {
						t.Errorf("%s: the client got %q, %v", kind, got[:n], err)
					}
				}
			}
			e.end()
		})
	}
}

// A reaching brings a connection to the stage at which the relay is stopped.
type reaching = func(t *testing.T, e *entrance)

// stages returns stages in the life of a connection, by name.
func stages() map[string]reaching {
	asked := func(request, says string, then func(t *testing.T, client, backend net.Conn)) reaching {
		return func(t *testing.T, e *entrance) {
			client := e.enter(t)
			backend := e.ask(t, client, request)
			send(t, backend, says)
			if !e.holds {
				expect(t, client, says)
			}
			if then != nil {
				then(t, client, backend)
			}
		}
	}
	closeWrite := func(t *testing.T, c net.Conn) {
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
	}
	flood := func(t *testing.T, into net.Conn) {
		into.SetWriteDeadline(time.Now().Add(soon / 3))
		for b := make([]byte, 1<<20); ; {
			if _, err := into.Write(b); err != nil {
				return // the peer does not read
			}
		}
	}
	const upload = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n"
	const download = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
	return map[string]reaching{
		"asked":          asked(plain, "", nil),
		"at rest":        asked(plain, answer, nil),
		"uploading":      asked(upload, "", func(t *testing.T, client, _ net.Conn) { flood(t, client) }),
		"downloading":    asked(plain, download, func(t *testing.T, _, backend net.Conn) { flood(t, backend) }),
		"client ended":   asked(plain, "", func(t *testing.T, client, _ net.Conn) { closeWrite(t, client) }),
		"backend ended":  asked(plain, "HTTP/1.0 200 OK\r\n\r\nok", func(t *testing.T, _, backend net.Conn) { closeWrite(t, backend) }),
		"switched":       asked(handshake, switching, nil),
		"tunnel ended":   asked(handshake, switching, func(t *testing.T, client, _ net.Conn) { closeWrite(t, client) }),
		"tunnel blocked": asked(handshake, switching, func(t *testing.T, client, backend net.Conn) { flood(t, backend); flood(t, client) }),
		"lingering":      asked(plain, "HTTP/1.0 200 OK\r\n\r\nok", func(t *testing.T, client, backend net.Conn) { backend.Close() }),
	}
}

// beginnings returns the stages before a complete request has arrived. The backend may or may not
// see such a connection.
func beginnings() map[string]reaching {
	in := func(t *testing.T, e *entrance, more string) {
		conn := dial(t, e.address)
		send(t, conn, e.front)
		expect(t, conn, e.said)
		send(t, conn, more)
	}
	return map[string]reaching{
		"connected":    func(t *testing.T, e *entrance) { dial(t, e.address) },
		"half a front": func(t *testing.T, e *entrance) { send(t, dial(t, e.address), e.front[:len(e.front)/2]) },
		"a byte":       func(t *testing.T, e *entrance) { send(t, dial(t, e.address), "\x16") },
		"in front":     func(t *testing.T, e *entrance) { in(t, e, "") },
		"half a hello": func(t *testing.T, e *entrance) { in(t, e, "\x16\x03\x01\x02\x00\x01\x00") },
		"half a head":  func(t *testing.T, e *entrance) { in(t, e, plain[:20]) },
	}
}

// TestEndAtEveryStage stops each kind of relay while it has a connection at each stage.
func TestEndAtEveryStage(t *testing.T) {
	for name, open := range entrances(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			for _, all := range []map[string]reaching{stages(), beginnings()} {
				for _, reach := range all {
					reach(t, e)
				}
			}
			e.end()
		})
	}
}

// TestEndWhileALookupHangs checks that a lookup that never returns does not keep the relay from
// stopping.
func TestEndWhileALookupHangs(t *testing.T) {
	asked := make(chan struct{}, 2)
	r, proxy := forwardedBy(t, func(r *Relay) { r.Limits.Drain, r.Limits.Dial = soon, time.Hour }, func(f *Forward) {
		f.Hosts = []string{"slow.test:*"}
		f.lookup = func(ctx context.Context, _ string) ([]netip.Addr, error) {
			asked <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	for _, request := range requests("slow.test:80")[1:3] {
		send(t, dial(t, proxy), request)
		<-asked
	}
	r.end()
}
