package chain

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func offers() []Probe {
	h2c := func(id, label string, edits ...rules.Edit) Probe {
		return Probe{ID: id, Label: label, Want: "The offer of h2c does not reach the backend", Shared: true, run: func(t *attempt) { offersH2C(t, edits...) }}
	}
	settings := rules.Set("HTTP2-Settings", "AAMAAABkAAQAAP__")
	without := rules.Without("Sec-WebSocket-Key", "Sec-WebSocket-Version")
	to := func(connection, upgrade string) rules.Edit {
		return rules.Edits(without, rules.Set("Connection", connection), rules.Set("Upgrade", upgrade), settings)
	}
	method := func(id, m string) Probe {
		return Probe{ID: id, Label: "A handshake with method " + m, Want: "A rejection, or the same method at the backend", Risk: rules.State, Shared: true,
			run: func(t *attempt) { otherMethod(t, m) }}
	}
	return []Probe{
		{ID: "CHAIN-CONN-FABRICATED", Label: "A handshake without Connection; the backend switches always", Want: "No Upgrade at the backend, and no 101", Shared: true, run: noConnection},
		{ID: "CHAIN-CONN-KEEPALIVE", Label: "A handshake with Connection: keep-alive; the backend is sound", Want: "No Upgrade at the backend, and no 101", Shared: true, run: keepAlive},
		{ID: "CHAIN-CONN-CLOSE-UPG", Label: "A handshake with Connection: close, Upgrade", Want: "A tunnel, or none", Shared: true, Needs: NeedsTunnel, run: func(t *attempt) {
			t.offer(sound("websocket"), rules.Set("Connection", "close, Upgrade"))
		}},
		{ID: "CHAIN-NO-UPGRADE", Label: "A handshake without Upgrade; the backend switches always", Want: "No 101", Shared: true, run: noUpgrade},
		{ID: "CHAIN-UNKNOWN", Label: "An offer of foo/1", Want: "The offer does not reach the backend", Shared: true, run: unknownOffer},
		h2c("CHAIN-H2C", "An offer of h2c", to("Upgrade, HTTP2-Settings", "h2c")),
		h2c("CHAIN-H2C-ONLY", "An offer of h2c that does not nominate HTTP2-Settings", to("Upgrade", "h2c")),
		h2c("CHAIN-H2C-CASE", "An offer of H2C", to("Upgrade, HTTP2-Settings", "H2C")),
		{ID: "CHAIN-H2C-POST", Label: "An offer of h2c by POST", Want: "The offer of h2c does not reach the backend", Risk: rules.State, Shared: true, run: func(t *attempt) {
			offersH2C(t, to("Upgrade, HTTP2-Settings", "h2c"), rules.Method("POST"), rules.Set("Content-Length", "0"))
		}},
		h2c("CHAIN-H2C-SETTINGS", "HTTP2-Settings, and Upgrade: h2c without the connection option", to("HTTP2-Settings", "h2c")),
		h2c("CHAIN-H2C-LIST", "An offer of websocket, h2c", rules.Set("Connection", "Upgrade, HTTP2-Settings"), rules.Set("Upgrade", "websocket, h2c"), settings),
		h2c("CHAIN-H2C-LINES", "An offer of websocket and of h2c in two lines", rules.Set("Connection", "Upgrade, HTTP2-Settings"), rules.Twice("Upgrade", "h2c"), settings),
		{ID: "CHAIN-TLS", Label: "An offer of TLS/1.2", Want: "The offer does not reach the backend", Shared: true, run: func(t *attempt) {
			offersHop(t, "TLS/1.2", without, rules.Set("Upgrade", "TLS/1.2"))
		}},
		{ID: "CHAIN-UDP", Label: "An offer of connect-udp", Want: "The offer does not reach the backend", Shared: true, run: func(t *attempt) {
			offersHop(t, "connect-udp", without, rules.Set("Upgrade", "connect-udp"), rules.Set("Capsule-Protocol", "?1"))
		}},
		method("CHAIN-POST", "POST"), method("CHAIN-PUT", "PUT"), method("CHAIN-HEAD", "HEAD"),
		{ID: "CHAIN-NOKEY", Label: "A handshake without key and version", Want: "A tunnel, or none", Shared: true, run: func(t *attempt) {
			if o := t.offer(sound("websocket"), without); o.tunnelled() {
				t.note("tunnel")
			}
		}},
		{ID: "CHAIN-UPG-LINES", Label: "Offers of foo/1 and websocket in two lines", Want: "Both at the backend, or none", Shared: true, run: twoOffers},
		{ID: "CHAIN-HTTP10", Label: "A handshake in HTTP/1.0", Want: "No offer at the backend, and no 101", Shared: true, run: oldVersion},
		{ID: "CHAIN-EXPECT", Label: "A handshake with Expect: 100-continue; the backend sends 100, then 101", Want: "Both, and a tunnel", Shared: true, Needs: NeedsTunnel, run: expects},
		{ID: "CHAIN-PIPELINE", Label: "A GET that is answered late, and a handshake after it in one write", Want: "The answers in the order of the requests", Shared: true, run: pipelined},
	}
}

