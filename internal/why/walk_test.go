package why

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// isHandshake reports whether a request offers WebSocket.
func isHandshake(q *http.Request) bool {
	return strings.EqualFold(q.Header.Get("Upgrade"), "websocket") && strings.Contains(strings.ToLower(q.Header.Get("Connection")), "upgrade")
}

// TestWalkFindsTheCause has servers that fail in one way each.
func TestWalkFindsTheCause(t *testing.T) {
	var turn, used atomic.Int32
	for name, c := range map[string]struct {
		path     string
		fields   []string
		answer   func(q *http.Request) (int, string)
		result   Result
		id       string // of the first diagnosis
		contains string // in the summary
	}{
		"works": {"/chat", nil, func(*http.Request) (int, string) { return 101, "" }, Works, "", "accepts a valid handshake, and those of Chrome and Firefox"},
		"Origin": {"/chat", nil, func(q *http.Request) (int, string) {
			if q.Header.Get("Origin") != "" {
				return 403, "origin not allowed"
			}
			return 101, ""
		}, Fails, "walk-origin", "it answers 403, and 101 without Origin"},
		"an Origin that was given": {"/chat", []string{"Origin: https://evil.test"}, func(q *http.Request) (int, string) {
			if strings.HasPrefix(q.Header.Get("Origin"), "https://") {
				return 403, ""
			}
			return 101, ""
		}, Fails, "walk-origin", "this is the origin of another site"},
		"a list in Connection": {"/chat", nil, func(q *http.Request) (int, string) {
			if q.Header.Get("Connection") != "Upgrade" {
				return 400, ""
			}
			return 101, ""
		}, Fails, "walk-connection-list", "Connection: keep-alive, Upgrade, as Firefox sends it (400)"},
		"Origin and the list": {"/chat", nil, func(q *http.Request) (int, string) {
			if q.Header.Get("Origin") != "" || q.Header.Get("Connection") != "Upgrade" {
				return 400, ""
			}
			return 101, ""
		}, Fails, "walk-origin", "What does not: Chrome (400), Firefox (400)"},
		"browsers": {"/chat", nil, func(q *http.Request) (int, string) {
			if strings.HasPrefix(q.UserAgent(), "Mozilla/") {
				return 403, ""
			}
			return 101, ""
		}, Fails, "walk-header", "decides by User-Agent"},
		"programs without Origin": {"/chat", nil, func(q *http.Request) (int, string) {
			if q.Header.Get("Origin") == "" {
				return 403, ""
			}
			return 101, ""
		}, Works, "", "The server accepts browsers only: without Origin it answers 403"},
		"a cookie that is needed": {"/chat", []string{"Cookie: session=abcdefgh"}, func(q *http.Request) (int, string) {
			if q.Header.Get("Cookie") == "" {
				return 401, ""
			}
			return 101, ""
		}, Works, "", "The server requires Cookie"},
		"a header that harms": {"/chat", []string{"X-Debug: yes"}, func(q *http.Request) (int, string) {
			if q.Header.Get("X-Debug") != "" {
				return 400, ""
			}
			return 101, ""
		}, Fails, "walk-given-header", "because of the X-Debug header"},
		"Host": {"/chat", []string{"Host: elsewhere.test"}, func(q *http.Request) (int, string) {
			if strings.HasPrefix(q.Host, "elsewhere") {
				return 421, ""
			}
			return 101, ""
		}, Fails, "walk-host", "The Host header decides"},
		"a subprotocol": {"/chat", nil, func(q *http.Request) (int, string) {
			if q.Header.Get("Sec-WebSocket-Protocol") == "" {
				return 400, ""
			}
			return 101, ""
		}, Fails, "walk-subprotocol", `it chose "graphql-transport-ws"`},
		"the path": {"/", nil, func(q *http.Request) (int, string) {
			if q.URL.Path != "/ws" || !isHandshake(q) {
				return 404, "<!DOCTYPE html>"
			}
			return 101, ""
		}, Fails, "walk-path", "and /ws has one"},
		"the slash": {"/chat", nil, func(q *http.Request) (int, string) {
			if q.URL.Path != "/chat/" {
				return 301, "Location: /chat/"
			}
			return 101, ""
		}, Fails, "walk-path", "and /chat/ has one"},
		"Socket.IO": {"/", nil, func(q *http.Request) (int, string) {
			if q.URL.Path != "/socket.io/" {
				return 400, ""
			}
			return 101, ""
		}, Fails, "walk-path", "It is a Socket.IO server"},
		"one of two servers": {"/chat", nil, func(q *http.Request) (int, string) {
			if isHandshake(q) && turn.Add(1) == 4 {
				return 101, ""
			}
			return 404, ""
		}, Fails, "walk-changing", "404 and then 101"},
		"a ticket": {"/chat?ticket=1", nil, func(q *http.Request) (int, string) {
			if isHandshake(q) && used.Add(1) == 1 {
				return 101, ""
			}
			return 403, ""
		}, Fails, "walk-changing", "101 and then 403"},
		"an HTTP response in the tunnel": {"/chat", nil, func(q *http.Request) (int, string) {
			if isHandshake(q) {
				return 101, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
			}
			return 200, ""
		}, Fails, "response-after-101", "What does not: Handshake, Chrome, Firefox"},
		"a redirect": {"/chat", nil, func(*http.Request) (int, string) { return 302, "Location: https://elsewhere.test/chat?token=s3cr3t" },
			"", "", "Next: interlock why wss://elsewhere.test/chat?token=******"},
		"closed at once": {"/chat", nil, func(q *http.Request) (int, string) {
			if isHandshake(q) {
				return 101, "\x88\x0a\x03\xf0no token"
			}
			return 200, ""
		}, Fails, "tunnel-close-code", `the reason "no token"`},
		"bytes of another protocol": {"/chat", nil, func(q *http.Request) (int, string) {
			if isHandshake(q) {
				return 101, "bytes of another protocol"
			}
			return 200, ""
		}, "", "", "What does not: Handshake, Chrome, Firefox"},
		"a lost offer": {"/chat", nil, func(*http.Request) (int, string) { return 400, "Server: nginx" },
			Fails, "walk-lost-offer", "A handshake gets the same answer as a plain GET: 400"},
		"nothing here": {"/nowhere", nil, func(*http.Request) (int, string) { return 404, "" },
			Fails, "walk-no-path", "a plain GET and a handshake get 404"},
		"nothing here, behind a proxy": {"/nowhere", nil, func(*http.Request) (int, string) { return 404, "Server: nginx" }, "", "rejected-404", "404"},
		"a dead backend": {"/chat", nil, func(q *http.Request) (int, string) {
			if isHandshake(q) {
				return 0, ""
			}
			return 502, ""
		}, Fails, "walk-backend", "A plain GET gets 502, and a handshake gets a closed connection"},
		"another 400 for a GET": {"/chat", nil, func(q *http.Request) (int, string) {
			if isHandshake(q) {
				return 400, "Server: nginx"
			}
			return 200, ""
		}, Unknown, "", "It does not work"},
		"always 418": {"/chat", nil, func(*http.Request) (int, string) { return 418, "" }, Unknown, "", "It does not work"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.answer)
			r := walk(t, s.target(c.path, c.fields...))
			if c.result != "" && r.Result != c.result || !strings.Contains(r.Summary, c.contains) {
				t.Errorf("got %s: %s", r.Result, r.Summary)
			}
			if c.id != "" && (len(r.Diagnoses) == 0 || r.Diagnoses[0].ID != c.id) {
				t.Errorf("got %+v", r.Diagnoses)
			}
			if c.path == "/" && len(r.Diagnoses) > 0 && strings.Contains(r.Diagnoses[0].Fix, "location / ") {
				t.Errorf("the whole site would be moved: %s", r.Diagnoses[0].Fix)
			}
			if n, most := s.requests.Load(), s.most.Load(); n > maxRequests || most > 1 {
				t.Errorf("%d requests, %d at the same time", n, most)
			}
		})
	}
}

