package proxy

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
	"github.com/interlock-proxy/interlock/wire"
)

// eagerly returns the configurations in which the relay knows the backend before the client has
// sent anything.
func eagerly(t *testing.T) map[string]func(t *testing.T, change func(*Relay)) *relayed {
	by := func(set func(*Relay)) func(t *testing.T, change func(*Relay)) *relayed {
		return func(t *testing.T, change func(*Relay)) *relayed {
			return relay(t, func(r *Relay) {
				r.Backend.Eager, r.Limits.Drain = true, soon
				set(r)
				change(r)
			})
		}
	}
	return map[string]func(t *testing.T, change func(*Relay)) *relayed{
		"event loop": by(func(*Relay) {}),
		"goroutines": by(func(r *Relay) { r.hooks.goroutines = true }),
		"guard":      by(func(r *Relay) { r.Backend.Guard = func(*wire.Exchange) error { return nil } }),
		"name": by(func(r *Relay) {
			_, port, _ := net.SplitHostPort(r.Backend.String())
			r.Backend.Addresses = []string{"localhost:" + port}
		}),
		"PROXY protocol": by(func(r *Relay) { r.Backend.ProxyProtocol = 1 }),
		"routes":         by(func(r *Relay) { r.Choose = func(*Arrival) (*Backend, string) { return r.Backend, "" } }),
	}
}

func unchanged(*Relay) {}

// introduction reads the PROXY protocol header, if there is one.
func introduction(t *testing.T, r *relayed, backend net.Conn) {
	t.Helper()
	for b := make([]byte, 1); r.Backend.ProxyProtocol != 0 && b[0] != '\n'; {
		if _, err := backend.Read(b); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEagerBackendIsDialledAtOnce checks that an eager backend is dialled for a silent client, and
// that everything else works as usual.
func TestEagerBackendIsDialledAtOnce(t *testing.T) {
	for name, open := range eagerly(t) {
		t.Run(name, func(t *testing.T) {
			r := open(t, unchanged)
			client := r.dial()
			backend := r.accept()
			introduction(t, r, backend)
			send(t, client, handshake)
			expect(t, backend, handshake)
			send(t, backend, switching+"\x81\x02hi")
			expect(t, client, switching+"\x81\x02hi")
			send(t, client, "more")
			expect(t, backend, "more")
			client.Close()
			expectEnd(t, backend, "")
			backend.Close()
			x := r.await("the tunnel's end", func(f []*wire.Exchange) bool { return len(f) == 1 && f[0].Final })[0]
			if x.Outcome != wire.Switched || string(x.Request.Raw) != handshake || string(x.After.Client) != "more" {
				t.Errorf("got %+v", x)
			}
		})
	}
}

// TestEagerBackendMaySpeakFirst checks that a protocol other than HTTP is relayed unchanged. The
// guard is left out, because it blocks what it cannot parse.
func TestEagerBackendMaySpeakFirst(t *testing.T) {
	for name, open := range eagerly(t) {
		if name == "guard" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			r := open(t, unchanged)
			client := r.dial()
			backend := r.accept()
			introduction(t, r, backend)
			send(t, backend, "220 hello\r\n")
			expect(t, client, "220 hello\r\n")
			send(t, client, "EHLO a\r\n")
			expect(t, backend, "EHLO a\r\n")
			send(t, backend, "250 a\r\n")
			expect(t, client, "250 a\r\n")
		})
	}
}

// TestEagerBackendThatLosesPatience checks that a silent client is closed at once when its backend
// closes, and the other way round.
func TestEagerBackendThatLosesPatience(t *testing.T) {
	for name, open := range eagerly(t) {
		t.Run(name, func(t *testing.T) {
			r := open(t, unchanged)
			client := r.dial()
			backend := r.accept()
			introduction(t, r, backend)
			backend.Close()
			expectEnd(t, client, "")
			client = r.dial()
			backend = r.accept()
			introduction(t, r, backend)
			client.Close()
			expectEnd(t, backend, "")
			r.dial()
			r.accept()
			r.end() // while a client is waiting
		})
	}
}

// TestEagerBackendThatIsDown checks that a silent client gets no error response, and that the
// backend is dialled again when the client sends a request.
func TestEagerBackendThatIsDown(t *testing.T) {
	slow := deaf(t)
	for name, open := range eagerly(t) {
		t.Run(name, func(t *testing.T) {
			for status, change := range map[string]func(*Relay){
				"502 Bad Gateway":     func(r *Relay) { r.Backend.Addresses = []string{"127.0.0.1:1"} },
				"504 Gateway Timeout": func(r *Relay) { r.Backend.Addresses, r.Limits.Dial = []string{slow}, 20*time.Millisecond },
			} {
				r := open(t, change)
				client := r.dial()
				client.SetReadDeadline(time.Now().Add(60 * time.Millisecond))
				if n, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: read %d, %v", status, n, err)
				}
				client.SetReadDeadline(time.Now().Add(patience))
				send(t, client, plain)
				answer := make([]byte, 64)
				if n, err := client.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 "+status) {
					t.Errorf("%s: got %q, %v", status, answer[:n], err)
				}
				client.Close()
			}
		})
	}
}

// TestEagerBackendThatComesUp has the dial before the client's request fail, and the dial after it
// succeed.
func TestEagerBackendThatComesUp(t *testing.T) {
	for name, open := range eagerly(t) {
		t.Run(name, func(t *testing.T) {
			free, err := ports.Free(1)
			if err != nil {
				t.Fatal(err)
			}
			address := free[0]
			r := open(t, func(r *Relay) { r.Backend.Addresses = []string{address} })
			client := r.dial()
			for deadline := time.Now().Add(patience); r.Backend.next.Load() == 0 && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			r.backend.Close()
			if r.backend, err = net.Listen("tcp", address); err != nil {
				t.Fatal(err)
			}
			defer r.backend.Close()
			send(t, client, plain)
			backend := r.accept()
			introduction(t, r, backend)
			expect(t, backend, plain)
			send(t, backend, answer)
			expect(t, client, answer)
		})
	}
}

// TestNoBackendIsDialledEarlyThatAHeadMayChange checks that even an eager backend is not dialled
// before the request if the request may select another one.
func TestNoBackendIsDialledEarlyThatAHeadMayChange(t *testing.T) {
	other := listenOn(t)
	r := relay(t, func(r *Relay) {
		r.Backend.Eager = true
		b := &Backend{Route: "other", Addresses: []string{other.Addr().String()}, Eager: true}
		r.Others, r.Choose = []*Backend{b}, func(a *Arrival) (*Backend, string) {
			if a.Early {
				return nil, ""
			}
			return b, ""
		}
	})
	client := r.dial()
	send(t, client, plain)
	other.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	backend, err := other.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	expect(t, backend, plain)
	r.backend.(*net.TCPListener).SetDeadline(time.Now())
	if _, err := r.backend.Accept(); err == nil {
		t.Error("the default backend was dialled")
	}
}

func listenOn(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}
