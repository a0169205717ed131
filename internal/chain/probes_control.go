package chain

import (
	"bytes"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

func controls() []Probe {
	return []Probe{
		{ID: "CTRL-L4", Label: "Bytes that are not HTTP, and a request in an odd spelling", Want: "400 or a closed connection", Shared: true, run: controlTransport},
		{ID: "CTRL-PLAIN", Label: "A GET without an offer", Want: "The backend's 200", Shared: true, run: controlPlain},
		{ID: "CTRL-WS", Label: "A valid WebSocket handshake", Want: "The backend's 101, and a tunnel both ways", Shared: true, run: controlHandshake},
	}
}

// lastControls are the first ones once more.
func lastControls() []Probe {
	last := controls()
	for i, id := range [...]string{"CTRL-L4-END", "CTRL-END", "CTRL-WS-END"} {
		last[i].ID = id
		last[i].Label += ", after all probes"
	}
	return last
}

// controlTransport finds out whether the hop reads HTTP at all. One that does not is a transport
// relay, and everything it does is done by the backend.
func controlTransport(t *attempt) {
	first := t.open()
	sniffs := !t.leaks(first, newID())
	id := t.id(plan{})
	text := t.odd(id)
	l := t.say(text)
	m := t.answer(l, 1)
	a := t.reached(id)
	if m == nil || a == nil {
		return
	}
	t.main, t.mainID = l, id
	same := string(a.request.Raw) == text
	switch leaks := t.leaks(l, newID()); {
	case !leaks || !same:
	case sniffs:
		t.see(wire.SightSniffs, "")
	default:
		t.see(wire.SightRelay, "")
		t.note("L4")
	}
}

func controlPlain(t *attempt) {
	id := t.id(plan{})
	m := t.answer(t.say(t.plain(id)), 1)
	a := t.reached(id)
	if m == nil || m.Status != 200 || string(m.body) != "body-"+id || a == nil {
		t.see(wire.SightBroken, t.plainly(m, a))
	}
}

// plainly says what became of a plain request.
func (t *attempt) plainly(m *message, a *arrival) string {
	switch {
	case m == nil && a == nil:
		return "it did not reach the server and got no answer"
	case m == nil:
		return "it reached the server and got no answer"
	case a == nil:
		return "the client got " + statusText(m) + ", and the server saw no request"
	}
	return "the client got " + statusText(m)
}

func statusText(m *message) string {
	if m == nil {
		return "no answer"
	}
	return "a " + string(m.Text(m.Start))[strings.IndexByte(string(m.Text(m.Start)), ' ')+1:]
}

// controlHandshake judges what the hop does to a valid handshake. The sink waits before its 101, so
// that one that comes earlier is not the backend's.
func controlHandshake(t *attempt) {
	id := t.id(plan{func(a *arrival) reply {
		if !offered(a.request, "websocket") {
			return ok(a.id)
		}
		return reply{body: bodyAfter, pieces: []piece{{t.times.Later, switching("websocket", a)}}, tunnel: answerMarks}
	}})
	l := t.say(t.handshake(id))
	o := t.follow(l, id)
	header, option := o.offersAt()
	switch {
	case !o.switched() && o.at == nil && o.got != nil:
		t.note(o.self())
	case !o.switched() && status(o.got) == 200 && !(header && option):
		t.note("stripped-200")
	case o.got == nil:
		t.see(wire.SightUnanswered, o.ended())
	case !o.switched():
		t.see(wire.SightRefused, statusText(o.got))
	case o.up && o.down:
		t.note("tunnel")
	}
	if o.switched() && o.at != nil {
		t.originates(&o)
	}
}

// originates notes a hop that has sent a key of its own.
func (t *attempt) originates(o *outcome) {
	key, _ := o.at.request.Value("Sec-WebSocket-Key")
	if in, _ := o.line.received(); key != "" && !bytes.Contains(in, []byte(accept(key))) {
		t.note("re-originated")
	}
}
