package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A stand is a driver without sockets. It records the actions of the session as text.
type stand struct {
	session
	now    time.Time
	slow   bool // writes complete only at the step "written"
	wait   [2]int
	did    []string
	logged []string
	found  []*wire.Exchange
	own    bool
}

// stood returns a session on a stand. set may change its initial state.
func stood(set func(*stand, *routeTable)) *stand {
	b := &stand{now: time.Unix(1000, 0)}
	limits := Limits{Connections: 1}.withDefaults()
	t := &terms{
		limits: &limits, pool: new(wire.Pool), began: b.now.Add(-time.Second),
		isOwn: func(claim) bool { return b.own },
		say:   func(_ *session, n notice) { b.logged = append(b.logged, strings.TrimSpace(n.event+" "+n.text)) },
	}
	routes := newRouteTable(To("192.0.2.1:80"), nil, nil)
	if set != nil {
		set(b, routes)
		*routes = *newRouteTable(routes.backend, routes.others, routes.choose)
	}
	id := 0
	b.open(t, routes, wire.Common{
		Emit: func(x *wire.Exchange) { b.found = append(b.found, x) }, Counts: new(wire.Counts),
		NewID: func(time.Time) string { id++; return fmt.Sprint(id) },
	}, b.now)
	if routes.choose != nil {
		b.hold().arrival = new(Arrival)
	}
	return b
}

// do records an action and completes its writes.
func (b *stand) do(a action) {
	for _, each := range []struct {
		deed deeds
		name string
	}{
		{dialBackend, "dial"}, {giveUp, "give up"},
	} {
		if a.also&each.deed != 0 {
			b.did = append(b.did, each.name)
		}
	}
	for d, p := range a.write {
		if len(p) > 0 {
			b.did = append(b.did, fmt.Sprintf("to %s %q", [2]string{"backend", "client"}[d], firstLine(p)))
			b.wait[d] += len(p)
		}
	}
	for _, each := range []struct {
		deed deeds
		name string
	}{
		{finishBackend, "finish backend"}, {finishClient, "finish client"}, {resetBackend, "reset backend"}, {resetClient, "reset client"},
		{hangUp, "hang up"}, {closeBoth, "close"},
	} {
		if a.also&each.deed != 0 {
			b.did = append(b.did, each.name)
		}
	}
	if !b.slow {
		b.write()
	}
}

// firstLine shortens the relay's own responses to their status and message. It returns other bytes
// unchanged.
func firstLine(p []byte) string {
	text := string(p)
	if _, body, own := strings.Cut(text, "interlock: "); own {
		status, _, _ := strings.Cut(text, "\r\n")
		return status + ": " + strings.TrimSpace(body)
	}
	return text
}

func (b *stand) write() {
	for d := range wire.Direction(2) {
		if n := b.wait[d]; n > 0 {
			b.wait[d] = 0
			b.do(b.wrote(d, n, b.now))
		}
	}
}

// step applies one input: its source, then the event.
func (b *stand) step(t *testing.T, text string) {
	t.Helper()
	who, what, _ := strings.Cut(text, " ")
	d := wire.FromClient
	if who == "backend" {
		d = wire.FromServer
	}
	says, isSaid := strings.CutPrefix(what, "says ")
	switch {
	case isSaid:
		p := []byte(says)
		b.do(b.read(d, p, b.now))
		for i := range p {
			p[i] = '#' // the memory is reused
		}
	case what == "ends":
		b.do(b.ended(d, b.now))
	case what == "breaks":
		b.do(b.broke(d, syscall.ECONNRESET, b.now))
	case what == "is unwritable":
		b.do(b.unwritable(1-d, syscall.EPIPE, b.now))
	case what == "connects":
		b.do(b.dialled("192.0.2.1:80", 0, nil, b.now))
	case what == "refuses":
		b.do(b.dialled("192.0.2.1:80", 0, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, b.now))
	case what == "is late":
		b.do(b.dialled("192.0.2.1:80", 0, os.ErrDeadlineExceeded, b.now))
	case what == "refuses TLS":
		b.do(b.broke(d, &tlsRefusal{errors.New("bad certificate")}, b.now))
	case text == "begin":
		b.do(b.begin(false))
	case text == "drain":
		b.do(b.drain(b.now))
	case text == "abort":
		b.do(b.close(wire.CauseDrain, action{}))
	case text == "slow":
		b.slow = true
	case text == "written":
		b.write()
	case who == "after":
		wait, err := time.ParseDuration(what)
		if err != nil {
			t.Fatal(err)
		}
		b.now = b.now.Add(wait)
		b.do(b.tick(b.now))
	default:
		t.Fatalf("no step is %q", text)
	}
}

