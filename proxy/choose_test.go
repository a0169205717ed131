package proxy

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
	"github.com/interlock-proxy/interlock/wire"
)

// byHost returns a function that chooses the backend whose route equals the request's Host.
func byHost(backends ...*Backend) func(*Arrival) (*Backend, string) {
	return func(a *Arrival) (*Backend, string) {
		if a.Request == nil || a.Request.Count("Host") != 1 {
			return nil, "the request names no host of this listener"
		}
		for v := range a.Request.Values("Host") {
			for _, b := range backends {
				if b.Route == string(a.Request.Text(v)) {
					return b, ""
				}
			}
		}
		return nil, "no route has this host"
	}
}

func ask(host string) string {
	return strings.Replace(handshake, "staging.test", host, 1)
}

func TestBackendIsChosenByHost(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		var other net.Listener
		r := relay(t, func(r *Relay) {
			driver(r)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			other = ln
			a, b := &Backend{Route: "a.test", Addresses: r.Backend.Addresses}, &Backend{Route: "b.test", Addresses: []string{ln.Addr().String()}}
			r.Choose = byHost(a, b)
		})
		defer other.Close()
		client := r.dial()
		for _, piece := range []string{ask("b.test")[:20], ask("b.test")[20:]} { // the first head arrives in two pieces
			send(t, client, piece)
		}
		other.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
		backend, err := other.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer backend.Close()
		expect(t, backend, ask("b.test"))
		send(t, backend, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		expect(t, client, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		send(t, client, ask("a.test")) // a request for the other backend; the connection stays with its first one
		expect(t, backend, ask("a.test"))
		send(t, backend, switching)
		expect(t, client, switching)
		client.Close()
		expectEnd(t, backend, "")
		backend.Close()
		r.end()
		found := r.all()
		if len(found) != 2 || found[0].Route != "b.test" || found[0].Elsewhere != "" || found[1].Route != "b.test" || found[1].Elsewhere != "a.test" {
			t.Fatalf("reported %+v", found)
		}
		if found[0].Backend != other.Addr().String() {
			t.Errorf("reported backend %s", found[0].Backend)
		}
	})
}

func TestWithoutARouteTheClientIsTold(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		for name, sent := range map[string]string{
			"unknown host": ask("c.test"), "two hosts": strings.Replace(ask("a.test"), "Host:", "Host: b.test\r\nHost:", 1),
			"no http": "\x16\x03\x01\x00\x05hello",
		} {
			r := relay(t, func(r *Relay) {
				driver(r)
				r.Choose = byHost(&Backend{Route: "a.test", Addresses: r.Backend.Addresses})
			})
			client := r.dial()
			send(t, client, sent)
			got, err := io.ReadAll(client)
			if want := "HTTP/1.1 421 "; err != nil || name != "no http" && !bytes.HasPrefix(got, []byte(want)) {
				t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
			}
			r.end()
			for _, x := range r.all() {
				if x.Outcome != wire.Local {
					t.Errorf("%s: reported as %s", name, x.Outcome)
				}
			}
		}
	})
}

func TestAddressesAreTakenInTurn(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		var other net.Listener
		r := relay(t, func(r *Relay) {
			driver(r)
			gone, err := ports.Free(1)
			if err != nil {
				t.Fatal(err)
			}
			if other, err = net.Listen("unix", t.TempDir()+"/backend"); err != nil {
				t.Fatal(err)
			}
			r.Backend = &Backend{Addresses: []string{r.Backend.String(), gone[0], "unix:" + other.Addr().String()}}
		})
		defer other.Close()
		accepted := make(chan net.Conn, 6) // room for every connection
		for _, ln := range []net.Listener{r.backend, other} {
			go func() {
				for {
					c, err := ln.Accept()
					if err != nil {
						return
					}
					accepted <- c
				}
			}()
		}
		const refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
		seen := map[string]int{}
		for range cap(accepted) {
			client := r.dial()
			send(t, client, handshake)
			backend := <-accepted
			seen[backend.LocalAddr().Network()]++
			expect(t, backend, handshake)
			send(t, backend, refusal)
			backend.Close()
			expectEnd(t, client, refusal)
			client.Close()
		}
		if seen["tcp"] == 0 || seen["unix"] == 0 {
			t.Errorf("connections went to %v", seen)
		}
	})
}
