package chain

import (
	"slices"
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// HTTP2Probes returns the probes whose client speaks HTTP/2 to the hop, in the order in which they are
// sent. The sink speaks HTTP/1.1. The caller owns the slice.
func HTTP2Probes() []*Probe {
	all := slices.Concat(
		[]Probe{{ID: "CHAIN-H2-WS", Label: "An extended CONNECT in HTTP/2", Want: "The backend's 101 as 200, and a tunnel both ways", Shared: true, run: overHTTP2}},
		earlyHTTP2(), answersHTTP2(), switchesHTTP2(),
	)
	return finished(inTurn(alone, all))
}

// overHTTP2 opens a tunnel. Where the hop does not offer that, nothing is wrong.
func overHTTP2(t *attempt) {
	id := t.id(sound("websocket"))
	s := t.connect(id, "")
	a := s.answer()
	switch at := t.reached(id); {
	case at == nil:
		t.note("self" + strconv.Itoa(a.status))
	case !a.opened():
		t.see(wire.SightRefused, s.said())
	case !s.passes(id):
		t.see(wire.SightNoMessage, "")
	default:
		t.note("tunnel")
	}
}

func earlyHTTP2() []Probe {
	p := func(id, what string, more ...h2.Field) Probe {
		return Probe{ID: id, Label: "An extended CONNECT" + what + " and, in DATA, a request in HTTP/1.1 in one write; the backend rejects late", Want: "The bytes do not reach the backend", run: func(t *attempt) { smuggle(t, more...) }}
	}
	return []Probe{
		p("CHAIN-H2-EARLY", ""),
		p("CHAIN-H2-EARLY-99", " with version 99", h2.Field{Name: "sec-websocket-version", Value: "99"}),
		{ID: "CHAIN-H2-COOKIES", Label: "An extended CONNECT with two Cookie headers", Want: "One Cookie header at the backend, with both", Shared: true, run: func(t *attempt) {
			id := t.id(sound("websocket"))
			s := t.connect(id, "", h2.Field{Name: "cookie", Value: "a=1"}, h2.Field{Name: "cookie", Value: "b=2"})
			s.answer()
			if t.reached(id) == nil {
				t.nothing("the handshake did not reach the server")
			}
		}},
	}
}

// smuggle sends a request in the stream of a handshake that the sink rejects.
func smuggle(t *attempt, more ...h2.Field) {
	id := t.id(t.late(func(*arrival) string { return respond(403, refusalBody) }, nil))
	second := newID()
	t.sink.plan(second, plan{})
	s := t.connect(id, t.odd(second), more...)
	a := t.arrival(id, t.times.Come)
	s.answer()
	if a == nil {
		t.note("self")
		return
	}
	t.read(a)
	t.gets(second)
	b, at := t.sink.saw(second)
	switch {
	case b == nil:
	case b == a.backend && b.when(at).Before(t.sentAt(b)):
		t.see(wire.SightStreamEarly, "")
	default:
		t.see(wire.SightStreamLate, "")
	}
}

// answersHTTP2 are probes with an answer of the sink that opens no tunnel.
func answersHTTP2() []Probe {
	p := func(id, what string, status int, fields ...string) Probe {
		return Probe{ID: id, Label: "An extended CONNECT; the backend answers " + what, Want: "No tunnel: the same answer, or 502", Shared: true, run: func(t *attempt) {
			id := t.id(plan{func(*arrival) reply {
				body := refusalBody
				if status == 204 {
					body = ""
				}
				return reply{body: bodyAfter, pieces: []piece{{0, respond(status, body, fields...)}}}
			}})
			s := t.connect(id, "")
			a := s.answer()
			switch {
			case t.reached(id) == nil:
				t.note("self" + strconv.Itoa(a.status))
			case a.opened():
				t.see(wire.SightOpened, strconv.Itoa(status))
			case a.status == 0 && !a.over && !s.line.over():
				t.see(wire.SightAnswerLost, s.said())
			default:
				t.note(strconv.Itoa(a.status))
			}
		}}
	}
	return []Probe{
		p("CHAIN-H2-401", "401", 401, "WWW-Authenticate: Basic realm=a"),
		p("CHAIN-H2-426", "426", 426, "Upgrade: websocket", "Connection: Upgrade, keep-alive", "Keep-Alive: timeout=5", "Sec-WebSocket-Version: 13"),
		p("CHAIN-H2-302", "302", 302, "Location: /elsewhere"),
		p("CHAIN-H2-200", "200", 200), p("CHAIN-H2-201", "201", 201), p("CHAIN-H2-204", "204", 204),
		{ID: "CHAIN-H2-SINK-CLOSES", Label: "An extended CONNECT; the backend closes without a byte", Want: "502, or a reset of the stream", Shared: true, run: func(t *attempt) {
			id := t.id(plan{func(*arrival) reply { return reply{body: bodyAfter, end: closes} }})
			s := t.connect(id, "")
			a := s.answer()
			switch {
			case t.reached(id) == nil:
				t.note("self" + strconv.Itoa(a.status))
			case a.opened():
				t.see(wire.SightOpened, "nothing")
			case a.status == 0 && !a.over && !s.line.over():
				t.see(wire.SightHangs, "")
			}
		}},
	}
}

// switchesHTTP2 are probes with a 101 of the sink: such as a hop must not turn into a 200, and sound ones.
func switchesHTTP2() []Probe {
	const start = "HTTP/1.1 101 Switching Protocols\r\n"
	accepted := func(a *arrival) string {
		key, _ := a.request.Value("Sec-WebSocket-Key")
		return "Sec-WebSocket-Accept: " + accept(key) + "\r\n"
	}
	answering := func(id, label, want string, text func(a *arrival) string, judge func(t *attempt, id string, s *stream, a answered)) Probe {
		return Probe{ID: id, Label: "An extended CONNECT; " + label, Want: want, Shared: true, run: func(t *attempt) {
			id := t.id(plan{func(a *arrival) reply { return tunnelled(text(a)) }})
			s := t.connect(id, "")
			a := s.answer()
			if t.reached(id) == nil {
				t.note("self" + strconv.Itoa(a.status))
				return
			}
			judge(t, id, s, a)
		}}
	}
	bad := func(id, what string, text func(a *arrival) string) Probe {
		return answering(id, "the backend's 101 "+what, "502", text, func(t *attempt, _ string, _ *stream, a answered) {
			if a.opened() {
				t.see(wire.SightOpenedUnchecked, what)
			} else {
				t.note(strconv.Itoa(a.status))
			}
		})
	}
	good := func(id, what string, text func(a *arrival) string) Probe {
		return answering(id, what, "200, and a tunnel", text, func(t *attempt, id string, s *stream, a answered) {
			switch {
			case !a.opened():
				t.see(wire.SightInterim101, s.said())
			case !s.passes(id):
				t.see(wire.SightNoMessage, "")
			}
		})
	}
	return []Probe{
		bad("CHAIN-H2-101-NOACCEPT", "has no Sec-WebSocket-Accept", func(*arrival) string { return start + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" }),
		bad("CHAIN-H2-101-ACCEPT", "has a wrong Sec-WebSocket-Accept", func(*arrival) string {
			return start + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + accept("AAAAAAAAAAAAAAAAAAAAAA==") + "\r\n\r\n"
		}),
		bad("CHAIN-H2-101-H2C", "chooses h2c", func(a *arrival) string { return switching("h2c", a) }),
		bad("CHAIN-H2-101-NOUPGRADE", "has no Upgrade", func(a *arrival) string { return start + "Connection: Upgrade\r\n" + accepted(a) + "\r\n" }),
		good("CHAIN-H2-103-101", "103 and then 101 come", func(a *arrival) string {
			return "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" + switching("websocket", a)
		}),
	}
}
