package chain

import (
	"bytes"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

func controls() []Probe {
	return []Probe{
		{ID: "CTRL-L4", Label: "Bytes that are not HTTP, and a request in an odd spelling", Want: "400 or a closed connection", Rule: "UPGRADE-HOP-L4", Shared: true, run: controlTransport},
		{ID: "CTRL-PLAIN", Label: "A GET without an offer", Want: "The backend's 200", Rule: "UPGRADE-HOP-TUNNEL", Shared: true, run: controlPlain},
		{ID: "CTRL-WS", Label: "A valid WebSocket handshake", Want: "The backend's 101, and a tunnel both ways", Rule: "UPGRADE-HOP-TUNNEL", Shared: true, run: controlHandshake},
	}
}

func lastControls() []Probe {
	return []Probe{{ID: "CTRL-END", Label: "A GET without an offer, after all probes", Want: "The backend's 200", Rule: "UPGRADE-HOP-TUNNEL", Shared: true, run: controlPlain}}
}

// controlTransport finds out whether the hop reads HTTP at all. One that does not is a transport
// relay, and everything it does is done by the backend.
func controlTransport(t *trial) {
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
	same := string(a.request.Raw) == text
	if !t.leaks(l, newID()) || !same {
		return
	}
	if sniffs {
		t.warn(rules.Medium, "UPGRADE-HOP-L4", "sniffs", "Hop relays bytes that are not HTTP once a connection has begun with a request")
		return
	}
	t.note("L4")
}

func controlPlain(t *trial) {
	id := t.id(plan{})
	m := t.answer(t.say(t.plain(id)), 1)
	a := t.reached(id)
	switch {
	case m == nil || m.Status != 200 || string(m.body) != "body-"+id || a == nil:
		t.fail(rules.High, "UPGRADE-HOP-TUNNEL", "broken", "Hop does not pass a plain GET on to the backend and its answer back: %s", t.plainly(m, a))
	case a.request.HasOption("upgrade"):
		t.warn(rules.Low, "UPGRADE-HOP-CONN-FABRICATED", "dangling-upgrade", "Hop adds Connection: upgrade to a request without an offer")
	}
}

// plainly says what became of a plain request.
func (t *trial) plainly(m *message, a *arrival) string {
	switch {
	case m == nil && a == nil:
		return "it did not reach the backend and got no answer"
	case m == nil:
		return "it reached the backend and got no answer"
	case a == nil:
		return "the client got " + statusText(m) + ", and the backend saw no request"
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
func controlHandshake(t *trial) {
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
		t.fail(rules.High, "UPGRADE-HOP-TUNNEL", o.self(), "Hop does not answer a valid WebSocket handshake")
	case !o.switched():
		t.fail(rules.High, "UPGRADE-HOP-TUNNEL", "lost-101", "Backend switched, and the client got %s", statusText(o.got))
	case !o.up || !o.down:
		t.fail(rules.High, "UPGRADE-HOP-TUNNEL", "no-tunnel", "Client got a 101, and bytes do not pass both ways")
	default:
		t.note("tunnel")
	}
	if o.switched() && o.at != nil {
		t.overtaken(&o)
	}
}

// overtaken reports a 101 that the client had before the sink sent one.
func (t *trial) overtaken(o *outcome) {
	client := o.line.when(o.got.to - 1)
	var sent bool
	o.at.backend.mu.Lock()
	for _, e := range o.at.backend.events {
		if e.ours && strings.HasPrefix(string(e.bytes), "HTTP/1.1 101 ") {
			sent = e.at.Before(client)
		}
	}
	o.at.backend.mu.Unlock()
	if !sent {
		t.warn(rules.Medium, "UPGRADE-HOP-101-INVENTED", "101-BEFORE-SINK", "Hop sent a 101 before the backend did")
		return
	}
	if key, _ := o.at.request.Value("Sec-WebSocket-Key"); key != "" {
		in, _ := o.line.received()
		if !bytes.Contains(in, []byte(accept(key))) {
			t.note("re-originated")
		}
	}
}
