package chain

import (
	"bytes"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func pools() []Probe {
	unoffered := rules.Without("Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
	return []Probe{
		{ID: "CHAIN-POOL-LEFTOVER", Label: "The backend sends a 403, and a second response in the same segment", Want: "No client gets the second response", run: func(t *attempt) { leftover(t, false) }},
		{ID: "CHAIN-POOL-LATE", Label: "The backend sends a 403, and a second response a little later", Want: "No client gets the second response", run: func(t *attempt) { leftover(t, true) }},
		{ID: "CHAIN-POOL-PLAIN", Label: "The same second response after the answer to a GET without an offer", Want: "No client gets the second response", run: func(t *attempt) { leftover(t, false, unoffered) }},
		{ID: "CHAIN-101-AFTER-200", Label: "The backend sends a 200, and a 101 in the same segment", Want: "No client gets the 101", run: func(t *attempt) {
			second(t, func(a *arrival) []piece { return []piece{{0, respond(200, "body-"+a.id) + switching("websocket", a)}} }, "HTTP/1.1 101 ")
		}},
		{ID: "CHAIN-POOL-PREFIX", Label: "A handshake and the beginning of a request in one write; the backend rejects, the client leaves", Want: "The beginning is in front of no one's request", run: prefix},
		{ID: "CHAIN-POOL-AFTER-TUNNEL", Label: "A client closes its tunnel", Want: "The backend connection is not used again", Needs: NeedsTunnel, run: func(t *attempt) {
			o := t.tunnelTo(answerMarks)
			if o == nil {
				return
			}
			t.marked(o.line, o.id)
			o.line.close()
			t.pause(t.times.Later)
			if t.others() == "POOLED" {
				t.see(wire.SightPooled, "")
			}
		}},
	}
}

const poison = "POISON-body"

func leftover(t *attempt, late bool, edits ...rules.Edit) {
	second(t, func(*arrival) []piece {
		if late {
			return []piece{{0, respond(403, refusalBody)}, {t.times.Later, respond(200, poison)}}
		}
		return []piece{{0, respond(403, refusalBody) + respond(200, poison)}}
	}, poison, edits...)
}

// second looks for a second response to one request, at the client and at others.
func second(t *attempt, answer func(*arrival) []piece, mark string, edits ...rules.Edit) {
	id := t.id(plan{func(a *arrival) reply { return reply{body: bodyAfter, pieces: answer(a)} }})
	l := t.say(t.handshake(id, edits...))
	m := t.answer(l, 1)
	a := t.reached(id)
	if a == nil {
		t.note("self")
		return
	}
	t.read(a)
	if m == nil {
		t.note("no answer")
	}
	if code := t.others(); code == "POISONED" {
		t.see(wire.SightPoisoned, "")
		t.twin(func(twin *attempt) bool {
			again := twin.id(plan{func(a *arrival) reply { return reply{body: bodyAfter, pieces: answer(a)} }})
			twin.answer(twin.say(twin.plain(again)), 1)
			twin.read(twin.came(again))
			return twin.others() == "POISONED"
		})
		return
	}
	if in, _ := l.received(); m != nil && bytes.Contains(in[min(m.to, len(in)):], []byte(mark)) {
		t.see(wire.SightSecondResponse, "")
	}
}

// prefix leaves the beginning of a request behind a handshake.
func prefix(t *attempt) {
	id := t.id(plan{func(*arrival) reply {
		return reply{body: bodyAfter, pieces: []piece{{t.times.Later, respond(403, refusalBody)}}}
	}})
	swallow := newID()
	l := t.say(t.handshake(id) + "GET " + t.path(swallow) + " HTTP/1.1\r\nHost: " + t.hop.Host + "\r\nX-Swallow: ")
	m := t.answer(l, 1)
	a := t.reached(id)
	if a == nil {
		t.note("self")
		return
	}
	t.pause(t.times.Later)
	l.close()
	code := t.others()
	switch b, _ := t.sink.saw(swallow); {
	case code == "GLUED" || code == "POISONED":
		t.see(wire.SightGlued, "")
	case b != nil && m != nil:
		t.see(wire.SightPrefix, "")
	}
}
