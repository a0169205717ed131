package interlocktest_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	coder "github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	xnet "golang.org/x/net/websocket"

	"github.com/interlock-proxy/interlock/interlocktest"
	"github.com/interlock-proxy/interlock/rules"
)

// clients connect to a server through an auditor, exchange a message, and close.
func clients() map[string]func(t *testing.T, a *interlocktest.Auditor, server *httptest.Server) error {
	return map[string]func(*testing.T, *interlocktest.Auditor, *httptest.Server) error{
		"gorilla": func(t *testing.T, a *interlocktest.Auditor, server *httptest.Server) error {
			d := gorilla.Dialer{NetDialContext: a.DialContext, NetDialTLSContext: a.DialTLSContext}
			conn, _, err := d.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.WriteMessage(gorilla.TextMessage, []byte("hello")); err != nil {
				return err
			}
			_, _, err = conn.ReadMessage()
			return err
		},
		"coder": func(t *testing.T, a *interlocktest.Auditor, server *httptest.Server) error {
			conn, _, err := coder.Dial(t.Context(), server.URL, &coder.DialOptions{HTTPClient: a.Client()})
			if err != nil {
				return err
			}
			if err := conn.Write(t.Context(), coder.MessageText, []byte("hello")); err != nil {
				return err
			}
			if _, _, err := conn.Read(t.Context()); err != nil {
				return err
			}
			return conn.Close(coder.StatusNormalClosure, "")
		},
		"gobwas": func(t *testing.T, a *interlocktest.Auditor, server *httptest.Server) error {
			d := ws.Dialer{NetDial: a.DialContext}
			if server.TLS != nil {
				d.NetDial = a.DialTLSContext
			}
			conn, _, _, err := d.Dial(t.Context(), "ws"+strings.TrimPrefix(strings.TrimPrefix(server.URL, "https"), "http"))
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := wsutil.WriteClientText(conn, []byte("hello")); err != nil {
				return err
			}
			_, err = wsutil.ReadServerText(conn)
			return err
		},
		"x/net": func(t *testing.T, a *interlocktest.Auditor, server *httptest.Server) error {
			c, err := xnet.NewConfig("ws"+strings.TrimPrefix(server.URL, "http"), server.URL)
			if err != nil {
				return err
			}
			dial := a.DialContext
			if server.TLS != nil {
				dial = a.DialTLSContext
			}
			bare, err := dial(t.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				return err
			}
			defer bare.Close()
			conn, err := xnet.NewClient(c, bare)
			if err != nil {
				return err
			}
			message := ""
			if err := xnet.Message.Send(conn, "hello"); err != nil {
				return err
			}
			return xnet.Message.Receive(conn, &message)
		},
		"net/http": func(t *testing.T, a *interlocktest.Auditor, server *httptest.Server) error {
			q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			if err != nil {
				return err
			}
			for name, value := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "Y2xpZW50IG9mIHRlc3RzIQ==",
			} {
				q.Header.Set(name, value)
			}
			p, err := a.Client().Do(q)
			if err != nil {
				return err
			}
			defer p.Body.Close()
			conn, ok := p.Body.(io.ReadWriteCloser)
			if !ok {
				return fmt.Errorf("got %s with a body of type %T", p.Status, p.Body)
			}
			if err := wsutil.WriteClientText(conn, []byte("hello")); err != nil {
				return err
			}
			_, err = wsutil.ReadServerText(conn)
			return err
		},
	}
}

