package chain

import (
	"bytes"

	"github.com/interlock-proxy/interlock/rules"
)

const ruleReuse = "UPGRADE-HOP-REUSE"

func pools() []Probe {
	unoffered := rules.Without("Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
	return []Probe{
		{ID: "CHAIN-POOL-LEFTOVER", Label: "The backend sends a 403, and a second response in the same segment", Want: "No client gets the second response", Rule: ruleReuse, run: func(t *trial) { leftover(t, false) }},
		{ID: "CHAIN-POOL-LATE", Label: "The backend sends a 403, and a second response a little later", Want: "No client gets the second response", Rule: ruleReuse, run: func(t *trial) { leftover(t, true) }},
		{ID: "CHAIN-POOL-PLAIN", Label: "The same second response after the answer to a GET without an offer", Want: "No client gets the second response", Rule: ruleReuse, run: func(t *trial) { leftover(t, false, unoffered) }},
		{ID: "CHAIN-101-AFTER-200", Label: "The backend sends a 200, and a 101 in the same segment", Want: "No client gets the 101", Rule: ruleReuse, run: func(t *trial) {
			second(t, func(a *arrival) []piece { return []piece{{0, respond(200, "body-"+a.id) + switching("websocket", a)}} }, "HTTP/1.1 101 ")
		}},
		{ID: "CHAIN-POOL-PREFIX", Label: "A handshake and the beginning of a request in one write; the backend rejects, the client leaves", Want: "The beginning is in front of no one's request", Rule: ruleReuse, run: prefix},
		{ID: "CHAIN-POOL-AFTER-TUNNEL", Label: "A client closes its tunnel", Want: "The backend connection is not used again", Rule: "UPGRADE-HOP-REUSE-SWITCHED", Needs: NeedsTunnel, run: func(t *trial) {
			o := t.tunnelTo(answerMarks)
			if o == nil {
				return
			}
			t.marked(o.line, o.id)
			o.line.close()
			t.pause(t.times.Later)
			if t.others() == "POOLED" {
				t.fail(rules.Critical, "UPGRADE-HOP-REUSE-SWITCHED", "POOLED", "Another client's request is sent on a backend connection that was a tunnel")
			}
		}},
	}
}

const poison = "POISON-body"

func leftover(t *trial, late bool, edits ...rules.Edit) {
	second(t, func(*arrival) []piece {
		if late {
			return []piece{{0, respond(403, refusalBody)}, {t.times.Later, respond(200, poison)}}
		}
		return []piece{{0, respond(403, refusalBody) + respond(200, poison)}}
	}, poison, edits...)
}

// second looks for a second response to one request, at the client and at others.
func second(t *trial, answer func(*arrival) []piece, mark string, edits ...rules.Edit) {
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
		t.fail(rules.Critical, ruleReuse, "POISONED", "Another client gets the second response that the backend sent to %s", t.unlessTwin(func(twin *trial) bool {
			again := twin.id(plan{func(a *arrival) reply { return reply{body: bodyAfter, pieces: answer(a)} }})
			twin.answer(twin.say(twin.plain(again)), 1)
			twin.read(twin.came(again))
			return twin.others() == "POISONED"
		}))
		return
	}
	if in, _ := l.received(); m != nil && bytes.Contains(in[min(m.to, len(in)):], []byte(mark)) {
		t.fail(rules.High, ruleReuse, "relayed", "Hop relays a second response to one request")
	}
}

// prefix leaves the beginning of a request behind a handshake.
func prefix(t *trial) {
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
		t.fail(rules.Critical, ruleReuse, code, "What a client left unfinished after an upgrade request is in front of another client's request")
	case b != nil && m != nil:
		t.warn(rules.Medium, rulePremature, "prefix", "Hop forwards the beginning of a request after an upgrade request")
	}
}
