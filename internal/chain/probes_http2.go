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
