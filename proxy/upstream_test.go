package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"

	"github.com/interlock-proxy/interlock/wire"
)

// TestEverythingGoesThroughTheUpstreamProxy uses one forward listener as the upstream proxy of
// another.
func TestEverythingGoesThroughTheUpstreamProxy(t *testing.T) {
	inner, outer := newAuthority(t), newAuthority(t)
	secure := echoing(t, inner)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Proxy-Authorization") != "" {
			t.Error("the host got credentials of a proxy")
		}
		io.WriteString(w, "plain")
	}))
	defer plain.Close()
	var near, far dials
	up, upstream := forwardedBy(t, func(r *Relay) { r.Backend, r.Others = To(secure), []*Backend{To(plain.Listener.Addr().String())} },
		func(f *Forward) { f.Users, f.dialled = map[string]string{"ann": "s3 cret"}, far.note })
	r, proxy := forwardedBy(t, nil, func(f *Forward) {
		f.CA, f.TLS, f.Hosts, f.dialled = outer.certificate(), &tls.Config{RootCAs: inner.pool}, []string{"127.0.0.1:*"}, near.note
		f.Upstream = &url.URL{Scheme: "http", Host: upstream, User: url.UserPassword("ann", "s3 cret")}
	})
	throughProxy := http.ProxyURL(&url.URL{Scheme: "http", Host: proxy})
	ws, response, err := (&gorilla.Dialer{Proxy: throughProxy, TLSClientConfig: &tls.Config{RootCAs: outer.pool}}).Dial("wss://"+secure+"/echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if err := ws.WriteMessage(gorilla.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := ws.ReadMessage(); string(got) != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	ws.Close()
	for _, request := range requests(plain.Listener.Addr().String())[:3] {
		if status, text := answered(t, proxy, request); status != 200 || text != "plain" {
			t.Errorf("%q: got %d %q", request, status, text)
		}
	}
	if x := r.await("the tunnel's end", func(f []*wire.Exchange) bool { return len(f) > 0 && f[0].Final })[0]; x.Outcome != wire.Switched || x.Backend != secure {
		t.Errorf("got %+v", x)
	}
	if near.String() != "[]" || far.String() == "[]" || up.Counts.TLS.Load() != 1 {
		t.Errorf("dialled %s itself, %s from the upstream proxy", &near, &far)
	}
	if status, text := answered(t, proxy, requests("10.0.0.1:80")[0]); status != 403 {
		t.Errorf("out of scope: got %d %q", status, text)
	}
}

// TestUpstreamProxyReadsOrdinaryRequests sends requests with absolute-form targets to the upstream
// proxy, because many proxies open tunnels only to port 443.
func TestUpstreamProxyReadsOrdinaryRequests(t *testing.T) {
	upstream := relay(t, nil) // this relay's backend acts as the upstream proxy
	_, proxy := forwardedBy(t, nil, func(f *Forward) {
		f.Hosts = []string{"a.test"}
		f.Upstream = &url.URL{Scheme: "http", Host: upstream.backend.Addr().String(), User: url.UserPassword("ann", "s3 cret")}
	})
	client := dial(t, proxy)
	send(t, client, "GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\nProxy-Connection: keep-alive\r\nX: y\r\n\r\n")
	peer := upstream.accept()
	expect(t, peer, "GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\nX: y\r\nProxy-Authorization: Basic "+basic("ann:s3 cret")+"\r\nConnection: close\r\n\r\n")
	send(t, peer, answer)
	expectEnd(t, client, answer)
}

// TestUpstreamProxyThatFails checks that the error names the upstream proxy in one line.
func TestUpstreamProxyThatFails(t *testing.T) {
	for name, each := range map[string]struct{ says, want string }{
		"refuses":      {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 9\r\n\r\n<b>no</b>", `upstream proxy: it answered CONNECT with "407"`},
		"endless":      {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 1<<17), "upstream proxy: its answer is too long"},
		"no http":      {"SSH-2.0-hello\r\n\r\n", "upstream proxy: malformed"},
		"hangs up":     {"", "upstream proxy: it closed the connection"},
		"in the midst": {"HTTP/1.1 200", "upstream proxy: "},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			if _, err := conn.Read(make([]byte, 4096)); err == nil {
				io.WriteString(conn, each.says)
			}
		}()
		_, proxy := forwardedBy(t, nil, func(f *Forward) {
			f.Hosts, f.Upstream = []string{"a.test"}, &url.URL{Scheme: "http", Host: ln.Addr().String()}
		})
		if status, text := answered(t, proxy, requests("a.test:80")[0]); status != 502 || !strings.Contains(text, each.want) || strings.Count(text, "\n") != 1 {
			t.Errorf("%s: got %d %q, want %q", name, status, text, each.want)
		}
		<-done
		ln.Close()
	}
}

// TestUpstreamProxyThatIsSilent checks that the client waits only for the dial timeout.
func TestUpstreamProxyThatIsSilent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, proxy := forwardedBy(t, func(r *Relay) { r.Limits.Dial = 50 * time.Millisecond }, func(f *Forward) {
		f.Hosts, f.Upstream = []string{"a.test"}, &url.URL{Scheme: "http", Host: ln.Addr().String()}
	})
	if status, text := answered(t, proxy, requests("a.test:80")[0]); status != 504 {
		t.Errorf("got %d %q", status, text)
	}
}

func TestUpstreamProxyThatIsTheListenerItself(t *testing.T) {
	r := relay(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &Forward{Relay: r.Relay, Upstream: &url.URL{Scheme: "http", Host: ln.Addr().String()}}
	if err := f.Serve(t.Context(), ln); err == nil || !strings.Contains(err.Error(), "upstream proxy") || !strings.Contains(err.Error(), "itself") {
		t.Errorf("got %v", err)
	}
}
