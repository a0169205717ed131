//lint:file-ignore SA1019 net/http does not switch to h2c, this does

package interlocktest_test

import (
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"

	"github.com/interlock-proxy/interlock/interlocktest"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
)

// calls are calls of Probe that TestProbe makes in processes of their own, because most of them fail.
func calls() map[string]func(t *testing.T) {
	anyMethod := func(w http.ResponseWriter, r *http.Request) {
		r.Method = http.MethodGet
		rejecting(http.HandlerFunc(echoGorilla)).ServeHTTP(w, r)
	}
	mux := http.NewServeMux()
	mux.Handle("/ws", rejecting(http.HandlerFunc(echoGorilla)))
	return map[string]func(t *testing.T){
		"handler":  func(t *testing.T) { interlocktest.Probe(t, mux, interlocktest.Endpoint("/ws")) },
		"function": func(t *testing.T) { interlocktest.Probe(t, anyMethod) },
		"server": func(t *testing.T) {
			server := httptest.NewServer(mux)
			defer server.Close()
			interlocktest.Probe(t, server, interlocktest.Endpoint("/ws"))
		},
		"TLS": func(t *testing.T) {
			server := httptest.NewTLSServer(mux)
			defer server.Close()
			interlocktest.Probe(t, server, interlocktest.Endpoint("/ws"))
		},
		"URL": func(t *testing.T) {
			server := httptest.NewTLSServer(mux)
			defer server.Close()
			interlocktest.Probe(t, server.URL+"/ws", interlocktest.TLS(server.Client().Transport.(*http.Transport).TLSClientConfig))
		},
		"HTTP/2": func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(echoBoth))
			server.EnableHTTP2 = true
			server.StartTLS()
			defer server.Close()
			interlocktest.Probe(t, server)
		},
		"h2c":       func(t *testing.T) { probeLab(t, "h2") },
		"h2c fault": func(t *testing.T) { probeLab(t, "h2-desync") },
		"skip": func(t *testing.T) {
			interlocktest.Probe(t, anyMethod, interlocktest.Skip("UPGRADE-POST*", "any method is allowed here"), interlocktest.Skip("upgrade-h2c-*", "no HTTP/2"))
		},
		"skipped rule": func(t *testing.T) {
			interlocktest.Probe(t, anyMethod, interlocktest.Skip("UPGRADE-METHOD-*", "any method is allowed here"), interlocktest.SkipRule("UPGRADE-POST", "this one, too"))
		},
		"severity": func(t *testing.T) {
			interlocktest.Probe(t, http.HandlerFunc(echoGorilla), interlocktest.MinSeverity(rules.Critical))
		},
		"protocol": func(t *testing.T) {
			interlocktest.Probe(t, mux, interlocktest.Endpoint("/ws"), interlocktest.Protocol("websocket"))
		},
		"h2c by upgrade": func(t *testing.T) {
			interlocktest.Probe(t, h2c.NewHandler(mux, new(http2.Server)), interlocktest.Protocol("h2c"))
		},
		"no endpoint": func(t *testing.T) { interlocktest.Probe(t, mux) },
		"options of the handshake": func(t *testing.T) {
			interlocktest.Probe(t, guarded{}, interlocktest.Origin("https://chat.example"), interlocktest.Subprotocol("chat.v2", "chat"),
				interlocktest.Header("Cookie", "session=SPARROW"), interlocktest.Protocol("websocket"))
		},
		"without credentials": func(t *testing.T) { interlocktest.Probe(t, guarded{}) },
		"not started":         func(t *testing.T) { interlocktest.Probe(t, httptest.NewUnstartedServer(mux)) },
		"public":              func(t *testing.T) { interlocktest.Probe(t, "http://192.0.2.1/ws") },
		"closed": func(t *testing.T) {
			server := httptest.NewServer(mux)
			server.Close()
			interlocktest.Probe(t, server.URL)
		},
		"no target": func(t *testing.T) { interlocktest.Probe(t, 8080) },
		"mistakes": func(t *testing.T) {
			interlocktest.Probe(t, mux, interlocktest.Endpoint("ws"), interlocktest.Skip("UPGRADE-POTS", ""), interlocktest.Protocol("ws"), interlocktest.Header("a b", "c"), interlocktest.SkipRule("UPGRADE-POST-CL0", "x"))
		},
		"counted": func(t *testing.T) {
			var mu sync.Mutex
			var ids []string
			interlocktest.Probe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				ids = append(ids, r.UserAgent()[strings.LastIndex(r.UserAgent(), "/")+1:])
				mu.Unlock()
				rejecting(http.HandlerFunc(echoGorilla)).ServeHTTP(w, r)
			}))
			slices.Sort(ids)
			t.Logf("sent: %s.", strings.Join(slices.Compact(ids), " "))
		},
	}
}

