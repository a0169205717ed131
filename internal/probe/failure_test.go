package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// identity returns a certificate for 127.0.0.1 and a pool that trusts it.
func identity(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	own, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(own)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, pool
}

// secure serves over TLS. It calls answer with each connection after it has read a head.
func secure(t *testing.T, certificate tls.Certificate, answer func(conn *tls.Conn)) string {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{Listener: ln, t: t}
	b.serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			b.serving.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				buffer := make([]byte, 4096)
				if _, err := conn.Read(buffer); err == nil {
					answer(conn.(*tls.Conn))
				}
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		b.serving.Wait()
	})
	return ln.Addr().String()
}

func TestOverTLS(t *testing.T) {
	certificate, pool := identity(t)
	addr := secure(t, certificate, func(conn *tls.Conn) {
		if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
			t.Errorf("speaks %q", got)
		}
		io.WriteString(conn, switching("")+replies)
		io.Copy(io.Discard, conn)
	})
	target := Target{Address: addr, TLS: &tls.Config{RootCAs: pool}, Base: rules.NewHandshake("https", addr, "/", "")}
	l, _, err := probed(context.Background(), t, target, Settings{}, flaws("X"))
	if err != nil {
		t.Fatal(err)
	}
	if x := l.by["X"]; !x.ClientTLS || !x.BackendTLS || x.Outcome != wire.Switched || string(x.After.Server) != replies {
		t.Errorf("got %+v", x)
	}
	bare := secure(t, certificate, func(conn *tls.Conn) { conn.NetConn().Close() })
	target.Address = bare
	if a := once(t, target, flaw("X"), Settings{}); a.x == nil || !a.bare || a.x.Cause != wire.CauseServer {
		t.Errorf("a close without a byte is %+v", a)
	}
}

// TestTargetsThatCannotBeProbed checks that each kind has its own error, in one line.
func TestTargetsThatCannotBeProbed(t *testing.T) {
	certificate, pool := identity(t)
	secured := secure(t, certificate, func(conn *tls.Conn) { io.WriteString(conn, refusal) })
	page, alert := raw(t, refusal), raw(t, "\x15\x03\x01\x00\x02\x02\x46")
	closed, err := ports.Free(1) // reserved, so that no other test gets it
	if err != nil {
		t.Fatal(err)
	}
	ssh := raw(t, "SSH-2.0-OpenSSH_9.6\r\n")
	polite := raw(t, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
	trusting, doubting := &tls.Config{RootCAs: pool}, &tls.Config{}
	cases := map[string]struct {
		address string
		tls     *tls.Config
		want    error
	}{
		"no listener":             {closed[0], nil, ErrUnreachable},
		"no port":                 {"127.0.0.1", nil, ErrUnreachable},
		"no such socket":          {"unix:" + t.TempDir() + "/none", nil, ErrUnreachable},
		"no TLS there":            {page, trusting, ErrNoTLS},
		"an unknown certificate":  {secured, doubting, ErrCertificate},
		"TLS there":               {alert, nil, ErrWantsTLS},
		"TLS there, and a hint":   {polite, nil, ErrWantsTLS},
		"another protocol":        {ssh, nil, ErrNotHTTP},
		"HTTP/2":                  {raw(t, "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80"), nil, ErrOnlyHTTP2},
		"another, asked with TLS": {ssh, trusting, ErrNoTLS},
	}
	for name, c := range cases {
		target := Target{Address: c.address, TLS: c.tls, Base: rules.NewHandshake("http", "a", "/", "")}
		report, err := Run(context.Background(), target, Settings{}, many(3), func(*wire.Exchange) {}, nil)
		var failed *TargetError
		if !errors.As(err, &failed) || !errors.Is(failed.Kind, c.want) || !errors.Is(err, c.want) || report.Sent != 0 {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
			continue
		}
		if line := err.Error(); strings.Contains(line, "\n") || !strings.Contains(line, c.address) {
			t.Errorf("%s: %q", name, line)
		}
	}
}

// TestResponsesThatDoNotEndAreHTTP checks that a server whose head is slow or never complete can
// still be probed.
func TestResponsesThatDoNotEndAreHTTP(t *testing.T) {
	for _, begins := range []string{"H", "HTTP/1.1 400 Bad", "HTTP/1.1 102 Processing\r\n\r\n"} {
		target := Target{Address: raw(t, begins), Base: rules.NewHandshake("http", "a", "/", "")}
		report, err := Run(context.Background(), target, Settings{}, many(3), func(*wire.Exchange) {}, nil)
		if err != nil || report.Sent != 3 {
			t.Errorf("%q: got %v", begins, err)
			continue
		}
		interim := 0
		if strings.HasSuffix(begins, "\r\n\r\n") {
			interim = 1
		}
		if k := report.Controls[0]; !k.Begun || k.Waited != 2*time.Second || k.Exchange.Response != nil || len(k.Exchange.Interim) != interim {
			t.Errorf("%q: got %+v, %d interim responses", begins, k, len(k.Exchange.Interim))
		}
	}
}

// raw sends the same text to every client.
func raw(t *testing.T, text string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(patience))
			buffer := make([]byte, 4096)
			conn.Read(buffer)
			io.WriteString(conn, text)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
	return ln.Addr().String()
}