// TestAuditOfClients has clients of libraries connect through an auditor, with TLS and without. None
// breaks a rule, and each has one ruling.
func TestAuditOfClients(t *testing.T) {
	for name, connect := range clients() {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s TLS=%t", name, secure), func(t *testing.T) {
				server := httptest.NewUnstartedServer(http.HandlerFunc(echoGorilla))
				defer server.Close()
				var transport *http.Transport
				if secure {
					server.StartTLS()
					transport = server.Client().Transport.(*http.Transport)
				} else {
					server.Start()
				}
				a := interlocktest.Audit(t, transport)
				if err := connect(t, a, server); err != nil {
					t.Fatal(err)
				}
				rulings := a.Rulings()
				if len(rulings) != 1 || rulings[0].Verdict == rules.Fail || rulings[0].X.Response.Status != 101 || rulings[0].X.After.Frames == nil {
					t.Errorf("got %d rulings: %+v", len(rulings), rulings)
				}
			})
		}
	}
}

// A recorder is the test of an auditor, which may fail.
type recorder struct {
	testing.TB
	errors, logs []string
	cleanups     []func()
}

func (r *recorder) Error(args ...any)               { r.errors = append(r.errors, fmt.Sprint(args...)) }
func (r *recorder) Log(args ...any)                 { r.logs = append(r.logs, fmt.Sprint(args...)) }
func (r *recorder) Logf(format string, args ...any) { r.Log(fmt.Sprintf(format, args...)) }
func (r *recorder) Cleanup(f func())                { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Failed() bool                    { return len(r.errors) > 0 }
func (r *recorder) Fatalf(format string, args ...any) {
	r.Error(fmt.Sprintf(format, args...))
	panic(r)
}

// end ends the test.
func (r *recorder) end() {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
}

// audited makes an auditor of a test that may fail, lets a client use it, and returns what the test
// said in the end.
func audited(t *testing.T, client func(*interlocktest.Auditor), options ...interlocktest.Option) *recorder {
	t.Helper()
	r := &recorder{TB: t}
	a := interlocktest.Audit(r, nil, options...)
	client(a)
	r.end()
	return r
}

// sends is a client that sends bytes on a connection of its own and reads an answer of some length.
func sends(t *testing.T, address string, texts ...string) func(*interlocktest.Auditor) {
	return func(a *interlocktest.Auditor) {
		for _, text := range texts {
			conn, err := a.DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
			p, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			p.Body.Close()
			conn.Close()
		}
	}
}

// TestAuditOfFaultyClients checks that each fault fails the test once, whether the server accepts it or
// not, and says what the client sent.
func TestAuditOfFaultyClients(t *testing.T) {
	const (
		valid = "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: Y2xpZW50IG9mIHRlc3RzIQ==\r\n"
		end = "Cookie: session=SPARROW\r\n\r\n"
	)
	anyMethod := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Method = http.MethodGet
		echoGorilla(w, r)
	})
	for name, c := range map[string]struct {
		handler http.Handler
		texts   []string
		want    []string // the beginnings of the failures
	}{
		"valid":          {http.HandlerFunc(echoGorilla), []string{valid + end}, nil},
		"POST":           {http.HandlerFunc(echoGorilla), []string{"POST" + valid[len("GET"):] + end}, []string{`Client sent a WebSocket handshake with method "POST"`}},
		"POST accepted":  {anyMethod, []string{"POST" + valid[len("GET"):] + "Content-Length: 0\r\n" + end}, []string{`Server accepted a WebSocket handshake with method "POST"; the client sent it`}},
		"key used twice": {http.HandlerFunc(echoGorilla), []string{valid + end, valid + end}, []string{"Client reused a Sec-WebSocket-Key"}},
		"short key":      {http.HandlerFunc(echoGorilla), []string{strings.Replace(valid, "Y2xpZW50IG9mIHRlc3RzIQ==", "Y2xpZW50", 1) + end}, []string{"Client sent "}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			got := audited(t, sends(t, server.Listener.Addr().String(), c.texts...))
			if len(got.errors) != len(c.want) {
				t.Fatalf("got %d failures, want %d: %s\n%s", len(got.errors), len(c.want), got.errors, got.logs)
			}
			for i, want := range c.want {
				text := got.errors[i]
				if !strings.HasPrefix(text, want) || !strings.Contains(text, "\n> Sec-WebSocket-Version: 13\\r\\n\n") || !strings.Contains(text, "\nfix: ") ||
					!strings.HasSuffix(text, "$'") || strings.Contains(text, "SPARROW") {
					t.Errorf("want %q...\n%s", want, text)
				}
			}
		})
	}
}

