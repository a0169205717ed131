package probe

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// lured are the probes that name an address of Interlock's own.
func lured() (probes []*rules.Probe) {
	for _, id := range []string{"UPGRADE-TARGET-CANARY", "UPGRADE-HOST-CANARY", "UPGRADE-CONNECT-CANARY"} {
		probes = append(probes, rules.FindProbe(id))
	}
	return probes
}

// TestConnectionsThatRequestsCauseAreSeen probes backends that connect to what a request names, and
// one that does the same from its configuration only.
func TestConnectionsThatRequestsCauseAreSeen(t *testing.T) {
	for name, want := range map[string]string{
		"fetches-target": "UPGRADE-TARGET-CANARY", "fetches-host": "UPGRADE-HOST-CANARY", "connects": "UPGRADE-CONNECT-CANARY",
		"fixed-upstream": "", "gorilla": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := lab.Start(name)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			target := Target{Address: s.Addr, Base: rules.NewHandshake("http", s.Addr, "/chat?room=1", "")}
			l, _, err := probed(context.Background(), t, target, Settings{}, lured())
			if err != nil || len(l.by) != 3 {
				t.Fatalf("got %d exchanges, %v", len(l.by), err)
			}
			for id, x := range l.by {
				ruling := rules.Classify(rules.Case{X: x})
				f := ruling.Find("UPGRADE-TARGET-CANARY")
				if id == want && (f == nil || f.Verdict != rules.Fail || f.Severity != rules.Critical || !strings.HasPrefix(string(x.Lured), "GET /")) {
					t.Errorf("%s: got %v with %q", id, ruling.Verdict, x.Lured)
				}
				if id != want && (ruling.Verdict != rules.Pass || len(x.Lured) > 0) {
					t.Errorf("%s: got %v with %q", id, ruling.Verdict, x.Lured)
				}
			}
		})
	}
}

// TestNoListenerThatTheTargetCannotReach probes an address beyond loopback.
func TestNoListenerThatTheTargetCannotReach(t *testing.T) {
	c := &caller{target: Target{Base: rules.NewHandshake("http", "a.test", "/", "")}}
	for _, p := range lured() {
		if why := c.unsent(p, true); !strings.Contains(why, "--canary ADDR") {
			t.Errorf("%s: got %q", p.ID, why)
		}
	}
	c.settings.Canary = "192.0.2.1:80"
	for _, p := range lured() {
		if why := c.unsent(p, true); why != "" {
			t.Errorf("%s: got %q", p.ID, why)
		}
	}
}

// TestAListenerThatCannotBeOpened names an address of another machine.
func TestAListenerThatCannotBeOpened(t *testing.T) {
	b := serve(t, refuses)
	_, _, err := probed(context.Background(), t, b.target(), Settings{Canary: "192.0.2.1:80"}, lured())
	var cannot *CanaryError
	if !errors.As(err, &cannot) || !strings.Contains(err.Error(), "192.0.2.1:80") {
		t.Errorf("got %v", err)
	}
}

// TestStrangersAtTheListenerAreNoFinding connects to the listener without the path of a request.
func TestStrangersAtTheListenerAreNoFinding(t *testing.T) {
	l, err := newLure(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	ask := func(text string) {
		conn, err := net.Dial("tcp", l.ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write([]byte(text))
		_, _ = conn.Read(make([]byte, 1))
	}
	mine, other := l.next(), l.next()
	ask("GET / HTTP/1.1\r\n\r\n")
	ask("GET " + other.Path + " HTTP/1.1\r\n\r\n")
	if got := l.wait(context.Background(), mine); got != nil {
		t.Errorf("got %q", got)
	}
	if got := l.wait(context.Background(), other); !strings.HasPrefix(string(got), "GET "+other.Path) {
		t.Errorf("got %q", got)
	}
}

// TestAnswersUnlikeTheControlAreKept probes a backend that closes the connection on the valid
// handshake and answers an absolute target.
func TestAnswersUnlikeTheControlAreKept(t *testing.T) {
	b := serve(t, func(c *guest) {
		if strings.HasPrefix(c.head, "GET http") || strings.HasPrefix(c.head, "GET ws") {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		} else if !strings.Contains(c.head, "Upgrade") {
			c.send(refusal)
		}
	})
	var probes []*rules.Probe
	for _, id := range []string{"UPGRADE-TARGET-OTHER-HOST", "UPGRADE-TARGET-WS-SCHEME"} {
		probes = append(probes, rules.FindProbe(id))
	}
	l, _, err := probed(context.Background(), t, b.target(), Settings{}, probes)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]rules.Verdict{"UPGRADE-TARGET-OTHER-HOST": rules.Fail, "UPGRADE-TARGET-WS-SCHEME": rules.Warn} {
		if x := l.by[id]; x.Control != wire.NoAnswer || rules.Classify(rules.Case{X: x}).Verdict != want {
			t.Errorf("%s: got %v after %d, want %v", id, rules.Classify(rules.Case{X: x}).Verdict, x.Control, want)
		}
	}
}