func eagerBackend(_ *stand, r *routeTable) { r.backend.Eager = true }

// TestSessionDecides gives inputs to sessions and checks the actions that they request.
func TestSessionDecides(t *testing.T) {
	decides(t, map[string]decision{
		"the first byte dials": {nil, []string{"begin", "client says x", "backend connects"}, []string{"dial", `to backend "x"`}, ""},
		"bytes pass": {nil, []string{"client says " + plain, "backend connects", "backend says " + answer},
			[]string{"dial", fmt.Sprintf("to backend %q", plain), fmt.Sprintf("to client %q", answer)}, ""},
		"a client that leaves at once": {nil, []string{"client ends"}, []string{"close"}, wire.CauseClient},
		"a client that breaks at once": {nil, []string{"client breaks"}, []string{"close"}, wire.CauseClientReset},
		"a half-close goes on, and both": {nil, []string{"client says x", "backend connects", "client ends", "backend says y", "backend ends"},
			[]string{"dial", `to backend "x"`, "finish backend", `to client "y"`, "finish client", "hang up", "close"}, wire.CauseClient},
		"a half-close waits for what is unwritten": {nil, []string{"client says x", "backend connects", "slow", "client says y", "client ends", "written"},
			[]string{"dial", `to backend "x"`, `to backend "y"`, "finish backend"}, wire.CauseClient},
		"a server that ends first": {nil, []string{"client says x", "backend connects", "backend ends", "client says y", "client ends"},
			[]string{"dial", `to backend "x"`, "finish client", `to backend "y"`, "finish backend", "hang up", "close"}, wire.CauseServer},
		"a reset of the client": {nil, []string{"client says x", "backend connects", "client breaks"},
			[]string{"dial", `to backend "x"`, "reset backend", "close"}, wire.CauseClientReset},
		"a reset of the backend": {nil, []string{"client says x", "backend connects", "backend breaks"},
			[]string{"dial", `to backend "x"`, "reset client", "close"}, wire.CauseServerReset},
		"a backend that takes nothing": {nil, []string{"client says x", "backend connects", "backend is unwritable", "backend says y", "backend ends", "client ends"},
			[]string{"dial", `to backend "x"`, `to client "y"`, "finish client", "hang up", "close"}, wire.CauseServerReset},
		"a backend that is down": {nil, []string{"client says " + plain, "backend refuses", "client says more", "client ends"},
			[]string{"dial", fmt.Sprintf("to backend %q", plain), `to client "HTTP/1.1 502 Bad Gateway: cannot reach backend \"192.0.2.1:80\": connect: connection refused"`, "hang up", "finish client", "close"}, wire.CauseDial},
		"a backend that is late": {nil, []string{"client says " + plain, "backend is late", "after 2s"},
			[]string{"dial", fmt.Sprintf("to backend %q", plain), `to client "HTTP/1.1 504 Gateway Timeout: cannot reach backend \"192.0.2.1:80\": no connection within 10s"`, "hang up", "finish client", "close"}, wire.CauseDialTimeout},
		"no HTTP gets no text": {nil, []string{"client says \x16\x03\x01\x02\x00", "backend refuses"},
			[]string{"dial", `to backend "\x16\x03\x01\x02\x00"`, "finish client", "hang up"}, wire.CauseDial},
		"a backend that refuses our TLS": {nil, []string{"client says " + plain, "backend connects", "backend refuses TLS"},
			[]string{"dial", fmt.Sprintf("to backend %q", plain), `to client "HTTP/1.1 502 Bad Gateway: cannot reach backend \"192.0.2.1:80\": it refuses our TLS: bad certificate"`, "hang up", "finish client"}, wire.CauseDial},
		"a loop": {func(b *stand, _ *routeTable) { b.own = true }, []string{"client says " + plain},
			[]string{`to client "HTTP/1.1 502 Bad Gateway: the connection comes from this proxy itself: its backend leads back to it"`, "hang up", "finish client"}, wire.CauseLoop},
		"a client that floods us after an answer": {func(b *stand, _ *routeTable) { b.own = true },
			[]string{"client says " + plain, "client says " + strings.Repeat("x", lingerBytes-1), "client says x"},
			[]string{`to client "HTTP/1.1 502 Bad Gateway: the connection comes from this proxy itself: its backend leads back to it"`, "hang up", "finish client", "close"}, wire.CauseLoop},
		"an eager backend": {eagerBackend, []string{"begin", "backend connects", "client says x"}, []string{"dial", `to backend "x"`}, ""},
		"an eager backend that is down at first": {eagerBackend, []string{"begin", "backend refuses", "client says x", "backend connects"},
			[]string{"dial", "dial", `to backend "x"`}, ""},
		"a client that says nothing":        {nil, []string{"after 4m", "after 2m"}, []string{"close"}, wire.CauseTimeout},
		"a head that does not end":          {nil, []string{"client says GET /", "backend connects", "after 31s"}, []string{"dial", `to backend "GET /"`, "close"}, wire.CauseTimeout},
		"half-closed for too long":          {nil, []string{"client says x", "backend connects", "client ends", "after 6m"}, []string{"dial", `to backend "x"`, "finish backend", "close"}, wire.CauseClient},
		"a byte keeps what is half-closed":  {nil, []string{"client says " + plain, "backend connects", "client ends", "after 4m", "backend says y", "after 4m"}, []string{"dial", fmt.Sprintf("to backend %q", plain), "finish backend", `to client "y"`}, wire.CauseClient},
		"at rest it drains at once":         {nil, []string{"client says " + plain, "backend connects", "backend says " + answer, "drain", "after 2s"}, []string{"dial", fmt.Sprintf("to backend %q", plain), fmt.Sprintf("to client %q", answer), "finish client", "hang up", "close"}, wire.CauseDrain},
		"in an exchange it drains after it": {nil, []string{"client says " + plain, "backend connects", "drain", "backend says " + answer}, []string{"dial", fmt.Sprintf("to backend %q", plain), fmt.Sprintf("to client %q", answer), "finish client", "hang up"}, wire.CauseDrain},
		"it drains after the last byte":     {nil, []string{"client says " + plain, "backend connects", "slow", "backend says " + answer, "drain", "written"}, []string{"dial", fmt.Sprintf("to backend %q", plain), fmt.Sprintf("to client %q", answer), "finish client", "hang up"}, wire.CauseDrain},
		"a tunnel does not drain":           {nil, []string{"client says " + handshake, "backend connects", "backend says " + switching, "drain", "client says x", "abort"}, []string{"dial", fmt.Sprintf("to backend %q", handshake), fmt.Sprintf("to client %q", switching), `to backend "x"`, "close"}, wire.CauseDrain},
		"once ends after the first answer":  {func(b *stand, _ *routeTable) { b.once, b.restless = true, true }, []string{"client says " + plain, "backend connects", "backend says " + answer}, []string{"dial", fmt.Sprintf("to backend %q", plain), fmt.Sprintf("to client %q", answer), "finish client", "hang up"}, ""},
	})
}

