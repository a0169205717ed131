package interlocktest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"

	"github.com/interlock-proxy/interlock/interlocktest"
	"github.com/interlock-proxy/interlock/rules"
)

// t is the test that the examples are part of.
var t *testing.T

// A handler with its endpoint at /ws. Some faults are known; every other finding fails the test.
func ExampleProbe() {
	// func TestChatUpgrades(t *testing.T) {

	mux := http.NewServeMux()
	mux.Handle("/ws", http.HandlerFunc(echoGorilla))
	interlocktest.Probe(t, mux,
		interlocktest.Endpoint("/ws"),
		interlocktest.Skip("UPGRADE-HTTP10*", "nginx in front rejects HTTP/1.0"),
		interlocktest.Skip("UPGRADE-WS-KEY-DUP-*", "the library uses the first of two keys"),
		interlocktest.Skip("UPGRADE-WS-VER-LIST*", "the library finds 13 in a list"),
	)
}

// A server with TLS that requires an origin, a subprotocol and a session.
func ExampleProbe_server() {
	server := httptest.NewTLSServer(guarded{})
	defer server.Close()
	interlocktest.Probe(t, server,
		interlocktest.Endpoint("/chat"),
		interlocktest.Origin("https://chat.example"),
		interlocktest.Subprotocol("chat"),
		interlocktest.Header("Cookie", "session=SPARROW"),
	)
}

// Only what is critical fails, and only probes of WebSocket are sent.
func ExampleMinSeverity() {
	interlocktest.Probe(t, rejecting(http.HandlerFunc(echoGorilla)),
		interlocktest.MinSeverity(rules.Critical),
		interlocktest.Protocol("websocket"),
	)
}

// A client that uses net/http, such as coder/websocket.
func ExampleAudit() {
	server := httptest.NewServer(http.HandlerFunc(echoGorilla))
	defer server.Close()

	audit := interlocktest.Audit(t, nil)
	conn, _, err := coder.Dial(t.Context(), server.URL, &coder.DialOptions{HTTPClient: audit.Client()})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close(coder.StatusNormalClosure, "")
}

// A client that dials itself, such as gorilla/websocket. The transport says which certificates are
// trusted.
func ExampleAuditor_DialTLSContext() {
	server := httptest.NewTLSServer(http.HandlerFunc(echoGorilla))
	defer server.Close()

	audit := interlocktest.Audit(t, server.Client().Transport.(*http.Transport))
	dialer := gorilla.Dialer{NetDialContext: audit.DialContext, NetDialTLSContext: audit.DialTLSContext}
	conn, _, err := dialer.Dial("wss"+strings.TrimPrefix(server.URL, "https"), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// TestExamples runs the examples.
func TestExamples(test *testing.T) {
	for name, example := range map[string]func(){
		"Probe": ExampleProbe, "Probe server": ExampleProbe_server, "MinSeverity": ExampleMinSeverity,
		"Audit": ExampleAudit, "DialTLSContext": ExampleAuditor_DialTLSContext,
	} {
		test.Run(name, func(sub *testing.T) {
			t = sub
			example()
		})
	}
}
