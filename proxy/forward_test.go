package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// forwarded starts a relay that also has a forward listener.
func forwarded(t *testing.T, change func(*Relay)) (r *relayed, addr string) {
	t.Helper()
	return forwardedBy(t, change, nil)
}

// forwardedBy is like forwarded; set may change the forward listener.
func forwardedBy(t *testing.T, change func(*Relay), set func(*Forward)) (r *relayed, addr string) {
	t.Helper()
	r = relay(t, change)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	f := &Forward{Relay: r.Relay}
	if set != nil {
		set(f)
	}
	go func() { served <- f.Serve(ctx, ln) }()
	r.forward = sync.OnceFunc(func() {
		stop()
		select {
		case err := <-served:
			if err != nil {
				t.Errorf("serve forward: %v", err)
			}
		case <-time.After(patience):
			t.Error("the forward listener does not end")
		}
	})
	t.Cleanup(r.forward)
	return r, ln.Addr().String()
}

// through opens a tunnel by CONNECT.
func through(t testing.TB, proxy, authority string) *net.TCPConn {
	t.Helper()
	conn := dial(t, proxy)
	send(t, conn, "CONNECT "+authority+" HTTP/1.1\r\nHost: "+authority+"\r\n\r\n")
	expect(t, conn, established)
	return conn
}

const established = "HTTP/1.1 200 Connection Established\r\n\r\n"

func TestConnectGoesTheWayOfTheRelay(t *testing.T) {
	r, addr := forwarded(t, nil)
	client := dial(t, addr)
	// One segment has the CONNECT and the request; no byte after the CONNECT may be lost.
	send(t, client, "CONNECT "+r.Backend.String()+" HTTP/1.1\r\nHost: "+r.Backend.String()+"\r\n\r\n"+handshake)
	backend := r.accept()
	expect(t, backend, handshake)
	expect(t, client, "HTTP/1.1 200 Connection Established\r\n\r\n")
	send(t, backend, switching+"\x81\x02hi")
	expect(t, client, switching+"\x81\x02hi")
	send(t, client, "more")
	expect(t, backend, "more")
	client.Close()
	expectEnd(t, backend, "")
	backend.Close()
	x := r.await("the tunnel's end", func(f []*wire.Exchange) bool { return len(f) == 1 && f[0].Final })[0]
	if x.Outcome != wire.Switched || string(x.Request.Raw) != handshake || string(x.After.Client) != "more" || x.Far != nil {
		t.Errorf("got %+v", x)
	}
}

func TestAbsoluteFormWithUpgradeGoesTheWayOfTheRelay(t *testing.T) {
	r, addr := forwarded(t, nil)
	client := dial(t, addr)
	far := strings.Replace(handshake, "\r\n\r\n", "\r\nX-A:  b\r\n\r\n", 1)
	near := strings.Replace(far, "GET /chat", "GET HTTP://"+r.Backend.String()+"/chat", 1)
	near = strings.Replace(near, "Connection:", "Proxy-Connection: keep-alive\r\nproxy-authorization:  Basic YTpi\r\nConnection:", 1)
	send(t, client, near)
	backend := r.accept()
	expect(t, backend, far)
	send(t, backend, switching)
	expect(t, client, switching)
	x := r.await("the switch", func(f []*wire.Exchange) bool { return len(f) == 1 })[0]
	if string(x.Request.Raw) != near || x.Far == nil || string(x.Far.Raw) != far || fmt.Sprint(x.Altered) != "[forward]" {
		t.Errorf("got %+v", x)
	}
}

func TestOrdinaryRequestsAreForwarded(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		fmt.Fprintf(w, "%s %s %s", q.Method, q.URL, body)
	}))
	defer origin.Close()
	r, addr := forwarded(t, func(r *Relay) { r.Backend = To(origin.Listener.Addr().String()) })
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: addr})}
	defer transport.CloseIdleConnections()
	for range 3 {
		response, err := (&http.Client{Transport: transport}).Post("http://"+r.Backend.String()+"/a?b", "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(text) != "POST /a?b body" || !response.Close {
			t.Errorf("got %q, close %v", text, response.Close)
		}
	}
}

