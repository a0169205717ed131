//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	gorilla "github.com/gorilla/websocket"
)

// These secrets may reach only the backend. Their letters occur nowhere else.
const (
	canary        = "c4n4ry"
	cookie        = "sid=" + canary + "-cookie"
	authorization = "Bearer " + canary + "-authorization"
	bearer        = "base64url.bearer.authorization.k8s.io." + canary + "-subprotocol"
	ticket        = canary + "-ticket"
)

// TestProbesAtWhatServeLearned has a client with credentials connect, then requests probes. They go
// to the learned endpoint with the learned handshake. They carry the credentials only on request,
// and the credentials appear in no output.
func TestProbesAtWhatServeLearned(t *testing.T) {
	t.Parallel()
	backend := tap(t, labServer(t, "subprotocol"))
	p := serve(t, backend.addr)
	a := &admin{t: t, client: client(t), at: "http://" + p.admin}
	if got := a.ask("POST", "/api/v1/probe-runs", `{"endpoint": "/chat"}`, http.StatusUnprocessableEntity); !strings.Contains(got, "no successful upgrade seen yet") {
		t.Errorf("got %q", got)
	}
	connectAsUser(t, p)

	var endpoints []struct {
		Endpoint string
		Switched int
		Learned  []struct{ Protocol, Subprotocol, Target, Client string }
	}
	a.read("/api/v1/endpoints", &endpoints)
	if len(endpoints) != 1 || endpoints[0].Endpoint != "/chat" || endpoints[0].Switched != 1 || len(endpoints[0].Learned) != 1 {
		t.Fatalf("got %+v, want /chat", endpoints)
	}
	if l := endpoints[0].Learned[0]; l.Protocol != "websocket" || l.Subprotocol != "chat" || l.Target != "/chat?ticket="+strings.Repeat("*", len(ticket)) {
		t.Errorf("got %+v", l)
	}

	before := len(backend.seen())
	a.probe(`{"endpoint": "/chat"}`)
	if sent := backend.seen()[before:]; strings.Contains(sent, canary) || !strings.Contains(sent, "Sec-WebSocket-Protocol: chat\r\n") {
		t.Errorf("probes without credentials: %q", clip(sent[max(0, strings.Index(sent, canary)-150):]))
	}
	before = len(backend.seen())
	told := a.probe(`{"endpoint": "/chat", "credentials": "recorded"}`)
	for _, secret := range []string{"Cookie: " + cookie, "Authorization: " + authorization, "Sec-WebSocket-Protocol: chat, " + bearer, "GET /chat?ticket=" + ticket} {
		if sent := backend.seen()[before:]; !strings.Contains(sent, secret) {
			t.Errorf("no probe with recorded credentials has %q", secret)
		}
	}
	if !regexp.MustCompile(`event: note\ndata: \{"note":"credentials recorded \d\d:\d\d from 127\.0\.0\.1"\}`).MatchString(told) {
		t.Error("the events do not name the source of the credentials")
	}
	a.read("/api/v1/probe-runs", new([]any))

	stopped := p.stop()
	if stopped.Exchanges != 1 || stopped.Upgrades != 1 || stopped.Unsafe != 0 {
		t.Errorf("got %s, want the one exchange of the client", stopped.text)
	}
	live := map[string]int{}
	log := ""
	for _, l := range p.lines {
		live[l.Message]++
		log += l.text + "\n"
	}
	if live["exchange"] != 1 || live["tunnel closed"] != 1 || live["probe run finished"] != 2 {
		t.Errorf("got log lines %v, want one exchange, one tunnel and two runs", live)
	}
	for what, text := range map[string]string{"log": log, "admin address": a.said.String()} {
		if where := leak(text); where != "" {
			t.Errorf("the %s shows a secret: %q", what, where)
		}
	}
}

