package why

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/wire"
)

// explain explains a paste.
func explain(t *testing.T, text string) *Report {
	t.Helper()
	var all []*wire.Exchange
	r := capture.Reader{Every: true, Observe: func(x *wire.Exchange) { all = append(all, x) }}
	was, err := r.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return Explain(all, was, nil)
}

// TestExplainPastes explains the pastes that say all themselves.
func TestExplainPastes(t *testing.T) {
	for name, c := range map[string]struct {
		result       Result
		id, contains string
	}{
		"curl-trace-time-crlf": {Works, "", "the server accepts the handshake"},
		"curl-http2":           {Fails, "walk-over-http2", "sent over HTTP/2"},
		"chrome-http2":         {Fails, "walk-over-http2", "sent over HTTP/2"},
		"chrome-http2-connect": {Fails, "h2-page-as-tunnel", "a browser fires open, and then close with code 1006"},
		"curl-refused":         {Fails, "walk-refused", "Couldn't connect to server"},
		"quoted":               {Fails, "walk-invalid", "without Sec-WebSocket-Key"},
		"curl-no-space":        {Fails, "page-instead", "answered the valid handshake"},
		"response-only":        {Unknown, "", "Only a response is shown"},
		"copy-as-curl":         {Unknown, "", "let Interlock try it: interlock why wss://chat.test/ws?room=1"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("../capture/testdata/pastes", name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			r := explain(t, string(text))
			if r.Result != c.result || !strings.Contains(r.Summary, c.contains) || c.id != "" && (len(r.Diagnoses) == 0 || r.Diagnoses[0].ID != c.id) {
				t.Errorf("got %s: %s %+v", r.Result, r.Summary, r.Diagnoses)
			}
		})
	}
}

// TestLinesOfConsoles explains the one line that browsers write. It has the status at most, and a URL with secrets.
func TestLinesOfConsoles(t *testing.T) {
	for line, want := range map[string]string{
		"Firefox can\u2019t establish a connection to the server at wss://chat.test/ws?token=s3cret99.":                                       "interlock why wss://chat.test/ws?token=***",
		"WebSocket connection to 'wss://chat.test/ws?token=s3cret99' failed: Error during WebSocket handshake: Unexpected response code: 404": "interlock diagnoses rejected-404",
		"WebSocket connection to 'wss://chat.test/ws?token=s3cret99' failed: Error in connection establishment: net::ERR_CONNECTION_REFUSED":  "The server is not running",
		"websocket._exceptions.WebSocketBadStatusException: Handshake status 403 Forbidden":                                                   "interlock diagnoses rejected-403",
		"Error: Unexpected server response: 200": "What a 200 may come from: interlock diagnoses page-instead",
		"WebSocket connection to 'wss://me:s3cret99@chat.test/ws' failed: Error in connection establishment: net::ERR_CERT_AUTHORITY_INVALID s3cret": "does not trust",
	} {
		r := explain(t, line+"\n")
		var b strings.Builder
		if err := r.JSON(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(r.Summary, want) || strings.Contains(b.String(), "s3cret99") {
			t.Errorf("%s\ngot %s", line, b.String())
		}
	}
}

// TestNoOffer explains a request for a page.
func TestNoOffer(t *testing.T) {
	r := explain(t, "> GET /ws HTTP/1.1\n> Host: chat.test\n>\n< HTTP/1.1 426 Upgrade Required\n< Connection: close\n<\n")
	if r.Result != Fails || r.Diagnoses[0].ID != "walk-no-offer" {
		t.Errorf("got %s: %+v", r.Result, r.Diagnoses)
	}
}

// TestWhatIsNotShownIsNotGuessed explains pastes of devtools without the headers of one side.
func TestWhatIsNotShownIsNotGuessed(t *testing.T) {
	const about = "Request URL: wss://chat.test/ws\nRequest Method: GET\n"
	const asked = "Request Headers\nHost: chat.test\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\n"
	for name, c := range map[string]struct {
		text     string
		result   Result
		contains string
	}{
		"101 without response headers": {about + "Status Code: 101 Switching Protocols\n" + asked, Unknown, "whether clients take the 101 cannot be told"},
		"101 without request headers":  {about + "Status Code: 101\nResponse Headers\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\n", Works, "It works"},
		"200 of a page":                {"Request URL: https://chat.test/ws\nStatus Code: 200\nResponse Headers\nContent-Type: text/html\n", Unknown, "The request headers are not shown"},
	} {
		t.Run(name, func(t *testing.T) {
			r := explain(t, c.text)
			if r.Result != c.result || !strings.Contains(r.Summary, c.contains) || len(r.Diagnoses) > 0 {
				t.Errorf("got %s: %s %+v", r.Result, r.Summary, r.Diagnoses)
			}
			for _, s := range r.Steps {
				if s.Verdict == "fail" {
					t.Errorf("rules fail that need what is not there: %+v", s)
				}
			}
		})
	}
}

// TestOtherOffer explains a request of Apache HttpClient, which is no handshake.
func TestOtherOffer(t *testing.T) {
	r := explain(t, "> GET /items HTTP/1.1\n> Host: api.test\n> User-Agent: Apache-HttpClient/5.4\n> Connection: Upgrade\n> Upgrade: TLS/1.2\n>\n< HTTP/1.1 200 OK\n< Content-Length: 0\n<\n")
	if r.Result != Unknown || len(r.Diagnoses) != 0 || !strings.Contains(r.Summary, "as Apache HttpClient does by default") {
		t.Errorf("got %s: %s", r.Result, r.Summary)
	}
}

// TestLastAttemptCounts explains two attempts at the same, of which the second one succeeds.
func TestLastAttemptCounts(t *testing.T) {
	const handshake = "> GET /ws HTTP/1.1\n> Host: chat.test\n> Connection: Upgrade\n> Upgrade: websocket\n> Sec-WebSocket-Version: 13\n> Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\n>\n"
	r := explain(t, handshake+"< HTTP/1.1 502 Bad Gateway\n< Connection: close\n<\n"+handshake+
		"< HTTP/1.1 101 Switching Protocols\n< Connection: Upgrade\n< Upgrade: websocket\n< Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\n<\n")
	if r.Result != Works || len(r.Steps) != 2 {
		t.Errorf("got %s: %s", r.Result, r.Summary)
	}
}

// TestShortValuesAreNoSecrets explains a paste with a header whose value is part of the status.
func TestShortValuesAreNoSecrets(t *testing.T) {
	r := explain(t, "> POST /ws HTTP/1.1\n> Host: chat.test\n> X-Count: 0\n> Content-Length: 0\n> Upgrade: websocket\n> Connection: Upgrade\n>\n< HTTP/1.1 405 Method Not Allowed\n< Allow: GET\n<\n")
	if r.Steps[0].Answer != "405 Method Not Allowed" {
		t.Errorf("got %q", r.Steps[0].Answer)
	}
}

// TestPastedSecrets explains a paste with a cookie, which the response repeats.
func TestPastedSecrets(t *testing.T) {
	const secret = "s3cr3tt0k3n"
	r := explain(t, "> GET /ws?token="+secret+" HTTP/1.1\n> Host: chat.test\n> Cookie: session="+secret+"\n> Upgrade: websocket\n> Connection: Upgrade\n>\n"+
		"< HTTP/1.1 400 Unknown session "+secret+"\n< Server: "+secret+"\n<\n* Closing connection\ncurl: (56) Recv failure with "+secret+"\n")
	var b strings.Builder
	if err := r.JSON(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), secret) || len(r.Steps) != 2 {
		t.Errorf("got %s", b.String())
	}
}
