package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/interlock-proxy/interlock/wire"
)

// names is a name server whose answers change.
type names struct {
	mu     sync.Mutex
	to     netip.Addr // the address of every name; if invalid there is no address
	code   dnsmessage.RCode
	silent bool
}

func (n *names) set(code dnsmessage.RCode, to string, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.code, n.silent, n.to = code, silent, netip.Addr{}
	if to != "" {
		n.to = netip.MustParseAddr(to)
	}
}

// answer returns the response to a question, or nil for no response.
func (n *names) answer(question []byte) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || n.silent || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true, RCode: n.code}
	m.Additionals = nil
	if q.Type == dnsmessage.TypeA && n.to.IsValid() && n.code == dnsmessage.RCodeSuccess {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: n.to.As4()},
		}}
	}
	packed, err := m.Pack()
	if err != nil {
		return nil
	}
	return packed
}

// resolve sends all lookups to a name server of the test.
func resolve(t *testing.T) *names {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n, done := &names{}, make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 1500); ; {
			count, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			if answer := n.answer(b[:count]); answer != nil {
				server.WriteTo(answer, from)
			}
		}
	}()
	var mu sync.Mutex
	var asking []net.Conn // queries without an answer time out after seconds
	over, system := false, net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
		mu.Lock()
		defer mu.Unlock()
		if err != nil || over {
			return nil, errors.Join(err, net.ErrClosed)
		}
		asking = append(asking, conn)
		return conn, nil
	}}
	t.Cleanup(func() {
		net.DefaultResolver = system
		mu.Lock()
		over = true
		for _, conn := range asking {
			conn.Close()
		}
		mu.Unlock()
		server.Close()
		<-done
	})
	return n
}

// TestNamesThatChange has the lookup of a backend's name fail in every way, recover, and return
// another address. Open connections stay; new ones go to the current address.
func TestNamesThatChange(t *testing.T) {
	n := resolve(t)
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		n.set(dnsmessage.RCodeSuccess, "127.0.0.1", false)
		r := relay(t, func(r *Relay) {
			driver(r)
			_, port, _ := net.SplitHostPort(r.Backend.String())
			r.Backend, r.Limits.Dial = To("app.interlock.test:"+port), 2*time.Second
		})
		_, port, _ := net.SplitHostPort(r.Backend.String())
		other, err := net.Listen("tcp", "127.0.0.2:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		client, backend := r.switchedOver()

		for _, each := range []struct {
			code   dnsmessage.RCode
			silent bool
			want   string
		}{
			{dnsmessage.RCodeNameError, false, "502 Bad Gateway"},
			{dnsmessage.RCodeServerFailure, false, "502 Bad Gateway"},
			{dnsmessage.RCodeSuccess, false, "502 Bad Gateway"}, // without an address
			{dnsmessage.RCodeSuccess, true, "504 Gateway Timeout"},
		} {
			n.set(each.code, "", each.silent)
			late := r.dial()
			send(t, late, plain)
			text, err := io.ReadAll(late)
			if !strings.HasPrefix(string(text), "HTTP/1.1 "+each.want) || !strings.Contains(string(text), "cannot reach backend") || err != nil {
				t.Errorf("%v, silent %t: got %q, %v", each.code, each.silent, text, err)
			}
		}

		n.set(dnsmessage.RCodeSuccess, "127.0.0.2", false)
		late := r.dial()
		send(t, late, handshake)
		other.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
		moved, err := other.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer moved.Close()
		expect(t, moved, handshake)
		send(t, moved, switching)
		expect(t, late, switching)

		send(t, client, "still")
		expect(t, backend, "still")
		for _, x := range r.all() {
			if x.Outcome != wire.Switched {
				t.Errorf("got %s", x.Outcome)
			}
		}
	})
}
