package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/wire"
)

// certificate returns the CA certificate for a forward listener.
func (a *authority) certificate() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key}
}

// TestRelayIsTransparentInsideConnect plays the corpus inside a CONNECT tunnel, in plain text and
// inside intercepted TLS. The reports must equal those without CONNECT.
func TestRelayIsTransparentInsideConnect(t *testing.T) {
	a := newAuthority(t)
	cert := a.issue(t)
	names := []string{"client closes", "backend closes", "half-close"}
	for name, transcript := range readCorpus(t) {
		if transcript.Chunks[0].From != wire.FromClient {
			continue
		}
		h := fnv.New32()
		h.Write([]byte(name))
		ending := names[h.Sum32()%3]
		t.Run(filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name), func(t *testing.T) {
			want := playThrough(t, transcript, "random", ending)
			for _, secure := range []bool{false, true} {
				hello, _ := isHello(transcript.Chunks[0].Bytes)
				r, addr := forwardedBy(t, func(r *Relay) { r.Backend.TLS = &tls.Config{RootCAs: a.pool} }, func(f *Forward) {
					if secure || !hello { // the proxy would intercept TLS that begins after CONNECT
						f.CA = a.certificate()
					}
				})
				conn := through(t, addr, r.Backend.String())
				client, accept := end(conn), func() end { return r.accept() }
				if secure {
					client = tls.Client(conn, &tls.Config{RootCAs: a.pool, ServerName: "localhost"})
					accept = func() end { return tls.Server(r.accept(), &tls.Config{Certificates: []tls.Certificate{cert}}) }
				}
				if got := playOn(t, r, client, accept, transcript, "random", ending); got != want {
					t.Errorf("inside CONNECT, TLS %t, %s: reported\n%s\nand without\n%s", secure, ending, got, want)
				}
			}
		})
	}
}

// echoing starts a WebSocket server with TLS and returns its address.
func echoing(t *testing.T, a *authority) string {
	t.Helper()
	var upgrader gorilla.Upgrader
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/secret" {
			fmt.Fprintf(w, "secret of %s", q.Host)
			return
		}
		conn, err := upgrader.Upgrade(w, q, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, message, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if err := conn.WriteMessage(kind, message); err != nil {
				return
			}
		}
	}))
	server.Config.ErrorLog = serverLog(zerolog.Nop())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{a.issue(t)}, NextProtos: []string{"h2", "http/1.1"}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestWSSThroughTheProxyIsJudged has two client libraries open a wss URL through the proxy.
