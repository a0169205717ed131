package chain

import (
	"bytes"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func switches() []Probe {
	bad := func(id, what string, text func(a *arrival) string, edits ...rules.Edit) Probe {
		return Probe{ID: id, Label: "The backend's 101 " + what, Want: "502, or the client's own check", run: func(t *attempt) { wrongSwitch(t, text, edits...) }}
	}
	const start = "HTTP/1.1 101 Switching Protocols\r\n"
	accepted := func(a *arrival) string {
		key, _ := a.request.Value("Sec-WebSocket-Key")
		return "Sec-WebSocket-Accept: " + accept(key) + "\r\n"
	}
	unoffered := rules.Without("Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
	return []Probe{
		bad("CHAIN-101-BARE", "has no headers", func(*arrival) string { return start + "\r\n" }),
		bad("CHAIN-101-NOUPG", "has no Upgrade", func(a *arrival) string { return start + "Connection: Upgrade\r\n" + accepted(a) + "\r\n" }),
		bad("CHAIN-101-OTHER", "chooses foo where websocket was offered", func(a *arrival) string { return switching("foo", a) }),
		bad("CHAIN-101-H2C", "chooses h2c where websocket was offered", func(a *arrival) string { return switching("h2c", a) }),
		bad("CHAIN-101-UNSOLICITED", "comes to a GET without an offer", func(a *arrival) string { return switching("websocket", a) }, unoffered),
		bad("CHAIN-101-UNSOL-BARE", "comes to a GET without an offer, and has no headers", func(*arrival) string { return start + "\r\n" }, unoffered),
		bad("CHAIN-101-LIST", "chooses websocket, h2c", func(a *arrival) string {
			return switching("websocket, h2c", a, strings.TrimSuffix(accepted(a), "\r\n"))
		}),
		bad("CHAIN-101-ACCEPT", "has a wrong Sec-WebSocket-Accept", func(*arrival) string {
			return start + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + accept("AAAAAAAAAAAAAAAAAAAAAA==") + "\r\n\r\n"
		}),
		bad("CHAIN-101-NOACCEPT", "has no Sec-WebSocket-Accept", func(*arrival) string { return start + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" }),
		bad("CHAIN-101-NOCONN", "has no Connection", func(a *arrival) string { return start + "Upgrade: websocket\r\n" + accepted(a) + "\r\n" }),
		framed("CHAIN-101-CL", "Content-Length: 5"), framed("CHAIN-101-CL0", "Content-Length: 0"), framed("CHAIN-101-TE", "Transfer-Encoding: chunked"),
		{ID: "CHAIN-101-CLOSE", Label: "The backend's 101 has Connection: close, Upgrade", Want: "A tunnel", Shared: true, Needs: NeedsTunnel, run: func(t *attempt) {
			o := t.offer(plan{func(a *arrival) reply {
				return tunnelled(strings.Replace(switching("websocket", a), "Connection: Upgrade", "Connection: close, Upgrade", 1))
			}})
			if o.tunnelled() {
				t.note("tunnel")
			} else {
				t.note("no-tunnel")
			}
		}},
		{ID: "CHAIN-101-TAIL", Label: "The backend's first frame comes in the segment of its 101", Want: "The frame at the client", Shared: true, Needs: NeedsTunnel, run: func(t *attempt) { tail(t, false) }},
		{ID: "CHAIN-101-SPLIT", Label: "The backend's 101 comes in four segments", Want: "A tunnel", Shared: true, Needs: NeedsTunnel, run: func(t *attempt) { tail(t, true) }},
		interim("CHAIN-100-101", continues), interim("CHAIN-103-101", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"),
	}
}

// wrongSwitch sends a 101 that a hop must not or need not relay.
func wrongSwitch(t *attempt, text func(a *arrival) string, edits ...rules.Edit) {
	o := t.offer(plan{func(a *arrival) reply { return tunnelled(text(a)) }}, edits...)
	if o.at == nil {
		t.note(o.self())
		return
	}
	if o.got == nil && !o.line.over() {
		t.see(wire.Sight101Hangs, "")
	}
	o.line.close()
	if t.others() == "POOLED" {
		t.see(wire.SightPooled, "")
	}
}

func framed(id, field string) Probe {
	return Probe{ID: id, Label: "The backend's 101 has " + field + ", with a frame in the same segment", Want: "A tunnel that loses no byte", Shared: true, Needs: NeedsTunnel, run: func(t *attempt) {
		o := t.offer(plan{func(a *arrival) reply {
			return tunnelled(switching("websocket", a, field) + serverFrame("first-"+a.id))
		}})
		if !o.switched() {
			t.note(statusText(o.got))
			return
		}
		in, _ := o.line.received()
		if !o.up || !o.down || !bytes.Contains(in, []byte(serverFrame("first-"+o.id))) {
			t.see(wire.SightFirstLost, "")
		}
	}}
}

// tail looks for a frame in the segment of the 101, or after a 101 in four segments.
func tail(t *attempt, split bool) {
	o := t.offer(plan{func(a *arrival) reply {
		text := switching("websocket", a)
		r := tunnelled(text + serverFrame("first-"+a.id))
		if n := len(text); split {
			r.pieces = []piece{{0, text[:20]}, {t.times.Later, text[20 : n-3]}, {t.times.Later, text[n-3 : n-1]}, {t.times.Later, text[n-1:] + serverFrame("first-"+a.id)}}
		}
		return r
	}})
	if !o.switched() {
		t.see(wire.SightSplit101, statusText(o.got))
		return
	}
	if in, _ := o.line.received(); !bytes.Contains(in, []byte("first-"+o.id)) {
		t.see(wire.SightFirstLost, "")
	}
}

func interim(id, text string) Probe {
	return Probe{ID: id, Label: "The backend sends " + text[len("HTTP/1.1 "):len("HTTP/1.1 100")] + " and then its 101", Want: "The 101 at the client", Shared: true, Needs: NeedsTunnel, run: func(t *attempt) {
		o := t.offer(plan{func(a *arrival) reply {
			return reply{body: bodyAfter, pieces: []piece{{0, text}, {t.times.Later, switching("websocket", a)}}, tunnel: answerMarks}
		}})
		if o.at != nil && !o.switched() {
			t.see(wire.SightInterim101, statusText(o.got))
		}
	}}
}
