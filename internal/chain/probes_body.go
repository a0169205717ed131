package chain

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func bodies() []Probe {
	p := func(id, label, want string, run func(*attempt)) Probe {
		return Probe{ID: id, Label: label, Want: want, Risk: rules.State, run: run}
	}
	const arrives, notUsed = "The body arrives once and framed, or the request is rejected", "The backend connection is not used again before the body is complete"
	plainly := rules.Without("Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
	post := rules.Method("POST")
	return []Probe{
		p("CHAIN-BODY-CL", "A handshake by POST with a body that is a request", arrives, func(t *attempt) { body(t, false, post) }),
		p("CHAIN-BODY-CHUNKED", "A handshake by POST with a request in chunks as its body", arrives, func(t *attempt) { body(t, true, post) }),
		p("CHAIN-BODY-GET-CL", "A handshake with a body that is a request", arrives, func(t *attempt) { body(t, false) }),
		p("CHAIN-NOMINATE-CL", "A handshake by POST with a body that is a request, which nominates Content-Length", arrives, func(t *attempt) {
			body(t, false, post, rules.Set("Connection", "Upgrade, Content-Length"))
		}),
		p("CHAIN-BODY-EARLY-403", "A handshake by POST whose body does not come; the backend rejects it at once", notUsed, func(t *attempt) { unsentBody(t, post) }),
		p("CHAIN-BODY-EARLY-GET", "A handshake whose body does not come; the backend rejects it at once", notUsed, func(t *attempt) { unsentBody(t) }),
		p("CHAIN-BODY-EARLY-PLAIN", "A POST without an offer whose body does not come; the backend rejects it at once", notUsed, func(t *attempt) { unsentBody(t, plainly, post) }),
		p("CHAIN-BODY-FULL-403", "A handshake by POST with a body; the backend rejects it before it reads that", notUsed, func(t *attempt) { fullBody(t, false, post) }),
		p("CHAIN-BODY-FULL-GET", "A handshake with a body; the backend rejects it before it reads that", notUsed, func(t *attempt) { fullBody(t, false) }),
		p("CHAIN-BODY-LATER", "A handshake by POST whose body comes after the backend has rejected it", notUsed, func(t *attempt) { fullBody(t, true, post) }),
		p("CHAIN-BODY-101", "A handshake with a body of 8 bytes; the backend switches at once", "A rejection, or the 8 bytes once", bodyAndSwitch),
		p("CHAIN-CLTE", "A handshake by POST with Content-Length and Transfer-Encoding", "400, or one of the two at the backend", twoFramings),
	}
}

// body sends a body that is itself a request, and looks for that request at the sink.
func body(t *attempt, chunked bool, edits ...rules.Edit) {
	id, inner := t.id(plan{}), newID()
	t.sink.plan(inner, plan{})
	text := "GET " + t.path(inner) + " HTTP/1.1\r\nHost: " + t.hop.Host + "\r\n\r\n"
	content, framing := text, rules.Set("Content-Length", strconv.Itoa(len(text)))
	if chunked {
		content, framing = strconv.FormatInt(int64(len(text)), 16)+"\r\n"+text+"\r\n0\r\n\r\n", rules.Set("Transfer-Encoding", "chunked")
	}
	l := t.say(t.handshake(id, append(edits, framing)...) + content)
	m := t.answer(l, 1)
	a := t.reached(id)
	l.close()
	code := t.others()
	switch {
	case t.came(inner) != nil:
		t.see(wire.SightBodySmuggled, "")
	case code != "":
		t.see(wire.SightBodyPoisons, "")
	case a == nil:
		t.note("self" + strconv.Itoa(status(m)))
	case a.request.Has("Content-Length") || a.request.Has("Transfer-Encoding"):
		if got, whole := t.read(a); !whole || !bytes.Contains(got, []byte(text)) {
			t.see(wire.SightBodyUnsent, "")
		}
	default:
		t.see(wire.SightBodyDropped, "")
	}
}

// unsentBody announces a body that does not come, leaves after the answer, and has other clients
// send requests. The sink takes for the body whatever comes next on the connection.
func unsentBody(t *attempt, edits ...rules.Edit) {
	id := t.id(rejectsFirst())
	l := t.say(t.handshake(id, append(edits, rules.Set("Content-Length", "4000"))...) + "abc")
	m := t.rejection(l, id)
	a := t.reached(id)
	l.close()
	t.used(a, m, edits)
}

// rejection waits for an answer before the body was sent. A hop that has sent the head on gets long to
// relay it; one that waits for the body has sent none.
func (t *attempt) rejection(l *line, id string) *message {
	for began := time.Now(); time.Since(began) < 2*t.times.Not && !l.over() && t.ctx.Err() == nil; {
		if t.came(id) != nil {
			return t.answer(l, 1)
		}
		if m := t.answerIn(l, 1, t.times.Not/50); m != nil {
			return m
		}
	}
	return nil
}

// used has other clients send requests, and reports whether one is read as the body of the former.
func (t *attempt) used(a *arrival, m *message, edits []rules.Edit) {
	code := t.others()
	switch {
	case code != "":
		t.see(wire.SightIntoBody, "")
		t.twin(func(twin *attempt) bool {
			unoffered := rules.Without("Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
			id := twin.id(rejectsFirst())
			l := twin.say(twin.handshake(id, append(edits, unoffered, rules.Set("Content-Length", "4000"))...) + "abc")
			twin.rejection(l, id)
			l.close()
			return twin.others() != ""
		})
	case a == nil:
		t.note("self" + strconv.Itoa(status(m)))
	}
}

func fullBody(t *attempt, later bool, edits ...rules.Edit) {
	id := t.id(rejectsFirst())
	content := strings.Repeat("b", 40)
	head := t.handshake(id, append(edits, rules.Set("Content-Length", strconv.Itoa(len(content))))...)
	var l *line
	var m *message
	if later {
		l = t.say(head)
		m = t.rejection(l, id)
		l.send(content)
	} else {
		l = t.say(head + content)
		m = t.answer(l, 1)
	}
	t.used(t.reached(id), m, edits)
}

func bodyAndSwitch(t *attempt) {
	const content = "8-bytes!"
	o := t.sendWith(always("websocket"), content, rules.Set("Content-Length", strconv.Itoa(len(content))))
	if o.at == nil || !o.switched() {
		t.note(statusText(o.got))
		return
	}
	in, _ := o.at.backend.received()
	n := bytes.Count(in[o.at.to:], []byte(content))
	framed := o.at.request.Has("Content-Length") || o.at.request.Has("Transfer-Encoding")
	switch {
	case n == 0:
		t.see(wire.SightBodyVanished, "")
	case !framed:
		t.see(wire.SightBodyUnframed, "")
	}
}

// sendWith sends a handshake with content and follows it.
func (t *attempt) sendWith(p plan, content string, edits ...rules.Edit) outcome {
	id := t.id(p)
	return t.follow(t.say(t.handshake(id, edits...)+content), id)
}

func twoFramings(t *attempt) {
	id := t.id(plan{})
	l := t.say(t.handshake(id, rules.Method("POST"), rules.Set("Content-Length", "5"), rules.Set("Transfer-Encoding", "chunked")) + "0\r\n\r\n")
	m := t.answer(l, 1)
	if t.reached(id) == nil {
		t.note("self" + strconv.Itoa(status(m)))
	}
}

// rejectsFirst answers 403 before the body is read.
func rejectsFirst() plan {
	return plan{func(*arrival) reply { return reply{body: bodyAfter, pieces: []piece{{0, respond(403, refusalBody)}}} }}
}
