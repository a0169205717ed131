//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// haproxy runs HAProxy in front of a backend until the test ends, with more lines for its defaults.
func haproxy(t *testing.T, backend, defaults string) (addr string) {
	t.Helper()
	err := ports.Use(func(free string) error {
		addr = free
		config := fmt.Sprintf("defaults\n mode http\n timeout connect 5s\n timeout client 1h\n timeout server 1h\n%s\n"+
			"frontend f\n bind %s\n default_backend b\nbackend b\n server s %s\n", defaults, addr, backend)
		ended, err := begin(t, exec.Command(program(t, "haproxy", "haproxy"), "-db", "-f", file(t, "haproxy.cfg", []byte(config))))
		if err != nil {
			return err
		}
		return comesUp(ended, func() bool {
			conn, err := net.Dial("tcp", addr)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// echoing answers each message with itself.
func echoing(w http.ResponseWriter, r *http.Request) {
	conn, err := new(gorilla.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, text, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, text) != nil {
			return
		}
	}
}

// TestAnIdleTimeoutOfHAProxyIsNamed holds that Interlock in front of an HAProxy with a short timeout
// tunnel says so once several idle tunnels have ended, and that the tunnels live with the line that
// it says to change.
func TestAnIdleTimeoutOfHAProxyIsNamed(t *testing.T) {
	t.Parallel()
	backend := site(t, echoing)
	short := serve(t, haproxy(t, backend, " timeout tunnel 3s"))
	long := serve(t, haproxy(t, backend, " timeout tunnel 1h"))

	const tunnels = 6
	var all sync.WaitGroup
	dialled := func(p *process) *gorilla.Conn {
		conn, _, err := gorilla.DefaultDialer.Dial("ws://"+p.listen+"/chat", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if conn.WriteMessage(gorilla.TextMessage, []byte("hi")); !comesBack(conn, "hi") {
			t.Fatal("no echo")
		}
		return conn
	}
	for range tunnels {
		conn := dialled(short)
		all.Go(func() {
			if _, _, err := conn.ReadMessage(); !gorilla.IsCloseError(err, gorilla.CloseAbnormalClosure) {
				t.Errorf("the client sees %v, want code 1006", err)
			}
			conn.Close()
		})
	}
	lives := dialled(long)
	began := time.Now()
	all.Wait()

	l := short.await(t, "a tunnel with a likely idle timeout", func(l line) bool {
		return l.Message == "tunnel closed" && slices.Contains(l.Diagnoses, "tunnel-idle-timeout") && strings.Contains(l.Why, " of silence")
	})
	if l.Idle < 2500 || l.Idle > 4500 || l.Cause != "server" || l.ServerLast != "text" || !strings.Contains(l.Why, "timeout tunnel") || !strings.Contains(l.Why, "likely") {
		t.Errorf("got %s", l.text)
	}
	var exchange struct {
		Diagnoses []struct{ ID, Certainty, Fix string }
	}
	for deadline := time.Now().Add(patience); len(exchange.Diagnoses) == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err := json.Unmarshal(get(t, short, "/api/v1/exchanges/"+l.Exchange), &exchange); err != nil { // until the end of the tunnel is stored
			t.Fatal(err)
		}
	}
	if d := exchange.Diagnoses; len(d) != 1 || d[0].Certainty != "likely" || !strings.Contains(d[0].Fix, "HAProxy: timeout tunnel 1h") {
		t.Errorf("got %+v", d)
	}

	time.Sleep(time.Until(began.Add(4500 * time.Millisecond))) // longer than the other ones lived
	if lives.WriteMessage(gorilla.TextMessage, []byte("still here")); !comesBack(lives, "still here") {
		t.Error("with the longer timeout the tunnel has ended too")
	}
}

// comesBack reports whether the next message is that one.
func comesBack(conn *gorilla.Conn, want string) bool {
	conn.SetReadDeadline(time.Now().Add(patience))
	_, text, err := conn.ReadMessage()
	return err == nil && string(text) == want
}
