package probe

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// rooms is a server whose handshakes contain a session ID. A request that opens a session returns a
// token, and a handshake succeeds if accepts approves of its target.
type rooms struct {
	mu     sync.Mutex
	opened map[string]bool
	asked  int
}

func (s *rooms) open() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	token := fmt.Sprintf("t/%d", s.asked)
	s.opened[token] = true
	return token
}

// take reports whether a token is valid, and makes it invalid.
func (s *rooms) take(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	good := s.opened[token]
	delete(s.opened, token)
	return good
}

// TestSpentSessionsAreRenewed probes servers that speak the protocols of socket.io, SignalR and
// SockJS with a handshake whose session has ended. The probes must be conclusive, and the report
// says how the session was renewed.
func TestSpentSessionsAreRenewed(t *testing.T) {
	for name, c := range map[string]struct {
		path    string // of the recorded handshake
		step    string
		asks    bool // the prober asks for a session before each handshake
		accepts func(s *rooms, path string, query url.Values) bool
	}{
		"socket.io": {"/socket.io/?EIO=4&transport=websocket&sid=spent", "a fresh socket.io session (no sid)", false, func(_ *rooms, _ string, q url.Values) bool {
			return q.Get("EIO") == "4" && !q.Has("sid")
		}},
		"socket.io, polling first": {"/socket.io/?EIO=4&transport=websocket&sid=spent", "a fresh socket.io session (sid from a polling request)", true, func(s *rooms, _ string, q url.Values) bool {
			return s.take(q.Get("sid"))
		}},
		"SignalR": {"/hub?id=spent&room=7", "a fresh connection (no id)", false, func(_ *rooms, _ string, q url.Values) bool {
			return !q.Has("id") && q.Get("room") == "7"
		}},
		"SignalR, negotiated": {"/hub?id=spent&room=7", "a fresh SignalR connection (id from a negotiate request)", true, func(s *rooms, _ string, q url.Values) bool {
			return s.take(q.Get("id")) && q.Get("room") == "7"
		}},
		"SignalR for ASP.NET": {"/signalr/connect?transport=webSockets&clientProtocol=2.1&connectionToken=spent", "a fresh SignalR connection (connectionToken from a negotiate request)", true, func(s *rooms, _ string, q url.Values) bool {
			return s.take(q.Get("connectionToken")) && q.Get("transport") == "webSockets"
		}},
		"SockJS": {"/echo/007/spentses/websocket", "a fresh SockJS session", false, func(_ *rooms, path string, _ url.Values) bool {
			return strings.HasSuffix(path, "/websocket") && !strings.Contains(path, "spentses")
		}},
	} {
		s := &rooms{opened: map[string]bool{}}
		b := serve(t, func(g *guest) {
			method, rest, _ := strings.Cut(g.head, " ")
			target, _, _ := strings.Cut(rest, " ")
			u, err := url.Parse(target)
			switch {
			case err != nil:
				g.send(refusal)
			case method == "POST" && u.Path == "/hub/negotiate" && c.asks, method == "GET" && u.Path == "/signalr/negotiate":
				g.send(page(fmt.Sprintf(`{"connectionToken":%q}`, s.open())))
			case u.Query().Get("transport") == "polling" && method == "GET":
				g.send(page(fmt.Sprintf(`0{"sid":%q,"upgrades":["websocket"]}`, s.open())))
			case method == "GET" && strings.Contains(g.head, "Connection: ") && c.accepts(s, u.Path, u.Query()):
				g.switches()
			default:
				g.send(refusal)
			}
		})
		target := Target{Address: b.Addr().String(), Base: rules.NewHandshake("http", b.Addr().String(), c.path, "")}
		probes := []*rules.Probe{rules.FindProbe("UPGRADE-MISSING-CONN"), rules.FindProbe("UPGRADE-POST")}
		l, report, err := probed(context.Background(), t, target, Settings{}, probes)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if k := report.Controls[0]; !k.Accepted || k.Step != c.step || k.Single {
			t.Errorf("%s: got %+v, want %q", name, k, c.step)
		}
		for _, p := range probes {
			if x := l.by[p.ID]; x.Controls != wire.ControlsAccepted || x.Aim != c.path {
				t.Errorf("%s: %s: controls %v, aimed at %s", name, p.ID, x.Controls, x.Aim)
			}
		}
		if c.asks != (s.asked > 0) {
			t.Errorf("%s: %d sessions were opened", name, s.asked)
		}
	}
}

// TestOtherHandshakesAreNotChanged checks that a rejection stands if the target has no session ID,
// and that a server that accepts the recorded session gets no other one.
func TestOtherHandshakesAreNotChanged(t *testing.T) {
	for _, path := range []string{"/chat", "/chat?user=7", "/socket.io/?EIO=4&transport=websocket", "/a/websocket", "/chat?sid=7"} {
		if got := renewals(rules.NewHandshake("http", "a", path, "")); got != nil {
			t.Errorf("%s: got %+v", path, got)
		}
	}
	const path = "/hub?id=7"
	b := serve(t, func(g *guest) {
		if strings.HasPrefix(g.head, "GET "+path+" ") {
			g.switches()
		} else {
			g.send(refusal)
		}
	})
	target := Target{Address: b.Addr().String(), Base: rules.NewHandshake("http", b.Addr().String(), path, "")}
	_, report, err := probed(context.Background(), t, target, Settings{}, []*rules.Probe{rules.FindProbe("UPGRADE-POST")})
	if err != nil || !report.Controls[0].Accepted || report.Controls[0].Step != "" {
		t.Errorf("got %+v, %v", report.Controls, err)
	}
}

func page(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
}