// TestOrdinaryRequestsAreJudgedByTheirAnswers sends requests with an absolute-form target, which
// may also be answered by a 101. The proxy adds Connection: close, and closes the connection even
// if the backend does not, because the client's next request may be for another host.
func TestOrdinaryRequestsAreJudgedByTheirAnswers(t *testing.T) {
	const refusal = "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 7\r\n\r\nupgrade"
	r, addr := forwarded(t, nil)
	near := strings.Replace(plain, "/items", "http://"+r.Backend.String()+"/items", 1)
	far := strings.Replace(plain, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
	for _, says := range []string{answer, refusal, switching} {
		client := dial(t, addr)
		send(t, client, near)
		backend := r.accept()
		expect(t, backend, far)
		send(t, backend, says)
		if says != switching {
			expectEnd(t, client, says)
			continue
		}
		expect(t, client, says)
		send(t, client, "what")
		expect(t, backend, "what")
	}
	found := r.await("a refusal and a switch", func(f []*wire.Exchange) bool { return len(f) == 2 })
	if found[0].Response.Status != 426 || found[0].Cause != "" || found[1].Outcome != wire.Switched || string(found[1].Far.Raw) != far {
		t.Errorf("got %+v, %+v", found[0], found[1])
	}
}

// TestGuardWatchesOrdinaryRequestsToo checks that an unrequested 101 does not reach a client whose
// request has an absolute-form target.
func TestGuardWatchesOrdinaryRequestsToo(t *testing.T) {
	r, addr := forwarded(t, func(r *Relay) { r.Backend.Guard = func(*wire.Exchange) error { return errors.New("unsafe") } })
	client := dial(t, addr)
	send(t, client, strings.Replace(plain, "/items", "http://"+r.Backend.String()+"/items", 1))
	send(t, r.accept(), switching)
	if text, err := io.ReadAll(client); !strings.HasPrefix(string(text), "HTTP/1.1 502 ") || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestTLSInsideConnectIsCarriedBlind(t *testing.T) {
	origin := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") }))
	defer origin.Close()
	r, addr := forwarded(t, func(r *Relay) { r.Backend = To(origin.Listener.Addr().String()) })
	transport := origin.Client().Transport.(*http.Transport).Clone()
	transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: addr})
	transport.TLSClientConfig.NextProtos = nil
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get(origin.URL)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if string(text) != "secret" || response.TLS.Version < tls.VersionTLS12 {
		t.Errorf("got %q", text)
	}
	if r.Counts.TLS.Load() != 1 || r.Counts.Opaque.Load() != 1 {
		t.Errorf("counted %d TLS, %d opaque connections", r.Counts.TLS.Load(), r.Counts.Opaque.Load())
	}
}

func TestOnlyTheBackendIsReachable(t *testing.T) {
	r, addr := forwarded(t, nil)
	_, port, _ := net.SplitHostPort(r.Backend.String())
	for _, authority := range []string{"example.test:443", "127.0.0.1:1", "localhost:" + port, "127.1:" + port, "2130706433:" + port, "0x7f.1:" + port, "[::1]:" + port, "[::ffff:127.0.0.1]:" + port, "127.0.0.1.:" + port, "169.254.169.254:80", "a@" + r.Backend.String()} {
		for _, request := range []string{
			"CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n",
			"GET http://" + authority + "/ HTTP/1.1\r\nHost: " + authority + "\r\n\r\n",
			strings.Replace(handshake, "/chat", "http://"+authority+"/chat", 1),
			"GET https://" + authority + "/ HTTP/1.1\r\nHost: " + authority + "\r\n\r\n",
		} {
			client := dial(t, addr)
			send(t, client, request)
			response, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err != nil {
				t.Fatalf("%q: %v", request, err)
			}
			text, _ := io.ReadAll(response.Body)
			response.Body.Close()
			bad := response.StatusCode == 400 && strings.Contains(authority, "@") // net/http rejects it first
			if !bad && (response.StatusCode != 403 || !strings.Contains(string(text), "this proxy reaches")) {
				t.Errorf("%q: got %d %q", request, response.StatusCode, text)
			}
			client.Close()
		}
	}
	r.backend.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := r.backend.Accept(); err == nil {
		t.Error("something was dialled")
	}
	for _, x := range r.all() {
		if x.Outcome != wire.Local || x.Cause != wire.CauseScope {
			t.Errorf("got %s %s", x.Outcome, x.Cause)
		}
	}
}

func TestForwardListenerSaysWhatItIs(t *testing.T) {
	_, addr := forwarded(t, nil)
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n": "interlock: this is a proxy for",
		"\x16\x03\x01\x00\x05":              "interlock: what came is no HTTP/1 request",
	} {
		client := dial(t, addr)
		send(t, client, request)
		text, _ := io.ReadAll(client)
		if !strings.HasPrefix(string(text), "HTTP/1.1 400 ") || !strings.Contains(string(text), want) {
			t.Errorf("%q: got %q", request, text)
		}
	}
}

func TestBackendDownBehindTheForwardListener(t *testing.T) {
	r, addr := forwardedBy(t, func(r *Relay) { r.Backend = down(t) }, nil)
	for _, request := range []string{
		"GET http://" + r.Backend.String() + "/ HTTP/1.1\r\nHost: a\r\n\r\n",
		strings.Replace(handshake, "/chat", "http://"+r.Backend.String()+"/chat", 1),
	} {
		client := dial(t, addr)
		send(t, client, request)
		text, _ := io.ReadAll(client)
		if !strings.HasPrefix(string(text), "HTTP/1.1 502 Bad Gateway\r\n") || !strings.Contains(string(text), "cannot reach backend") {
			t.Errorf("%q: got %q", request, text)
		}
	}
}
