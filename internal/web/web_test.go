package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve serves until the test ends and returns the address.
func serve(t *testing.T, s *Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}

// call makes a request and returns the status and the text of the answer. Fields are lines Name:
// value.
func call(t *testing.T, method, url, body string, fields ...string) (int, string) {
	t.Helper()
	q, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Host" {
			q.Host = value
		}
		q.Header.Set(name, value)
	}
	p, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Body.Close()
	text, err := io.ReadAll(p.Body)
	if err != nil {
		t.Fatal(err)
	}
	return p.StatusCode, string(text)
}

func TestHealth(t *testing.T) {
	at := serve(t, &Server{})
	for path, want := range map[string]int{"/healthz": 200, "/": 200, "/metrics": 404, "/api/v1/nosuch": 404} {
		if status, text := call(t, "GET", at+path, ""); status != want || path == "/healthz" && text != "ok\n" {
			t.Errorf("%s: %d %q", path, status, text)
		}
	}
}

func TestDoor(t *testing.T) {
	const path = "/api/v1/endpoints"
	at := serve(t, &Server{Token: "s3cret", Audit: &audit.Audit{}})
	free := serve(t, &Server{Audit: &audit.Audit{}})
	for _, c := range []struct {
		what, method, url string
		fields            []string
		want              int
	}{
		{"no token", "GET", at + path, nil, 401},
		{"a wrong one", "GET", at + path, []string{"Authorization: Bearer s3cres"}, 401},
		{"the token", "GET", at + path, []string{"Authorization: Bearer s3cret"}, 200},
		{"no token is needed to see that it lives", "GET", at + "/healthz", nil, 200},
		{"a name that was made to lead here", "GET", free + path, []string{"Host: evil.test"}, 421},
		{"localhost", "GET", free + path, []string{"Host: localhost:9426"}, 200},
		{"a page of another origin writes", "POST", free + "/api/v1/probe-runs", []string{"Origin: http://evil.test", "Sec-Fetch-Site: cross-site"}, 403},
	} {
		if status, text := call(t, c.method, c.url, "", c.fields...); status != c.want {
			t.Errorf("%s: %d %s, want %d", c.what, status, text, c.want)
		}
	}
}

func TestBeyondLoopbackATokenIsNeeded(t *testing.T) {
	d := authenticator{}
	served := d.guard(http.NotFoundHandler())
	w := &recorded{header: http.Header{}}
	q, _ := http.NewRequest("GET", "http://10.0.0.1/api/v1/endpoints", nil)
	served.ServeHTTP(w, q)
	if w.status != http.StatusForbidden {
		t.Errorf("got %d", w.status)
	}
}

type recorded struct {
	header http.Header
	status int
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorded) WriteHeader(status int)      { r.status = status }

// stepped is a prober whose runs tell one thing and then wait to be let go on.
type stepped struct{ on chan error }

func (p stepped) Prepare(a Ask) (Job, error) {
	if a.Endpoint != "/chat" {
		return nil, errors.New("no such endpoint was learned")
	}
	return func(ctx context.Context, run string, told func(string, any)) (json.RawMessage, error) {
		told("progress", map[string]int{"done": 1})
		select {
		case err := <-p.on:
			return json.RawMessage(`{"run":"` + run + `"}`), err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}, nil
}

func start(t *testing.T, at string) string {
	t.Helper()
	status, text := call(t, "POST", at+"/api/v1/probe-runs", `{"endpoint":"/chat"}`)
	var said struct{ Run string }
	if err := json.Unmarshal([]byte(text), &said); err != nil || status != 202 || said.Run == "" {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	return said.Run
}

func TestARunIsFollowed(t *testing.T) {
	p := stepped{make(chan error)}
	at := serve(t, &Server{Probe: p})
	run := start(t, at)
	if status, _ := call(t, "POST", at+"/api/v1/probe-runs", `{"endpoint":"/chat"}`); status != 409 {
		t.Errorf("a second run beside the first: %d", status)
	}
	stream, err := http.Get(at + "/api/v1/probe-runs/" + run + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	var got []string
	for lines.Scan() {
		got = append(got, lines.Text())
		if len(got) == 4 {
			p.on <- nil
		}
	}
	want := `[id: 0 event: progress data: {"done":1}  id: 1 event: finished data: {"error":"","state":"done"} ]`
	if fmt.Sprint(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if status, text := call(t, "GET", at+"/api/v1/probe-runs/"+run, ""); status != 200 || !strings.Contains(text, `"result":{"run":"`+run) {
		t.Errorf("%d %s", status, text)
	}
	if _, text := call(t, "GET", at+"/api/v1/probe-runs/"+run+"/events", "", "Last-Event-ID: 0"); strings.Contains(text, "progress") || !strings.Contains(text, "finished") {
		t.Errorf("behind the first event came %q", text)
	}
}

func TestARunIsCancelled(t *testing.T) {
	at := serve(t, &Server{Probe: stepped{make(chan error)}})
	run := start(t, at)
	if status, _ := call(t, "DELETE", at+"/api/v1/probe-runs/"+run, ""); status != 204 {
		t.Errorf("got %d", status)
	}
	if _, text := call(t, "GET", at+"/api/v1/probe-runs/"+run+"/events", ""); !strings.Contains(text, `"state":"cancelled"`) {
		t.Errorf("got %q", text)
	}
}

func TestRunsEndWithTheServer(t *testing.T) {
	at := serve(t, &Server{Probe: stepped{make(chan error)}})
	start(t, at) // goleak tells if it does not end
}

func TestBadAsks(t *testing.T) {
	at := serve(t, &Server{Probe: stepped{make(chan error)}})
	for body, want := range map[string]int{
		"": 400, "{": 400, `{"endpoint":"/chat","nosuch":1}`: 400, `{"endpoint":"/chat"}{}`: 400, `{"endpoint":"/other"}`: 422,
		`{"endpoint":"` + strings.Repeat("x", 70<<10) + `"}`: 400,
	} {
		if status, text := call(t, "POST", at+"/api/v1/probe-runs", body); status != want || !strings.Contains(text, "error") {
			t.Errorf("%.40q: %d %s, want %d", body, status, text, want)
		}
	}
	if status, _ := call(t, "GET", at+"/api/v1/probe-runs/nosuch", ""); status != 404 {
		t.Errorf("got %d", status)
	}
}

func TestEndpointsHideSecrets(t *testing.T) {
	a := &audit.Audit{}
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	a.Observe(&wire.Exchange{
		ID: "1", Final: true, Complete: true, Origin: wire.OriginLive, Route: "default", Outcome: wire.Switched, BodyDone: true,
		Request: wire.ReadRequest([]byte("GET /chat?token=CANARY HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: CANARY\r\n" +
			"Sec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, base64url.bearer.CANARY\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n")),
	})
	at := serve(t, &Server{Audit: a})
	_, text := call(t, "GET", at+"/api/v1/endpoints", "")
	if strings.Contains(text, "CANARY") || !strings.Contains(text, `"protocol":"websocket"`) || !strings.Contains(text, `"endpoint":"/chat"`) {
		t.Errorf("got %s", text)
	}
}
