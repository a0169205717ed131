package lab

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestGatewaysForwardRequests sends many requests at once over one connection in HTTP/2, with responses larger than
// the windows, and expects each answer whole.
func TestGatewaysForwardRequests(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 20<<10)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.Header.Get("Via") != "2.0 lab" {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write(big)
	}))
	defer site.Close()
	gateway, err := StartHop("h2-gateway", site.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer gateway.Close()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			p, err := transport.RoundTrip(httptest.NewRequest(http.MethodGet, "http://"+gateway.Addr+"/a", nil))
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Body.Close()
			if body, err := io.ReadAll(p.Body); err != nil || p.StatusCode != http.StatusOK || !bytes.Equal(body, big) {
				t.Errorf("got status %d, %d bytes, %v", p.StatusCode, len(body), err)
			}
		})
	}
	all.Wait()
	for path, want := range map[string]int{HopRejects: http.StatusForbidden, HopDemands + "?a": http.StatusUnauthorized} {
		p, err := transport.RoundTrip(httptest.NewRequest(http.MethodGet, "http://"+gateway.Addr+path, nil))
		if err != nil {
			t.Fatal(err)
		}
		p.Body.Close()
		if p.StatusCode != want {
			t.Errorf("%s: got status %d, want %d", path, p.StatusCode, want)
		}
	}
}

// TestProxiesEndWhenClosed closes every proxy while clients have sent what is not HTTP, or the half of it, and a
// request that the backend does not answer. Nothing of it is alive then.
func TestProxiesEndWhenClosed(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it accepts in the kernel only
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, p := range Proxies() {
		if _, err := Find(p.Name); err == nil && strings.HasPrefix(p.Name, "h2-") {
			t.Errorf("%s is the name of a backend too", p.Name)
		}
		before := goleak.IgnoreCurrent()
		hop, err := StartHop(p.Name, silent.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{
			h2Preface[:5], h2Preface, h2Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\xff\xff\x01\x00\x00\x00\x00\x01", h2Preface + strings.Repeat("\xff", 64),
			"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01", "GET / HT",
		} {
			conn, err := net.DialTimeout("tcp", hop.Addr, 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
		}
		hop.Close()
		if err := goleak.Find(before); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	if _, err := StartHop("none", "127.0.0.1:1"); err == nil {
		t.Error("a proxy without a name was started")
	}
}
