package interlocktest_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	xnet "golang.org/x/net/websocket"

	"github.com/interlock-proxy/interlock/interlocktest"
)

// libraries are handlers that echo messages, each as the documentation of its library writes one.
func libraries() map[string]http.Handler {
	return map[string]http.Handler{
		"gorilla": http.HandlerFunc(echoGorilla),
		"coder":   http.HandlerFunc(echoCoder),
		"gobwas":  http.HandlerFunc(echoGobwas),
		"x/net":   xnet.Handler(echoXNet),
	}
}

func echoGorilla(w http.ResponseWriter, r *http.Request) {
	var upgrader gorilla.Upgrader
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	echoMessages(conn)
}

func echoMessages(conn *gorilla.Conn) {
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}

func echoCoder(w http.ResponseWriter, r *http.Request) {
	conn, err := coder.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil || conn.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

func echoGobwas(w http.ResponseWriter, r *http.Request) {
	conn, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		message, kind, err := wsutil.ReadClientData(conn)
		if err != nil || wsutil.WriteServerMessage(conn, kind, message) != nil {
			return
		}
	}
}

func echoXNet(conn *xnet.Conn) {
	defer conn.Close()
	for message := ""; xnet.Message.Receive(conn, &message) == nil && xnet.Message.Send(conn, message) == nil; {
	}
}

// TestLibrary probes the library that the environment names. TestFindingsAtLibraries runs it in
// processes of its own, because it fails where a library has a fault.
func TestLibrary(t *testing.T) {
	handler, ok := libraries()[os.Getenv(library)]
	if !ok {
		handler = rejecting(http.HandlerFunc(echoGorilla))
	}
	interlocktest.Probe(t, handler, interlocktest.Endpoint("/ws"))
}

// library is the variable that names a library.
const library = "INTERLOCKTEST_LIBRARY"

// TestFindingsAtLibraries probes each library as an author would who follows the documentation of both.
// The tables change when a library does: read what the probe says, and decide who is right.
func TestFindingsAtLibraries(t *testing.T) {
	for name, want := range map[string]string{
		"gorilla": `UPGRADE-HTTP10 UPGRADE-HTTP10-KA UPGRADE-TARGET-ASTERISK UPGRADE-WS-KEY-DUP-DIFF UPGRADE-WS-KEY-DUP-SAME
			UPGRADE-WS-VER-LIST UPGRADE-WS-VER-LIST-99-13 UPGRADE-WS-VER-LIST2`,
		"coder": `UPGRADE-CONN-CLOSE UPGRADE-H2C-HTTP10 UPGRADE-TARGET-ASTERISK UPGRADE-TOKEN-KELVIN UPGRADE-TOKEN-LONG-S`,
		"gobwas": `UPGRADE-CONN-PARAM UPGRADE-CONN-SPACE UPGRADE-INVALID-VER UPGRADE-TARGET-ASTERISK UPGRADE-TOKEN-KELVIN
			UPGRADE-TOKEN-LONG-S UPGRADE-WS-KEY-17 UPGRADE-WS-KEY-DUP-DIFF UPGRADE-WS-KEY-DUP-SAME UPGRADE-WS-KEY-NOTB64
			UPGRADE-WS-KEY-URLSAFE`,
		"x/net": `UPGRADE-CONN-HYPHEN UPGRADE-CONN-PARAM UPGRADE-CONN-PREFIX UPGRADE-CONN-QUOTED UPGRADE-CONN-SEMI UPGRADE-CONN-SPACE
			UPGRADE-CONN-SUFFIX UPGRADE-HTTP10 UPGRADE-HTTP10-KA UPGRADE-TOKEN-KELVIN UPGRADE-WS-KEY-15 UPGRADE-WS-KEY-17
			UPGRADE-WS-KEY-32 UPGRADE-WS-KEY-DUP-DIFF UPGRADE-WS-KEY-DUP-SAME UPGRADE-WS-KEY-INNER-SP UPGRADE-WS-KEY-LIST
			UPGRADE-WS-KEY-NOPAD UPGRADE-WS-KEY-NOTB64 UPGRADE-WS-KEY-SHORT UPGRADE-WS-KEY-TRAIL UPGRADE-WS-KEY-URLSAFE`,
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			got := capture(t, "^TestLibrary$", library+"="+name)
			t.Logf("%s took %v: %d passed, %d failed, %d skipped", name, time.Since(began), len(got.tests["PASS"]), len(got.tests["FAIL"]), len(got.tests["SKIP"]))
			if want := strings.Fields(want); !slices.Equal(got.tests["FAIL"], want) {
				t.Errorf("%s fails\n%q\nwant\n%q\n%s", name, got.tests["FAIL"], want, got.output)
			}
			if n := len(got.tests["PASS"]); n < 150 {
				t.Errorf("%s passes %d probes, want 150 or more", name, n)
			}
		})
	}
}
