//go:build e2e

package e2e

import (
	"cmp"
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
	front := haproxy(t, backend, " timeout tunnel 3s")
	lives := opened(t, serve(t, haproxy(t, backend, " timeout tunnel 1h")))
	began := time.Now()
	short, l := endedTogether(t, front)
	if l.Idle < 2500 || l.Cause != "server" || l.ServerLast != "text" || !strings.Contains(l.Why, "timeout tunnel") || !strings.Contains(l.Why, "likely") {
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

// opened is a tunnel through a process in which one message has come back.
func opened(t *testing.T, p *process) *gorilla.Conn {
	t.Helper()
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

// endedTogether has a proxy end idle tunnels through a new process, and returns the process with its
// line for a tunnel with a likely idle timeout. Where the machine is so busy that the tunnels do not
// live equally long, others are opened.
func endedTogether(t *testing.T, front string) (*process, line) {
	t.Helper()
	const tunnels, apart = 6, 300 // milliseconds, up to which they are taken to be equal
	for deadline := time.Now().Add(patience); ; {
		p := serve(t, front)
		var all sync.WaitGroup
		for range tunnels {
			conn := opened(t, p)
			all.Go(func() {
				if _, _, err := conn.ReadMessage(); !gorilla.IsCloseError(err, gorilla.CloseAbnormalClosure) {
					t.Errorf("the client sees %v, want code 1006", err)
				}
				conn.Close()
			})
		}
		all.Wait()
		within(t, "the ends of all tunnels are logged", func() bool { return len(p.all("tunnel closed")) == tunnels })
		ends := p.all("tunnel closed")
		slices.SortFunc(ends, func(a, b line) int { return cmp.Compare(a.Idle, b.Idle) })
		named := slices.IndexFunc(ends, func(l line) bool {
			return slices.Contains(l.Diagnoses, "tunnel-idle-timeout") && strings.Contains(l.Why, " of silence")
		})
		switch {
		case named >= 0:
			return p, ends[named]
		case ends[tunnels-1].Idle-ends[0].Idle < apart || time.Now().After(deadline):
			t.Fatalf("no idle timeout is named although the tunnels were idle for %.0f to %.0f ms\n%s", ends[0].Idle, ends[tunnels-1].Idle, p)
		}
		p.stop()
	}
}

// comesBack reports whether the next message is that one.
func comesBack(conn *gorilla.Conn, want string) bool {
	conn.SetReadDeadline(time.Now().Add(patience))
	_, text, err := conn.ReadMessage()
	return err == nil && string(text) == want
}