// TestAuditSkipsRules checks that findings of skipped rules and mild ones are logged.
func TestAuditSkipsRules(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echoGorilla))
	defer server.Close()
	post := "POST /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: Y2xpZW50IG9mIHRlc3RzIQ==\r\n\r\n"
	for _, c := range []struct {
		option interlocktest.Option
		want   string
	}{
		{interlocktest.SkipRule("UPGRADE-POST", "the server asks for it"), "skipped: Client sent a WebSocket handshake with method \"POST\""},
		{interlocktest.MinSeverity(rules.High), "warn: Client sent a WebSocket handshake with method \"POST\""},
	} {
		got := audited(t, sends(t, server.Listener.Addr().String(), post), c.option)
		if len(got.errors) > 0 || !slices.ContainsFunc(got.logs, func(text string) bool { return strings.HasPrefix(text, c.want) }) {
			t.Errorf("want %q\n%q\n%q", c.want, got.errors, got.logs)
		}
	}
}

// TestAuditOfNothing fails: a client that does not use the auditor is not judged.
func TestAuditOfNothing(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(echoGorilla))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	configuration := server.Client().Transport.(*http.Transport).TLSClientConfig
	for name, c := range map[string]struct {
		client func(*interlocktest.Auditor)
		want   string
	}{
		"no connection": {func(*interlocktest.Auditor) {}, "no upgrade was seen"},
		"no upgrade": {func(a *interlocktest.Auditor) {
			conn, err := a.DialTLSContext(t.Context(), "tcp", server.Listener.Addr().String())
			if err == nil {
				conn.Close()
				t.Error("an unknown certificate is accepted")
			}
		}, "no upgrade was seen"},
		"TLS of its own": {func(a *interlocktest.Auditor) {
			d := gorilla.Dialer{NetDialContext: a.DialContext, TLSClientConfig: configuration}
			conn, _, err := d.Dial("wss"+strings.TrimPrefix(server.URL, "https"), nil)
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
		}, "the client spoke TLS on a connection of DialContext"},
	} {
		if got := audited(t, c.client); len(got.errors) != 1 || !strings.Contains(got.errors[0], c.want) {
			t.Errorf("%s: want %q, got %q", name, c.want, got.errors)
		}
	}
}

// TestAuditOfOpenConnections has rulings while a tunnel is open, and judges it once more in the end.
func TestAuditOfOpenConnections(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echoGorilla))
	defer server.Close()
	var conn *gorilla.Conn
	got := audited(t, func(a *interlocktest.Auditor) {
		var err error
		d := gorilla.Dialer{NetDialContext: a.DialContext}
		if conn, _, err = d.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil); err != nil {
			t.Fatal(err)
		}
		if rulings := a.Rulings(); len(rulings) != 1 || rulings[0].X.Response.Status != 101 {
			t.Errorf("got %d rulings", len(rulings))
		}
		raw := conn.NetConn()
		if inner, ok := raw.(interface{ NetConn() net.Conn }); !ok || inner.NetConn().(*net.TCPConn) == nil {
			t.Errorf("the connection is a %T", raw)
		}
		if _, err := io.WriteString(raw, "\x81\x05hello"); err != nil { // not masked
			t.Error(err)
		}
		if _, _, err := conn.ReadMessage(); err == nil {
			t.Error("the server accepts an unmasked frame")
		}
	})
	conn.Close()
	if len(got.errors) != 1 || !strings.HasPrefix(got.errors[0], "Client sent ") {
		t.Errorf("got %q", got.errors)
	}
}