// A decision is a sequence of inputs, the actions that they must cause, and the cause of the
// session's end.
type decision struct {
	set   func(*stand, *routeTable)
	steps []string
	want  []string
	cause wire.Cause
}

func decides(t *testing.T, all map[string]decision) {
	for name, test := range all {
		t.Run(name, func(t *testing.T) {
			b := stood(test.set)
			for _, text := range test.steps {
				b.step(t, text)
			}
			if got, want := strings.Join(b.did, "\n"), strings.Join(test.want, "\n"); got != want {
				t.Errorf("did\n%s\nwant\n%s", got, want)
			}
			if wire.Cause(b.cause) != test.cause {
				t.Errorf("the cause is %q, want %q", b.cause, test.cause)
			}
		})
	}
}

// TestSessionIsOverOnce checks that a session requests no action after its end, whatever the input.
func TestSessionIsOverOnce(t *testing.T) {
	b := stood(nil)
	b.step(t, "client says x")
	b.step(t, "backend connects")
	b.step(t, "abort")
	b.did = nil
	for _, text := range []string{"client says x", "backend says x", "client ends", "backend ends", "client breaks", "backend breaks",
		"client is unwritable", "backend is unwritable", "backend connects", "drain", "abort", "begin", "after 1h"} {
		b.step(t, text)
	}
	if len(b.did) > 0 {
		t.Errorf("did %q", b.did)
	}
	if !b.due().IsZero() {
		t.Error("something is due")
	}
	if c := causeOf(wire.FromServer, io.EOF); c != wire.CauseServer {
		t.Errorf("got %q", c)
	}
}