// connectAsUser has a client with credentials use the proxy, and returns when its tunnel has ended
// and been logged.
func connectAsUser(t *testing.T, p *process) {
	t.Helper()
	dialer := gorilla.Dialer{Subprotocols: []string{"chat", bearer}}
	conn, response, err := dialer.DialContext(t.Context(), "ws://"+p.listen+"/chat?ticket="+ticket, http.Header{"Cookie": {cookie}, "Authorization": {authorization}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	err = conn.WriteMessage(gorilla.TextMessage, []byte("hello"))
	if _, message, failed := conn.ReadMessage(); err != nil || failed != nil || string(message) != "hello" {
		t.Errorf("got %q, %v, %v, want an echo", message, err, failed)
	}
	conn.Close()
	p.message(t, "tunnel closed")
}

// leak returns the part of a text that contains a secret, as it is or in base64.
func leak(text string) string {
	if i := strings.Index(text, canary); i >= 0 {
		return clip(text[max(0, i-100):])
	}
	for _, b64 := range regexp.MustCompile(`[A-Za-z0-9+/]{16,}={0,2}`).FindAllString(text, -1) {
		raw, err := base64.StdEncoding.DecodeString(b64)
		if i := bytes.Index(raw, []byte(canary)); err == nil && i >= 0 {
			return clip(string(raw[max(0, i-100):]))
		}
	}
	return ""
}

// admin is the admin address of a process. It keeps every response.
type admin struct {
	t      *testing.T
	client *http.Client
	at     string
	said   bytes.Buffer
}

// ask makes a request, checks its status and returns the body.
func (a *admin) ask(method, path, body string, status int) string {
	a.t.Helper()
	q, err := http.NewRequestWithContext(a.t.Context(), method, a.at+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	p, err := a.client.Do(q)
	if err != nil {
		a.t.Fatal(err)
	}
	defer p.Body.Close()
	b, err := io.ReadAll(p.Body)
	if err != nil || p.StatusCode != status {
		a.t.Fatalf("%s %s: got %s, %v, want %d\n%s", method, path, p.Status, err, status, b)
	}
	a.said.Write(b)
	return string(b)
}

// read decodes the response to a GET.
func (a *admin) read(path string, into any) {
	a.t.Helper()
	if text := a.ask("GET", path, "", http.StatusOK); json.Unmarshal([]byte(text), into) != nil {
		a.t.Fatalf("GET %s: got %q", path, text)
	}
}

// probe runs probes to their end and returns the events. It checks that there is no critical
// finding and that most probes pass.
func (a *admin) probe(asked string) (events string) {
	a.t.Helper()
	var started struct{ Run, Events string }
	if text := a.ask("POST", "/api/v1/probe-runs", asked, http.StatusAccepted); json.Unmarshal([]byte(text), &started) != nil || started.Events == "" {
		a.t.Fatalf("got %q", text)
	}
	events = a.ask("GET", started.Events, "", http.StatusOK)
	var run struct {
		State  string
		Result probed
	}
	a.read("/api/v1/probe-runs/"+started.Run, &run)
	if len(run.Result.Endpoints) != 1 {
		a.t.Fatalf("got %d endpoints, want 1", len(run.Result.Endpoints))
	}
	if accepted, _ := run.Result.accepted("websocket"); run.State != "done" || !accepted || run.Result.Summary["fail"] > 0 || run.Result.Summary["pass"] < 150 {
		a.t.Errorf("%s: got %s, %v, failing %q", asked, run.State, run.Result.Summary, run.Result.with("fail"))
	}
	rulings := strings.Count(events, "event: ruling\n")
	if got := strings.Count(events, `"origin":"probe"`); rulings < 150 || got != rulings {
		a.t.Errorf("%s: got %d rulings, %d of them of probes", asked, rulings, got)
	}
	if !strings.HasSuffix(events, "event: finished\ndata: {\"error\":\"\",\"state\":\"done\"}\n\n") {
		a.t.Errorf("%s: got the end %q", asked, events[max(0, len(events)-200):])
	}
	return events
}

// tapped is a relay to a backend that records everything sent to it.
type tapped struct {
	addr string

	mu   sync.Mutex
	sent bytes.Buffer
}

// tap relays to a backend (host:port) until the test ends.
func tap(t *testing.T, backend string) *tapped {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &tapped{addr: ln.Addr().String()}
	var ways sync.WaitGroup
	ways.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			ways.Go(func() { w.carry(client, backend) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		ways.Wait()
	})
	return w
}

// carry copies in both directions until both have ended.
func (w *tapped) carry(client net.Conn, backend string) {
	defer client.Close()
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer server.Close()
	var down sync.WaitGroup
	down.Go(func() {
		io.Copy(client, server)
		client.(*net.TCPConn).CloseWrite()
	})
	io.Copy(io.MultiWriter(server, w), client)
	server.(*net.TCPConn).CloseWrite()
	down.Wait()
}

// Write records what was sent to the backend.
func (w *tapped) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent.Write(p)
}

func (w *tapped) seen() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent.String()
}