// TestAffinity has two workers that take turns, and each knows only its own sessions.
func TestAffinity(t *testing.T) {
	var turn atomic.Int32
	for name, workers := range map[string]int32{"one worker": 1, "two workers": 2} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(q *http.Request) (int, string) {
				me := string('a' + turn.Add(1)%workers)
				sid := q.URL.Query().Get("sid")
				switch {
				case q.URL.Query().Get("transport") == "polling":
					return 200, `0{"sid":"` + me + `","upgrades":["websocket"]}`
				case sid != "" && sid != me:
					return 400, `{"code":1,"message":"Session ID unknown"}`
				}
				return 101, ""
			})
			r := walk(t, s.target("/socket.io/?EIO=4&transport=websocket"))
			if workers == 1 && r.Result != Works || workers == 2 && (r.Result != Fails || r.Diagnoses[0].ID != "walk-affinity") {
				t.Errorf("got %s: %s", r.Result, r.Summary)
			}
		})
	}
}

// TestSilence has a server that leaves handshakes without an answer, as a Node.js server does that
// has no listener for the path.
func TestSilence(t *testing.T) {
	free := make(chan struct{})
	s := serve(t, func(q *http.Request) (int, string) {
		if isHandshake(q) && q.URL.Path != "/ws" {
			select {
			case <-free:
			case <-q.Context().Done():
			}
		}
		return 101, ""
	})
	defer close(free)
	target := s.target("/chat")
	for step := 50 * time.Millisecond; ; step *= 4 { // the path that answers may need longer on a busy machine
		r := Walk(context.Background(), target, Settings{Timeout: step})
		if r.Result == Fails && len(r.Diagnoses) > 0 && r.Diagnoses[0].ID == "walk-path" {
			return
		}
		if step > 2*time.Second {
			t.Fatalf("got %s: %s", r.Result, r.Summary)
		}
	}
}