// probeLab probes a backend of the lab over HTTP/2.
func probeLab(t *testing.T, name string) {
	backend, err := lab.Start(name)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	interlocktest.Probe(t, "h2c://"+backend.Addr+"/ws")
}

// guarded accepts only clients with a session, an origin and a subprotocol.
type guarded struct{}

func (guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie("session"); err != nil || c.Value != "SPARROW" {
		http.Error(w, "log in", http.StatusUnauthorized)
		return
	}
	if r.Header.Get("Origin") != "https://chat.example" {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	upgrader := gorilla.Upgrader{Subprotocols: []string{"chat"}, CheckOrigin: func(*http.Request) bool { return true }}
	rejecting(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := upgrader.Upgrade(w, r, nil); err == nil {
			echoMessages(conn)
		}
	})).ServeHTTP(w, r)
}

// echoBoth echoes messages over HTTP/1.1 and HTTP/2 (RFC 8441).
func echoBoth(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 2 {
		rejecting(http.HandlerFunc(echoGorilla)).ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodConnect || r.Header.Get(":protocol") != "websocket" || r.Header.Get("Sec-WebSocket-Version") != "13" {
		http.Error(w, "not a request for a WebSocket", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	for out.Flush() == nil {
		message, kind, err := wsutil.ReadClientData(struct {
			io.Reader
			io.Writer
		}{r.Body, w})
		if err != nil || wsutil.WriteServerMessage(w, kind, message) != nil {
			return
		}
	}
}

// call is the variable that names a call.
const call = "INTERLOCKTEST_CALL"

// TestCall makes the call that the environment names; see TestProbe.
func TestCall(t *testing.T) {
	one := calls()[os.Getenv(call)]
	if one == nil {
		one = calls()["handler"]
	}
	before := goleak.IgnoreCurrent()
	one(t)
	goleak.VerifyNone(t, before)
}

func TestProbe(t *testing.T) {
	for name, want := range map[string]struct {
		fails, skips string   // some of the subtests that fail and that are skipped
		says         []string // in the output
		passes       int      // at least so many subtests do; 0: 60
	}{
		"handler":        {},
		"h2c by upgrade": {fails: "UPGRADE-H2C-BAD-LEN UPGRADE-H2C-CONN-SUFFIX", passes: 3},
		"function": {fails: "UPGRADE-POST UPGRADE-METHOD-PUT UPGRADE-METHOD-HEAD", says: []string{
			": Server accepted a WebSocket handshake with method \"POST\"\n        > POST / HTTP/1.1\\r\\n\n        > Host: 127.0.0.1:",
			"        < HTTP/1.1 101 Switching Protocols\\r\\n\n", "        fix: Accept a WebSocket handshake only if the method is exactly GET",
			"        rule: UPGRADE-POST (critical, must): A server accepts a WebSocket handshake only if the method is GET\n",
			"https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1\n        again: go test -run '^TestCall$/^UPGRADE-POST$'\n",
		}},
		"server":    {},
		"TLS":       {says: []string{"probes in HTTP/2 are left out: the server chooses \"http/1.1\" by ALPN"}},
		"URL":       {},
		"HTTP/2":    {fails: "UPGRADE-H2-NO-SCHEME", says: []string{"        > :protocol: websocket\\r\\n\n", "--- PASS: TestCall/UPGRADE-H2-VER-99 "}},
		"h2c":       {},
		"h2c fault": {fails: "UPGRADE-H2-DESYNC-NUL"},
		"skip":      {fails: "UPGRADE-METHOD-PUT", skips: "UPGRADE-POST UPGRADE-H2C-TUNNEL", says: []string{": any method is allowed here\n"}},
		"skipped rule": {skips: "UPGRADE-POST UPGRADE-POST-CL0 UPGRADE-METHOD-PUT", says: []string{
			`: Server accepted a WebSocket handshake with method "POST" (UPGRADE-POST, critical): this one, too`,
		}},
		"severity": {fails: "UPGRADE-HTTP10", says: []string{
			": fail: Server accepted a handshake with the same Sec-WebSocket-Key twice:",
		}},
		"protocol":                 {skips: "UPGRADE-AUTH-NONE"},
		"options of the handshake": {says: []string{"--- PASS: TestCall/CTRL-WS "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := capture(t, "^TestCall$", call+"="+name, "GODEBUG=http2xconnect=1") // net/http offers RFC 8441 only then
			for _, id := range strings.Fields(want.fails) {
				if !slices.Contains(got.tests["FAIL"], id) {
					t.Errorf("%s does not fail", id)
				}
			}
			for _, id := range strings.Fields(want.skips) {
				if !slices.Contains(got.tests["SKIP"], id) {
					t.Errorf("%s is not skipped", id)
				}
			}
			for _, text := range want.says {
				if !strings.Contains(got.output, text) {
					t.Errorf("the output does not have %q", text)
				}
			}
			if got.failed != (want.fails != "") || len(got.tests["PASS"]) < cmp.Or(want.passes, 60) || strings.Contains(got.output, "SPARROW") || t.Failed() {
				t.Errorf("failed: %t, passed: %d\n%s", got.failed, len(got.tests["PASS"]), got.output)
			}
		})
	}
}

// TestProbeThatCannotBeSent has one failure and no subtest, which says what to change.
func TestProbeThatCannotBeSent(t *testing.T) {
	for name, want := range map[string]string{
		"no endpoint":         "fix: set the path of the endpoint, such as interlocktest.Endpoint(\"/ws\")\n",
		"without credentials": "fix: send credentials: interlocktest.Header(\"Authorization\", ...)",
		"not started":         "the *httptest.Server is not started: call Start or StartTLS first\n",
		"public":              "192.0.2.1 is at 192.0.2.1, a public address",
		"closed":              "the backend cannot be reached: connect: connection refused\n",
		"no target":           "cannot probe a int: give an http.Handler",
		"mistakes": "Endpoint(\"ws\"): it must be a path such as /ws; Skip(\"UPGRADE-POTS\"): a reason is required; " +
			"Skip(\"UPGRADE-POTS\"): no such ID; did you mean UPGRADE-POST?; Protocol(\"ws\"): it must be one of websocket, h2c, tls, masque, other; " +
			"\"a b\" is not a header that can be sent: it is not a header line such as Authorization: Bearer abc; " +
			"SkipRule(\"UPGRADE-POST-CL0\"): no such ID; did you mean UPGRADE-POST",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := capture(t, "^TestCall$", call+"="+name)
			if !got.failed || !strings.Contains(got.output, want) || strings.Count(got.output, "probe_test.go:") != 1 || len(got.tests) > 0 {
				t.Errorf("want %q\n%s", want, got.output)
			}
		})
	}
}

// TestSelectedProbesAreSent checks that go test -run sends a probe only with its controls.
func TestSelectedProbesAreSent(t *testing.T) {
	for pattern, want := range map[string]string{
		"^TestCall$/^UPGRADE-POST$":                        "sent: CTRL-PLAIN CTRL-WS UPGRADE-POST.",
		"TestCall/UPGRADE-WS-VER-(MISSING|14)$":            "sent: CTRL-PLAIN CTRL-WS UPGRADE-WS-VER-14 UPGRADE-WS-VER-MISSING.",
		"TestCall/UPGRADE-POST$|TestOther/UPGRADE-HTTP10$": "sent: CTRL-PLAIN CTRL-WS UPGRADE-HTTP10 UPGRADE-POST.",
		"TestCall/NO-SUCH-PROBE":                           "sent: .",
	} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			if got := capture(t, pattern, call+"=counted"); got.failed || !strings.Contains(got.output, want) {
				t.Errorf("want %q\n%s", want, got.output)
			}
		})
	}
}
