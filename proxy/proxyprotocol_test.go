package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/pires/go-proxyproto"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func TestClientIsIntroduced(t *testing.T) {
	a := newAuthority(t)
	client := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4711}
	for _, version := range []byte{1, 2} {
		for _, secure := range []bool{false, true} {
			s := &secured{}
			cert := a.issue(t)
			s.relayed = relay(t, func(r *Relay) { r.Backend.ProxyProtocol = version }, func(l *Listener) {
				l.Trusted = loopback
				if secure {
					l.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
					s.client = &tls.Config{RootCAs: a.pool, ServerName: "localhost"}
				}
			})
			tcp := s.dial()
			header := proxyproto.HeaderProxyFromAddrs(version, client, tcp.RemoteAddr())
			text, err := header.Format()
			if err != nil {
				t.Fatal(err)
			}
			var conn end = tcp
			if secure {
				send(t, tcp, string(text))
				conn = tls.Client(tcp, s.client)
				send(t, conn, handshake)
			} else {
				send(t, tcp, string(text)+handshake) // in one segment
			}
			backend := s.accept()
			reader := bufio.NewReader(backend)
			got, err := proxyproto.Read(reader)
			if err != nil || got.SourceAddr.String() != client.String() || got.Version != version {
				t.Fatalf("version %d: the backend was told %+v, %v", version, got, err)
			}
			request := make([]byte, len(handshake))
			if _, err := io.ReadFull(reader, request); err != nil || string(request) != handshake {
				t.Errorf("version %d, tls %t: got %q, %v", version, secure, request, err)
			}
			send(t, backend, switching)
			expect(t, conn, switching)
			conn.Close()
			backend.Close()
			s.end()
			if x := s.all(); len(x) != 1 || x[0].Client != client.String() || len(x[0].Altered) != 1 || x[0].Altered[0] != "proxy-protocol" {
				t.Errorf("reported %+v", x)
			}
		}
	}
}

func TestWhoMustIntroduceAndDoesNotIsDropped(t *testing.T) {
	r := relay(t, nil, func(l *Listener) { l.Trusted = loopback })
	client := r.dial()
	send(t, client, handshake)
	if got, _ := io.ReadAll(client); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func TestUntrustedPeersSendNoPROXYHeader(t *testing.T) {
	r := relay(t, nil, func(l *Listener) { l.Trusted = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	client := r.dial()
	const line = "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n"
	send(t, client, line+plain)
	expect(t, r.accept(), line+plain) // the header is relayed as ordinary bytes
}
