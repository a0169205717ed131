package proxy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

func guardedBy(guard func(*wire.Exchange) error) func(*stand, *routeTable) {
	return func(_ *stand, r *routeTable) { r.backend.Guard = guard }
}

func routed(_ *stand, r *routeTable) {
	r.choose = byHost(&Backend{Route: "a.test", Addresses: []string{"192.0.2.1:80"}})
}

const (
	toA     = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
	refusal = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"
)

// TestSessionHolds gives inputs to sessions that hold bytes back: until a route is chosen, for an
// edit, and for the guard.
func TestSessionHolds(t *testing.T) {
	post := strings.Replace(handshake, "GET", "POST", 1)
	edited := strings.Replace(plain, "staging.test", "b.test", 1)
	decides(t, map[string]decision{
		"a route waits for the head":         {routed, []string{"client says " + toA[:20], "client says " + toA[20:], "backend connects"}, []string{"dial", fmt.Sprintf("to backend %q", toA)}, ""},
		"no route has the host":              {routed, []string{"client says " + plain}, []string{`to client "HTTP/1.1 421 Misdirected Request: no route has this host"`, "hang up", "finish client"}, wire.CauseScope},
		"half a head, and the end":           {routed, []string{"client says " + toA[:20], "client ends"}, []string{`to client "HTTP/1.1 421 Misdirected Request: the request names no host of this listener"`, "hang up", "finish client"}, wire.CauseScope},
		"half a head, and no more":           {routed, []string{"client says " + toA[:20], "after 31s"}, []string{`to client "HTTP/1.1 421 Misdirected Request: the request names no host of this listener"`, "hang up", "finish client"}, wire.CauseScope},
		"a Host is edited":                   {func(_ *stand, r *routeTable) { r.backend.Host = "b.test" }, []string{"client says " + plain[:20], "backend connects", "client says " + plain[20:] + "GET", "client ends"}, []string{"dial", fmt.Sprintf("to backend %q", edited), `to backend "GET"`, "finish backend"}, wire.CauseClient},
		"a guard lets a switch through":      {guardedBy(onlyGet), []string{"client says " + handshake + "early", "backend connects", "backend says " + switching}, []string{"dial", fmt.Sprintf("to backend %q", handshake), `to backend "early"`, fmt.Sprintf("to client %q", switching)}, ""},
		"a guard holds half a head":          {guardedBy(onlyGet), []string{"client says " + plain, "backend connects", "backend says " + answer[:10], "backend says " + answer[10:]}, []string{"dial", fmt.Sprintf("to backend %q", plain), fmt.Sprintf("to client %q", answer)}, ""},
		"a guard holds what follows":         {guardedBy(onlyGet), []string{"client says " + handshake + plain, "backend connects", "backend says " + refusal}, []string{"dial", fmt.Sprintf("to backend %q", handshake), fmt.Sprintf("to backend %q", plain), fmt.Sprintf("to client %q", refusal)}, ""},
		"a guard blocks a switch":            {guardedBy(onlyGet), []string{"client says " + post + "early", "backend connects", "backend says " + switching}, []string{"dial", fmt.Sprintf("to backend %q", post), `to client "HTTP/1.1 502 Bad Gateway: blocked: UPGRADE-POST"`, "hang up", "finish client"}, wire.CauseBlocked},
		"a guard blocks what cannot be read": {guardedBy(onlyGet), []string{"client says \x16\x03\x01\x00", "backend connects"}, []string{"dial", `to client "HTTP/1.1 400 Bad Request: blocked: the request cannot be read"`, "hang up", "finish client"}, wire.CauseBlocked},
		"a guard drops half a head":          {guardedBy(onlyGet), []string{"client says " + handshake + "held", "backend connects", "backend says HTTP", "backend ends"}, []string{"dial", fmt.Sprintf("to backend %q", handshake), "finish client", "hang up"}, wire.CauseServer},
		"a guard cuts a tunnel": {guardedBy(func(x *wire.Exchange) error {
			if x.Complete {
				return errors.New("UPGRADE-101-NOT-SWITCHED")
			}
			return nil
		}), []string{"client says " + handshake, "backend connects", "backend says " + switching, "after 2s"},
			[]string{"dial", fmt.Sprintf("to backend %q", handshake), fmt.Sprintf("to client %q", switching), "close"}, wire.CauseBlocked},
	})
}

// TestSessionWantsNothingThatItHolds checks that a session holds at most one read of the client,
// and requests no other while it does.
func TestSessionWantsNothingThatItHolds(t *testing.T) {
	b := stood(guardedBy(onlyGet))
	wants := func(when string, client, backend bool) {
		t.Helper()
		if got := [2]bool{b.wants(wire.FromClient), b.wants(wire.FromServer)}; got != [2]bool{client, backend} {
			t.Errorf("%s: wants %v", when, got)
		}
	}
	wants("at first", true, false)
	b.step(t, "client says "+handshake+"early")
	wants("while it dials", false, false)
	b.step(t, "backend connects")
	wants("while early bytes are held", false, true)
	b.step(t, "backend says "+switching)
	wants("in the tunnel", true, true)
	b.step(t, "client ends")
	wants("after the client's end", false, true)
	b.step(t, "backend ends")
	wants("at the end", false, false)
}
