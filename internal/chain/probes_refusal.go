package chain

import (
	"github.com/interlock-proxy/interlock/wire"
)

// refusalBody has 12 bytes.
const refusalBody = "refused-body"

func refusals() []Probe {
	p := func(id, what string, text func(a *arrival) string, end ending) Probe {
		return Probe{ID: id, Label: "A handshake; the backend answers " + what, Want: "The same answer at the client, and no tunnel", Shared: true, run: func(t *attempt) {
			refused(t, func(a *arrival) reply { return reply{body: bodyAfter, pieces: []piece{{0, text(a)}}, end: end} })
		}}
	}
	answers := func(status int, fields ...string) func(*arrival) string {
		return func(*arrival) string { return respond(status, refusalBody, fields...) }
	}
	return []Probe{
		p("CHAIN-426", "426", answers(426, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"), stay),
		p("CHAIN-400", "400", answers(400), stay),
		p("CHAIN-403-CLOSE", "403 and closes", answers(403, "Connection: close"), closes),
		p("CHAIN-401-CHUNKED", "401 in chunks", func(*arrival) string {
			return "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=a\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n" + refusalBody + "\r\n0\r\n\r\n"
		}, stay),
		p("CHAIN-200", "200", answers(200), stay),
		p("CHAIN-200-UPG", "200 with the headers of a 101", answers(200, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="), stay),
		p("CHAIN-204", "204", func(*arrival) string { return respond(204, "") }, stay),
		p("CHAIN-302", "302", answers(302, "Location: /elsewhere"), stay),
		p("CHAIN-503", "503", answers(503), stay),
		{ID: "CHAIN-426-FIELDS", Label: "A handshake; the backend answers 426", Want: "Upgrade, Connection and Sec-WebSocket-Version at the client", Shared: true, run: keeps426},
		{ID: "CHAIN-REFUSED-EOF", Label: "A handshake; the backend answers 403 and ends the body by closing", Want: "The body at the client", Shared: true, run: func(t *attempt) {
			o := t.offer(plan{func(*arrival) reply {
				return reply{body: bodyAfter, pieces: []piece{{0, "HTTP/1.1 403 Forbidden\r\n\r\n" + refusalBody}}, end: closes}
			}})
			switch {
			case o.at == nil:
				t.note(o.self())
			case o.got == nil:
				t.see(wire.SightEndLost, o.ended())
			case string(o.got.body) != refusalBody:
				t.see(wire.SightBodyLost, "")
			}
		}},
		{ID: "CHAIN-SINK-CLOSES", Label: "A handshake; the backend closes without a byte", Want: "502", Shared: true, run: func(t *attempt) {
			o := t.offer(plan{func(*arrival) reply { return reply{body: bodyAfter, end: closes} }})
			if o.got == nil && o.at != nil && !o.line.over() {
				t.see(wire.SightHangs, "")
			} else {
				t.note(o.self())
			}
		}},
	}
}

// refused looks for a tunnel after a response that is not a 101. A second request proves nothing, as
// every proxy passes that on; bytes that are not HTTP do.
func refused(t *attempt, answer func(*arrival) reply) {
	var want reply
	o := t.offer(plan{func(a *arrival) reply {
		want = answer(a)
		return want
	}})
	if o.at == nil {
		t.note(o.self())
		return
	}
	t.read(o.at)
	sent, _ := responses([]byte(want.pieces[0].text), false, true)
	switch {
	case o.got == nil:
		t.see(wire.SightAnswerLost, o.ended())
	case o.got.Status == sent[0].Status && string(o.got.body) != string(sent[0].body):
		t.see(wire.SightBodyLost, "")
	}
	if o.got != nil && t.leaks(o.line, newID()) {
		t.see(wire.SightRawLate, "")
		return
	}
	t.again(answer)
}

// again refuses once more, and notes what becomes of a second request.
func (t *attempt) again(answer func(*arrival) reply) {
	id := newID()
	t.sink.plan(id, plan{answer})
	l := t.say(t.handshake(id))
	if t.answer(l, 1) == nil || l.over() {
		return
	}
	second := newID()
	t.sink.plan(second, plan{})
	text := t.odd(second)
	l.send(text)
	m := t.answerIn(l, 2, t.times.Not)
	switch a := t.came(second); {
	case a == nil && l.over():
		t.note("then closed")
	case a == nil:
	case string(a.request.Raw) == text:
		t.note("then identical")
	case m != nil:
		t.note("then served")
	}
}

func keeps426(t *attempt) {
	o := t.offer(plan{func(*arrival) reply {
		return reply{body: bodyAfter, pieces: []piece{{0, respond(426, refusalBody, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13, 8")}}}
	}})
	if o.at == nil || status(o.got) != 426 {
		t.nothing("the 426 did not reach the client")
	}
}
