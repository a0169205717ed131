//go:build e2e

package e2e

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/tlsrec"
)

// A kept is what the API says of a tunnel that is over.
type kept struct {
	After struct {
		Closed string
	}
	HTTP2      *h2.Facts
	TLSRecords *tlsrec.Facts
	Diagnoses  []struct{ ID, Text string }
}

// keptTunnel waits until the end of a tunnel is stored.
func keptTunnel(t *testing.T, p *process, id string) (x kept) {
	t.Helper()
	for deadline := time.Now().Add(patience); x.After.Closed == ""; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the end of tunnel %s is not stored", id)
		}
		if err := json.Unmarshal(get(t, p, "/api/v1/exchanges/"+id), &x); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// framesOfH2C checks what the frames of an h2c tunnel show in which one response came.
func framesOfH2C(t *testing.T, p *process, id string) {
	t.Helper()
	f := keptTunnel(t, p, id).HTTP2
	if f == nil {
		t.Fatal("the frames were not read")
	}
	left := f.Sides[h2.Client].GoAway != nil // maybe before the server has acknowledged its settings
	for from := range f.Sides {
		if s := &f.Sides[from]; s.Fault != nil || s.Lost || s.Cut || s.Preface != (from == int(h2.Client)) || s.Frames[h2.Settings] == 0 || s.Acks.Settings == 0 && !(left && from == int(h2.Server)) {
			t.Errorf("%s: %+v, fault %+v", h2.Side(from), s, s.Fault)
		}
	}
	if s := &f.Sides[h2.Server]; s.Frames[h2.Headers] == 0 || s.Data < int64(len(items)) || s.Ended == 0 {
		t.Errorf("%+v", s)
	}
}

// tlsAfter101 answers a request with a 101 to TLS and continues in TLS 1.2, as RFC 2817 §3.3 has it. It
// returns its address and the certificate that it shows.
func tlsAfter101(t *testing.T) (string, *x509.Certificate) {
	t.Helper()
	site := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(site.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	config := &tls.Config{Certificates: site.TLS.Certificates, MaxVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n")
				inner := tls.Server(conn, config)
				defer inner.Close()
				if _, err := http.ReadRequest(bufio.NewReader(inner)); err == nil {
					io.WriteString(inner, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
				}
			}()
		}
	}()
	return listener.Addr().String(), site.Certificate()
}

func TestRecordsOfTLSAfterA101(t *testing.T) {
	t.Parallel()
	backend, certificate := tlsAfter101(t)
	for _, trusts := range []bool{true, false} {
		p := serve(t, backend)
		conn, err := net.Dial("tcp", p.listen)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: example.com\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n")
		if head, err := http.ReadResponse(bufio.NewReaderSize(conn, 1), nil); err != nil || head.StatusCode != 101 { // nothing follows before the client's hello
			t.Fatalf("got %v, %v", head, err)
		}
		roots := x509.NewCertPool()
		if trusts {
			roots.AddCert(certificate)
		}
		inner := tls.Client(conn, &tls.Config{ServerName: "example.com", RootCAs: roots, NextProtos: []string{"http/1.1"}})
		if err := inner.Handshake(); (err == nil) != trusts {
			t.Fatalf("trusts %v: %v", trusts, err)
		}
		if trusts {
			io.WriteString(inner, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
			if got, err := io.ReadAll(inner); err != nil || !strings.HasSuffix(string(got), "ok") {
				t.Fatalf("got %q, %v", got, err)
			}
		}
		inner.Close()
		conn.Close()
		closed := p.message(t, "tunnel closed")
		x := keptTunnel(t, p, closed.Exchange)
		if x.TLSRecords == nil {
			t.Fatal("the records were not read")
		}
		client, server := &x.TLSRecords.Sides[tlsrec.Client], &x.TLSRecords.Sides[tlsrec.Server]
		if h := client.Hello; client.Fault != nil || server.Fault != nil || h == nil || h.ServerName != "example.com" || len(h.ALPN) != 1 || server.Hello == nil || server.Hello.Versions[0] != tls.VersionTLS12 {
			t.Errorf("trusts %v: %+v, %+v, hello %+v", trusts, client, server, h)
		}
		alert := client.Alert
		if trusts {
			if client.Records[tlsrec.Application] == 0 || server.Records[tlsrec.Application] == 0 || alert == nil || !alert.Sealed || len(x.Diagnoses) > 1 {
				t.Errorf("%+v, %+v, alert %+v, %+v", client, server, alert, x.Diagnoses)
			}
			continue
		}
		if alert == nil || alert.Sealed || !alert.Fatal || len(x.Diagnoses) == 0 || x.Diagnoses[0].ID != "tunnel-tls-alert" {
			t.Errorf("alert %+v, %+v", alert, x.Diagnoses)
		}
	}
}