func noConnection(t *attempt) {
	o := t.offer(always("websocket"), rules.Without("Connection"))
	t.stripped(&o)
}

// stripped notes that an offer did not reach the sink.
func (t *attempt) stripped(o *outcome) {
	switch header, _ := o.offersAt(); {
	case o.at == nil:
		t.note(o.self())
	case !header:
		t.note("stripped")
	}
}

func keepAlive(t *attempt) {
	o := t.offer(sound("websocket"), rules.Set("Connection", "keep-alive"))
	t.stripped(&o)
}

func noUpgrade(t *attempt) { t.offer(always("websocket"), rules.Without("Upgrade")) }

func unknownOffer(t *attempt) {
	o := t.offer(sound("foo"), rules.Without("Sec-WebSocket-Key", "Sec-WebSocket-Version"), rules.Set("Upgrade", "foo/1"))
	if o.tunnelled() {
		t.note("tunnel")
		return
	}
	t.stripped(&o)
}

// offersH2C offers h2c, and goes on in HTTP/2 after a 101.
func offersH2C(t *attempt, edits ...rules.Edit) {
	id := t.id(sound("h2c"))
	l := t.say(t.handshake(id, edits...))
	o := outcome{id: id, line: l, got: t.answer(l, 1), at: t.reached(id)}
	upgrade := ""
	if o.at != nil {
		upgrade = strings.ToLower(joined(&o.at.request.Head, "Upgrade"))
	}
	if o.switched() && o.at != nil {
		l.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		if o.up, o.down = t.tunnel(l, id); !o.tunnelled() {
			t.see(wire.SightNoTunnel, "")
		}
	}
	switch {
	case o.switched() && !strings.Contains(upgrade, "h2c"): // the hop speaks HTTP/2 itself, and sends the request on without the offer
		t.note("self101")
	case upgrade != "":
		t.note(upgrade)
	default:
		t.stripped(&o)
	}
}

// offersHop offers a protocol that concerns the next hop only.
func offersHop(t *attempt, protocol string, edits ...rules.Edit) {
	name, _, _ := strings.Cut(protocol, "/")
	id := t.id(plan{func(a *arrival) reply {
		if !offered(a.request, name) {
			return ok(a.id)
		}
		return tunnelled(switching(protocol, a))
	}})
	o := t.follow(t.say(t.handshake(id, edits...)), id)
	t.stripped(&o)
}

func otherMethod(t *attempt, method string) {
	edits := []rules.Edit{rules.Method(method)}
	if method != "HEAD" {
		edits = append(edits, rules.Set("Content-Length", "0"))
	}
	if o := t.offer(sound("websocket"), edits...); o.tunnelled() {
		t.note("tunnel")
	} else {
		t.stripped(&o)
	}
}

func twoOffers(t *attempt) {
	o := t.offer(plan{}, rules.Set("Upgrade", "foo/1"), rules.Twice("Upgrade", "websocket"))
	if o.at == nil {
		t.note(o.self())
		return
	}
	if got := strings.ToLower(joined(&o.at.request.Head, "Upgrade")); got != "" {
		t.note(got)
	} else {
		t.note("stripped")
	}
}

func oldVersion(t *attempt) {
	o := t.offer(sound("websocket"), rules.Version("HTTP/1.0"))
	t.stripped(&o)
}

// continues is the interim response to Expect: 100-continue.
const continues = "HTTP/1.1 100 Continue\r\n\r\n"

func expects(t *attempt) {
	o := t.offer(plan{func(a *arrival) reply {
		return reply{body: bodyAfter, pieces: []piece{{0, continues}, {t.times.Later, switching("websocket", a)}}, tunnel: answerMarks}
	}}, rules.Set("Expect", "100-continue"))
	switch {
	case o.at == nil:
		t.note(o.self())
	case !o.switched():
		t.see(wire.SightInterim101, statusText(o.got))
	}
}

// pipelined looks for a 101 that comes before the answer to the request in front of it.
func pipelined(t *attempt) {
	first := t.id(plan{func(a *arrival) reply {
		return reply{pieces: []piece{{t.times.Hold, respond(200, "body-"+a.id)}}}
	}})
	second := t.id(sound("websocket"))
	l := t.say(t.plain(first) + t.handshake(second))
	m := t.answerIn(l, 1, t.times.Come+t.times.Hold)
	if m == nil {
		t.see(wire.SightPipelineHangs, "")
		return
	}
	if m.Status == 101 {
		t.see(wire.SightOvertakes, "")
		return
	}
	if second := t.answer(l, 2); second != nil {
		t.note(fmt.Sprintf("%d,%d", m.Status, second.Status))
		return
	}
	if in, _ := l.received(); bytes.Contains(in, []byte("HTTP/1.1 101")) {
		t.note(fmt.Sprintf("%d,101", m.Status))
	}
}
