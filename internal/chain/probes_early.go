package chain

import (
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

func early() []Probe {
	return []Probe{
		{ID: "CHAIN-PREMATURE", Label: "A handshake and a request after it in one write; the backend answers late", Want: "Nothing after the handshake reaches the backend before its answer", Shared: true, run: premature},
		{ID: "CHAIN-PREMATURE-RAW", Label: "A handshake and bytes that are not HTTP in one write; the backend rejects late", Want: "The bytes do not reach the backend", Shared: true, run: func(t *attempt) { prematureRaw(t, false) }},
		{ID: "CHAIN-PREMATURE-LATER", Label: "A handshake, and bytes that are not HTTP a little later; the backend rejects late", Want: "The bytes do not reach the backend", Shared: true, run: func(t *attempt) { prematureRaw(t, true) }},
		{ID: "CHAIN-EARLY", Label: "A handshake and a frame in one write; the backend switches late", Want: "The frame reaches the backend after its 101", Shared: true, Needs: NeedsTunnel, run: earlyFrame},
	}
}

// late is a plan that answers after Hold.
func (t *attempt) late(text func(a *arrival) string, then func(b *backend, at int)) plan {
	return plan{func(a *arrival) reply {
		return reply{body: bodyAfter, pieces: []piece{{t.times.Hold, text(a)}}, tunnel: then}
	}}
}

func premature(t *attempt) {
	id := t.id(t.late(func(a *arrival) string { return respond(200, "body-"+a.id) }, nil))
	second := newID()
	t.sink.plan(second, plan{})
	text := t.odd(second)
	l := t.say(t.handshake(id) + text)
	a := t.arrival(id, t.times.Come)
	t.answerIn(l, 1, t.times.Come+t.times.Hold)
	if a == nil {
		t.note("self")
		return
	}
	t.read(a)
	t.answerIn(l, 2, t.times.Not)
}

func prematureRaw(t *attempt, later bool) {
	id := t.id(t.late(func(*arrival) string { return respond(403, refusalBody) }, nil))
	mark := newID()
	var l *line
	if later {
		l = t.say(t.handshake(id))
		t.pause(t.times.Later)
		l.send(raw(mark))
	} else {
		l = t.say(t.handshake(id) + raw(mark))
	}
	a := t.arrival(id, t.times.Come)
	t.answerIn(l, 1, t.times.Come+t.times.Hold)
	if a == nil {
		t.note("self")
		return
	}
	t.read(a)
	t.gets("RAW" + mark)
	b, at := t.sink.saw("RAW" + mark)
	switch {
	case b == nil:
	case b == a.backend && b.when(at).Before(t.sentAt(b)):
		t.see(wire.SightRawEarly, "")
	default:
		t.see(wire.SightRawLate, "")
	}
}

func earlyFrame(t *attempt) {
	id := t.id(t.late(func(a *arrival) string { return switching("websocket", a) }, answerMarks))
	l := t.say(t.handshake(id) + clientFrame(up(id)))
	a := t.arrival(id, t.times.Come)
	m := t.answerIn(l, 1, t.times.Come+t.times.Hold)
	if a == nil || status(m) != 101 {
		t.note("refused")
		return
	}
	if upward, _ := t.marked(l, id); !upward {
		t.see(wire.SightEarlyLost, "")
	}
}

// sentAt returns when the sink began to answer on a connection.
func (t *attempt) sentAt(b *backend) (first time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.ours {
			return e.at
		}
	}
	return first
}