func TestWSSThroughTheProxyIsJudged(t *testing.T) {
	inner, outer := newAuthority(t), newAuthority(t)
	addr := echoing(t, inner)
	r, proxy := forwardedBy(t, func(r *Relay) {
		r.Backend = &Backend{Addresses: []string{addr}, TLS: &tls.Config{RootCAs: inner.pool}}
	}, func(f *Forward) { f.CA, f.Users = outer.certificate(), map[string]string{"ann": "s3cret"} })
	throughProxy := http.ProxyURL(&url.URL{Scheme: "http", Host: proxy, User: url.UserPassword("ann", "s3cret")})
	client := &tls.Config{RootCAs: outer.pool}
	transport := &http.Transport{Proxy: throughProxy, TLSClientConfig: client.Clone(), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()

	ws, response, err := (&gorilla.Dialer{Proxy: throughProxy, TLSClientConfig: client.Clone()}).DialContext(ctx, "wss://"+addr+"/gorilla", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if err := ws.WriteMessage(gorilla.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := ws.ReadMessage(); string(got) != "hello" || err != nil {
		t.Errorf("gorilla: got %q, %v", got, err)
	}
	ws.Close()

	other, _, err := websocket.Dial(ctx, "wss://"+addr+"/coder", &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{Proxy: throughProxy, TLSClientConfig: client.Clone()}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := other.Read(ctx); string(got) != "hello" || err != nil {
		t.Errorf("coder: got %q, %v", got, err)
	}
	if err := other.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}

	plain, err := (&http.Client{Transport: transport}).Get("https://" + addr + "/secret") // offers HTTP/2
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(plain.Body)
	plain.Body.Close()
	if string(text) != "secret of "+addr || plain.ProtoMajor != 1 || r.Counts.Downgraded.Load() != 1 {
		t.Errorf("got %q by %s, %d downgraded", text, plain.Proto, r.Counts.Downgraded.Load())
	}
	found := r.await("both tunnels' ends", func(f []*wire.Exchange) bool { return len(f) == 2 && f[0].Final && f[1].Final })
	for _, x := range found {
		if x.Outcome != wire.Switched || !x.ClientTLS || !x.BackendTLS || x.Route != "default" || x.Backend != addr || len(x.Altered) != 0 {
			t.Errorf("got %+v", x)
		}
	}
}

// TestLeavesAreForWhatTheClientAsksFor checks that a client gets a certificate for its SNI name, or
// for the host of its CONNECT if it sends none; that a certificate is made only once; and that TLS
// sessions are resumed.
func TestLeavesAreForWhatTheClientAsksFor(t *testing.T) {
	a := newAuthority(t)
	cert := a.issue(t)
	r, proxy := forwardedBy(t, func(r *Relay) { r.Backend.TLS = &tls.Config{RootCAs: a.pool, ServerName: "localhost"} }, func(f *Forward) { f.CA = a.certificate() })
	sessions := tls.NewLRUClientSessionCache(4)
	serials := map[string]string{}
	for i, name := range []string{"localhost", "other.test", "127.0.0.1", "localhost", "127.0.0.1", "LOCALHOST"} {
		conn := tls.Client(through(t, proxy, r.Backend.String()), &tls.Config{RootCAs: a.pool, ServerName: name, ClientSessionCache: sessions})
		if err := conn.HandshakeContext(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		state := conn.ConnectionState()
		leaf := state.PeerCertificates[0]
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
		if got := leaf.SerialNumber.String(); serials[strings.ToLower(name)] != "" && serials[strings.ToLower(name)] != got {
			t.Errorf("%s: another certificate than before", name)
		} else {
			serials[strings.ToLower(name)] = got
		}
		if want := i == 3 || i == 4; state.DidResume != want {
			t.Errorf("%s: resumed %t, want %t", name, state.DidResume, want)
		}
		send(t, conn, plain)
		backend := tls.Server(r.accept(), &tls.Config{Certificates: []tls.Certificate{cert}})
		expect(t, backend, plain)
		if got := backend.ConnectionState().ServerName; got != "localhost" {
			t.Errorf("the backend was asked for %q", got)
		}
		send(t, backend, answer)
		expect(t, conn, answer)
		conn.Close()
		backend.Close()
	}
	if len(serials) != 3 {
		t.Errorf("%d names", len(serials))
	}
}

// TestListedHostIsAskedForByItsName checks the SNI name sent to a host in the list of allowed
// hosts. It is not a configured backend, so the name is all that the proxy knows.
func TestListedHostIsAskedForByItsName(t *testing.T) {
	a := newAuthority(t)
	cert := a.issue(t)
	for asked, want := range map[string]string{"localhost": "localhost", "": "localhost"} { // without SNI: the host of CONNECT
		r, proxy := forwardedBy(t, func(r *Relay) { r.Backend = To("127.0.0.1:1") }, func(f *Forward) {
			f.CA, f.TLS, f.Hosts = a.certificate(), &tls.Config{RootCAs: a.pool}, []string{"localhost:*"}
			f.lookup = always("127.0.0.1")
		})
		_, port, _ := net.SplitHostPort(r.backend.Addr().String())
		config := &tls.Config{RootCAs: a.pool, ServerName: asked}
		if asked == "" {
			config.InsecureSkipVerify = true // the only way to send no SNI name
		}
		conn := tls.Client(through(t, proxy, "localhost:"+port), config)
		send(t, conn, handshake)
		backend := tls.Server(r.accept(), &tls.Config{Certificates: []tls.Certificate{cert}})
		expect(t, backend, handshake)
		if got := backend.ConnectionState().ServerName; got != want {
			t.Errorf("the host was asked for %q, want %q", got, want)
		}
		send(t, backend, switching)
		expect(t, conn, switching)
		x := r.await("the switch", func(f []*wire.Exchange) bool { return len(f) == 1 })[0]
		if x.Route != "localhost" || x.Backend != "localhost:"+port || !x.BackendTLS {
			t.Errorf("got route %q, backend %q, TLS %t", x.Route, x.Backend, x.BackendTLS)
		}
		conn.Close()
		backend.Close()
	}
}

// always returns a lookup function that always gives the same answer.
func always(addrs ...string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) (all []netip.Addr, err error) {
		for _, a := range addrs {
			all = append(all, netip.MustParseAddr(a))
		}
		return all, nil
	}
}

func TestUntrustedHostInsideConnect(t *testing.T) {
	a := newAuthority(t)
	r, proxy := forwardedBy(t, nil, func(f *Forward) { f.CA = a.certificate() }) // the system does not trust this CA
	conn := tls.Client(through(t, proxy, r.Backend.String()), &tls.Config{RootCAs: a.pool, ServerName: "localhost"})
	send(t, conn, handshake)
	backend := tls.Server(r.accept(), &tls.Config{Certificates: []tls.Certificate{a.issue(t)}})
	if err := backend.HandshakeContext(t.Context()); err == nil {
		_, err = backend.Read(make([]byte, 1))
		if err == nil {
			t.Error("the relay went on with an untrusted certificate")
		}
	}
	text, err := io.ReadAll(conn)
	if !strings.HasPrefix(string(text), "HTTP/1.1 502 ") || !strings.Contains(string(text), "certificate") || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	if x := r.await("the local answer", func(f []*wire.Exchange) bool { return len(f) == 1 })[0]; x.Outcome != wire.Local {
		t.Errorf("reported as %s", x.Outcome)
	}
}

// TestPassThroughIsNotOpened checks that the client gets the host's own certificate, and that only
// the existence of a tunnel is reported.
func TestPassThroughIsNotOpened(t *testing.T) {
	inner := newAuthority(t)
	addr := echoing(t, inner)
	var log buffer
	r, proxy := forwardedBy(t, func(r *Relay) { r.Backend, r.Log = To(addr), zerolog.New(&log) }, func(f *Forward) {
		f.CA, f.PassThrough = newAuthority(t).certificate(), []string{"127.0.0.1:*"}
	})
	throughProxy := http.ProxyURL(&url.URL{Scheme: "http", Host: proxy})
	ws, response, err := (&gorilla.Dialer{Proxy: throughProxy, TLSClientConfig: &tls.Config{RootCAs: inner.pool}}).Dial("wss://"+addr+"/echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	large := strings.Repeat("pinned ", 1<<18)
	if err := ws.WriteMessage(gorilla.TextMessage, []byte(large)); err != nil {
		t.Fatal(err)
	}
	if _, got, err := ws.ReadMessage(); string(got) != large || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	ws.Close()
	r.end()
	if got := r.all(); len(got) != 0 || r.Counts.Tunnels.Load() != 1 || r.Counts.TLS.Load() != 0 || r.Counts.Exchanges.Load() != 0 {
		t.Errorf("reported %d exchanges, counted %d tunnels", len(got), r.Counts.Tunnels.Load())
	}
	if !strings.Contains(log.String(), `"target":"`+addr+`","message":"tunnel not audited"`) {
		t.Errorf("logged %s", log.String())
	}
}

// TestPassThroughEndsAsItsPeersDo checks half-close, reset, and the end of the relay.
func TestPassThroughEndsAsItsPeersDo(t *testing.T) {
	open := func() (r *relayed, client, backend *net.TCPConn) {
		r, proxy := forwardedBy(t, func(r *Relay) { r.Limits.Drain = time.Second }, func(f *Forward) { f.PassThrough = []string{"127.0.0.1:*"} })
		client = through(t, proxy, r.Backend.String())
		send(t, client, "\x16\x03\x01hello")
		backend = r.accept()
		expect(t, backend, "\x16\x03\x01hello")
		return r, client, backend
	}
	_, client, backend := open()
	client.CloseWrite()
	expectEnd(t, backend, "")
	send(t, backend, "late")
	backend.CloseWrite()
	expectEnd(t, client, "late")
	_, client, backend = open()
	backend.SetLinger(0)
	backend.Close()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
	r, client, backend := open()
	send(t, backend, "still")
	expect(t, client, "still")
	r.end() // at the deadline
	expectEnd(t, client, "")
}

func TestPassThroughToAHostThatIsDown(t *testing.T) {
	r, proxy := forwardedBy(t, func(r *Relay) { r.Backend = down(t) }, func(f *Forward) { f.PassThrough = []string{"127.0.0.1:*"} })
	client := through(t, proxy, r.Backend.String())
	send(t, client, "\x16\x03\x01hello")
	// No plain-text response inside TLS. The end is a reset if the relay closes before it has read all.
	if got, err := io.ReadAll(client); len(got) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %q, %v, want the end", got, err)
	}
	if n := r.Counts.Tunnels.Load(); n != 0 {
		t.Errorf("%d tunnels were counted", n)
	}
}

// TestSeveralBackendsAtOneAddress checks that the Host of the request selects the backend if
// several have the address of the CONNECT.
func TestSeveralBackendsAtOneAddress(t *testing.T) {
	r, proxy := forwardedBy(t, func(r *Relay) {
		a, b := &Backend{Route: "a.test", Addresses: r.Backend.Addresses}, &Backend{Route: "b.test", Addresses: r.Backend.Addresses}
		elsewhere := &Backend{Route: "c.test", Addresses: []string{"127.0.0.1:1"}}
		r.Backend, r.Others, r.Choose = a, []*Backend{b, elsewhere}, byHost(a, b, elsewhere)
	}, nil)
	for host, want := range map[string]string{"a.test": "a.test", "b.test": "b.test", "c.test": "a.test", "nowhere.test": "a.test"} {
		client := through(t, proxy, r.Backend.String())
		for _, piece := range []string{ask(host)[:30], ask(host)[30:]} {
			send(t, client, piece)
		}
		backend := r.accept()
		expect(t, backend, ask(host))
		send(t, backend, switching)
		expect(t, client, switching)
		found := r.await(host, func(f []*wire.Exchange) bool {
			return len(f) > 0 && strings.Contains(string(f[len(f)-1].Request.Raw), host)
		})
		if got := found[len(found)-1].Route; got != want {
			t.Errorf("%s: went to %s, want %s", host, got, want)
		}
		client.Close()
		backend.Close()
	}
}