// TestInterrupted ends a walk in the middle.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := serve(t, func(q *http.Request) (int, string) {
		if isHandshake(q) {
			cancel()
			<-q.Context().Done()
		}
		return 200, ""
	})
	r := Walk(ctx, s.target("/chat"), Settings{Timeout: time.Minute})
	if r.Result != Unknown || !strings.Contains(r.Summary, "it was interrupted") || len(r.Steps) != 3 {
		t.Errorf("got %s: %s", r.Result, r.Summary)
	}
}

// TestNoSecretIsShown gives secrets in headers and in the URL to a server that repeats them.
func TestNoSecretIsShown(t *testing.T) {
	const secret = "s3cr3t-t0k3n"
	s := serve(t, func(q *http.Request) (int, string) {
		return 302, "Location: /login?next=" + q.Header.Get("Authorization") + "\r\nServer: house " + q.FormValue("token")
	})
	target := s.target("/chat?token=qu3ry-"+secret[6:], "Authorization: Bearer "+secret, "Cookie: a=b; session="+secret, "X-Api-Key: "+secret)
	target.Shown = "/chat?token=..."
	r := walk(t, target)
	var text, document strings.Builder
	if err := r.JSON(&document); err != nil {
		t.Fatal(err)
	}
	write := Text{W: &text, Marks: plain()}
	write.Begin(r.URL)
	for i := range r.Steps {
		write.Step(&r.Steps[i])
	}
	if err := write.End(r); err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]string{"text": text.String(), "JSON": document.String()} {
		if strings.Contains(got, secret) || strings.Contains(got, "qu3ry-") || !strings.Contains(got, "Authorization") {
			t.Errorf("the %s is\n%s", what, got)
		}
	}
}

// TestTotalTime has a server that answers no handshake: the walk ends all the same.
func TestTotalTime(t *testing.T) {
	free := make(chan struct{})
	s := serve(t, func(q *http.Request) (int, string) {
		if isHandshake(q) {
			select {
			case <-free:
			case <-q.Context().Done():
			}
		}
		return 200, ""
	})
	defer close(free)
	began := time.Now()
	r := Walk(context.Background(), s.target("/chat"), Settings{Timeout: 20 * time.Millisecond})
	if took := time.Since(began); r.Result == Works || took > 30*time.Second {
		t.Errorf("got %s after %v: %s", r.Result, took, r.Summary)
	}
}

// TestPathsWithTheSameAnswerAreOneLine has a server without a WebSocket: the paths that were tried
// are told in two lines, and each is named.
func TestPathsWithTheSameAnswerAreOneLine(t *testing.T) {
	s := serve(t, func(*http.Request) (int, string) { return 404, "" })
	r := walk(t, s.target("/chat"))
	var text strings.Builder
	write := Text{W: &text, Marks: plain(), Width: 400}
	tried := 0
	for i := range r.Steps {
		write.Step(&r.Steps[i])
		if r.Steps[i].Name == "path" {
			tried++
		}
	}
	if err := write.End(r); err != nil {
		t.Fatal(err)
	}
	steps, _, _ := strings.Cut(text.String(), "\n\n")
	if _, alike, ok := strings.Cut(steps, "/ws, "); !ok || strings.Count(alike, "\n") > 0 || !strings.HasSuffix(alike, "/live/websocket: the same answer") || tried < 10 {
		t.Errorf("%d paths were tried, and the steps are\n%s", tried, steps)
	}
}
