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
		[]Probe{{ID: overHTTP2ID, Label: "An extended CONNECT in HTTP/2", Want: "The backend's 101 as 200, and a tunnel both ways", Shared: true, run: overHTTP2}},
		earlyHTTP2(), deniedHTTP2(), answersHTTP2(), switchesHTTP2(),
	)
	return finished(inTurn(alone, all))
}

// overHTTP2 opens a tunnel. Where the hop does not offer that, or does not speak HTTP/2, nothing is wrong.
func overHTTP2(t *attempt) {
	if why := t.unspoken(); why != "" {
		t.nothing(why)
		return
	}
	id := t.id(sound("websocket"))
	s := t.connect(id, "")
	t.main = s.line
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
		return Probe{ID: id, Label: "An extended CONNECT" + what + " and, in DATA, a request in HTTP/1.1 in one write; the backend rejects late", Want: "The bytes do not reach the backend", run: func(t *attempt) {
			second := newID()
			t.sink.plan(second, plan{})
			smuggle(t, second, t.odd(second), [2]wire.Sight{wire.SightStreamEarly, wire.SightStreamLate}, "", more...)
		}}
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

// smuggle sends a request with that id in the stream of a handshake that the sink rejects. The first sight is that
// of bytes that get to the sink before it has answered.
func smuggle(t *attempt, second, text string, sights [2]wire.Sight, detail string, more ...h2.Field) {
	id := t.id(t.late(func(*arrival) string { return respond(403, refusalBody) }, nil))
	s := t.connect(id, text, more...)
	t.main, t.mainID = s.line, id
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
		t.see(sights[0], detail)
	default:
		t.see(sights[1], detail)
	}
}

// deniedHTTP2 are probes for the path that the hop rejects as a GET in HTTP/1.1.
func deniedHTTP2() []Probe {
	const want = "The hop rejects it, as it does a GET in HTTP/1.1"
	p := func(id, what string, protocol string) Probe {
		return Probe{ID: id, Label: what + " for the path of --protected", Want: want, Needs: NeedsPath, Shared: true, run: func(t *attempt) {
			t.unlessOpen(func(id string) { deniedStream(t, id, protocol) })
		}}
	}
	return []Probe{
		p("CHAIN-H2-DENIED-GET", "A GET in HTTP/2", ""),
		p("CHAIN-H2-DENIED-CONNECT", "An extended CONNECT", "websocket"),
		p("CHAIN-H2-DENIED-UNKNOWN", "An extended CONNECT with an unknown protocol", "interlock-unknown"),
		{ID: "CHAIN-H2-DENIED-EARLY", Label: "An extended CONNECT and, in DATA, a GET in HTTP/1.1 for the path of --protected in one write; the backend rejects late", Want: "The GET does not reach the backend", Needs: NeedsPath, run: func(t *attempt) {
			t.unlessOpen(func(id string) {
				smuggle(t, id, t.forbidden(id), [2]wire.Sight{wire.SightDeniedEarly, wire.SightDeniedLate}, t.hop.Protected)
			})
		}},
	}
}

// deniedStream sends a request for the path that the hop rejects. What reaches the sink, the rulebook reports.
func deniedStream(t *attempt, id, protocol string) {
	t.sink.plan(id, sound("websocket"))
	path := t.hop.rejected(id)
	t.omits = t.stranger
	fields := t.extended(path, h2.Field{Name: ":protocol", Value: protocol})
	if protocol == "" {
		fields = t.fields([]h2.Field{
			{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: t.hop.scheme()}, {Name: ":path", Value: path}, {Name: ":authority", Value: t.hop.Host},
		}, nil)
	}
	t.omits = false
	s := t.stream(fields, "", protocol == "")
	t.main, t.mainID = s.line, id
	a := s.answer()
	if t.reached(id) == nil {
		t.note("self" + strconv.Itoa(a.status))
	}
}
