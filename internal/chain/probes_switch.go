package chain

import (
	"bytes"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

const ruleUnchecked = "UPGRADE-HOP-101-UNCHECKED"

func switches() []Probe {
	bad := func(id, what string, fail bool, s rules.Severity, text func(a *arrival) string, edits ...rules.Edit) Probe {
		return Probe{ID: id, Label: "The backend's 101 " + what, Want: "502, or the client's own check", Rule: ruleUnchecked, run: func(t *trial) { wrongSwitch(t, what, fail, s, text, edits...) }}
	}
	const start = "HTTP/1.1 101 Switching Protocols\r\n"
	accepted := func(a *arrival) string {
		key, _ := a.request.Value("Sec-WebSocket-Key")
		return "Sec-WebSocket-Accept: " + accept(key) + "\r\n"
	}
	unoffered := rules.Without("Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
	return []Probe{
		bad("CHAIN-101-BARE", "has no headers", true, rules.Critical, func(*arrival) string { return start + "\r\n" }),
		bad("CHAIN-101-NOUPG", "has no Upgrade", true, rules.Critical, func(a *arrival) string { return start + "Connection: Upgrade\r\n" + accepted(a) + "\r\n" }),
		bad("CHAIN-101-OTHER", "chooses foo where websocket was offered", true, rules.Critical, func(a *arrival) string { return switching("foo", a) }),
		bad("CHAIN-101-H2C", "chooses h2c where websocket was offered", true, rules.Critical, func(a *arrival) string { return switching("h2c", a) }),
		bad("CHAIN-101-UNSOLICITED", "comes to a GET without an offer", true, rules.Critical, func(a *arrival) string { return switching("websocket", a) }, unoffered),
		bad("CHAIN-101-UNSOL-BARE", "comes to a GET without an offer, and has no headers", true, rules.Critical, func(*arrival) string { return start + "\r\n" }, unoffered),
		bad("CHAIN-101-LIST", "chooses websocket, h2c", false, rules.Medium, func(a *arrival) string {
			return switching("websocket, h2c", a, strings.TrimSuffix(accepted(a), "\r\n"))
		}),
		bad("CHAIN-101-ACCEPT", "has a wrong Sec-WebSocket-Accept", false, rules.Low, func(*arrival) string {
			return start + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + accept("AAAAAAAAAAAAAAAAAAAAAA==") + "\r\n\r\n"
		}),
		bad("CHAIN-101-NOACCEPT", "has no Sec-WebSocket-Accept", false, rules.Low, func(*arrival) string { return start + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" }),
		bad("CHAIN-101-NOCONN", "has no Connection", false, rules.Low, func(a *arrival) string { return start + "Upgrade: websocket\r\n" + accepted(a) + "\r\n" }),
		framed("CHAIN-101-CL", "Content-Length: 5"), framed("CHAIN-101-CL0", "Content-Length: 0"), framed("CHAIN-101-TE", "Transfer-Encoding: chunked"),
		{ID: "CHAIN-101-CLOSE", Label: "The backend's 101 has Connection: close, Upgrade", Want: "A tunnel", Rule: "UPGRADE-HOP-TUNNEL", Shared: true, Needs: NeedsTunnel, run: func(t *trial) {
			o := t.offer(plan{func(a *arrival) reply {
				return tunnelled(strings.Replace(switching("websocket", a), "Connection: Upgrade", "Connection: close, Upgrade", 1))
			}})
			if o.tunnelled() {
				t.note("tunnel")
			} else {
				t.note("no-tunnel")
			}
		}},
		{ID: "CHAIN-101-TAIL", Label: "The backend's first frame comes in the segment of its 101", Want: "The frame at the client", Rule: "UPGRADE-HOP-TAIL-LOST", Shared: true, Needs: NeedsTunnel, run: func(t *trial) { tail(t, false) }},
		{ID: "CHAIN-101-SPLIT", Label: "The backend's 101 comes in four segments", Want: "A tunnel", Rule: "UPGRADE-HOP-TAIL-LOST", Shared: true, Needs: NeedsTunnel, run: func(t *trial) { tail(t, true) }},
		interim("CHAIN-100-101", continues), interim("CHAIN-103-101", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"),
	}
}

// wrongSwitch judges what becomes of a 101 that a hop must not or need not relay.
func wrongSwitch(t *trial, what string, fail bool, s rules.Severity, text func(a *arrival) string, edits ...rules.Edit) {
	var sent string
	o := t.offer(plan{func(a *arrival) reply {
		sent = text(a)
		return tunnelled(sent)
	}}, edits...)
	if o.at == nil {
		t.note(o.self())
		return
	}
	code := "relayed"
	if o.switched() {
		code += rewritten(wire.ReadResponse([]byte(sent)), o.got.Response)
	}
	switch {
	case o.tunnelled() && fail:
		t.fail(s, ruleUnchecked, code+"+tunnel", "Hop relays a 101 that %s, and a tunnel is open", what)
	case o.tunnelled():
		t.warn(s, ruleUnchecked, code+"+tunnel", "Hop relays a 101 that %s; checking it is the client's duty", what)
	case o.switched():
		t.fail(rules.Medium, ruleUnchecked, code, "Hop relays a 101 that %s, and no byte passes", what)
	case o.got != nil && o.got.Status == 200:
		t.fail(rules.Medium, ruleUnchecked, "made-200", "Hop turns a 101 that %s into a 200", what)
	case o.got == nil && !o.line.over():
		t.warn(rules.Medium, ruleUnchecked, "HANG", "Hop does not answer where the backend's 101 %s", what)
	}
	if strings.Contains(code, ">") {
		t.fail(rules.High, "UPGRADE-HOP-101-INVENTED", "REWRITTEN", "Hop's 101 names another protocol than the backend's%s", code[len("relayed"):])
	}
	o.line.close()
	if t.others() == "POOLED" {
		t.fail(rules.Critical, "UPGRADE-HOP-REUSE-SWITCHED", "POOLED", "Another client's request is sent on a backend connection that has switched protocols")
	}
}

// rewritten says which protocol the sink's 101 named and which one that at the client does, if they
// differ.
func rewritten(sent, got *wire.Response) string {
	was, is := strings.ToLower(joined(&sent.Head, "Upgrade")), strings.ToLower(joined(&got.Head, "Upgrade"))
	if was == is || is == "" {
		return ""
	}
	return "+REWRITTEN(" + was + ">" + is + ")"
}

func framed(id, field string) Probe {
	return Probe{ID: id, Label: "The backend's 101 has " + field + ", with a frame in the same segment", Want: "A tunnel that loses no byte", Rule: "UPGRADE-HOP-101-FRAMED", Shared: true, Needs: NeedsTunnel, run: func(t *trial) {
		o := t.offer(plan{func(a *arrival) reply {
			return tunnelled(switching("websocket", a, field) + serverFrame("first-"+a.id))
		}})
		if !o.switched() {
			t.note(statusText(o.got))
			return
		}
		in, _ := o.line.received()
		name, _, _ := strings.Cut(field, ":")
		switch {
		case !o.up || !o.down || !bytes.Contains(in, []byte(serverFrame("first-"+o.id))):
			t.fail(rules.High, "UPGRADE-HOP-101-FRAMED", "swallowed", "Hop loses bytes of a tunnel, as it reads %s in a 101 as if there were content", field)
		case o.got.Has(name):
			t.warn(rules.Low, "UPGRADE-HOP-101-FRAMED", "relayed", "Hop relays %s in a 101", field)
		}
	}}
}

// tail looks for a frame in the segment of the 101, or after a 101 in four segments.
func tail(t *trial, split bool) {
	o := t.offer(plan{func(a *arrival) reply {
		text := switching("websocket", a)
		r := tunnelled(text + serverFrame("first-"+a.id))
		if n := len(text); split {
			r.pieces = []piece{{0, text[:20]}, {t.times.Later, text[20 : n-3]}, {t.times.Later, text[n-3 : n-1]}, {t.times.Later, text[n-1:] + serverFrame("first-"+a.id)}}
		}
		return r
	}})
	if !o.switched() {
		t.fail(rules.High, "UPGRADE-HOP-101-LOST", "lost", "Client does not get a 101 that comes in several segments or with a frame after it: it gets %s", statusText(o.got))
		return
	}
	if in, _ := o.line.received(); !bytes.Contains(in, []byte("first-"+o.id)) {
		t.fail(rules.High, "UPGRADE-HOP-TAIL-LOST", "lost", "Hop loses a frame that the backend sends in the segment of its 101")
	}
}

func interim(id, text string) Probe {
	return Probe{ID: id, Label: "The backend sends " + text[len("HTTP/1.1 "):len("HTTP/1.1 100")] + " and then its 101", Want: "The 101 at the client", Rule: "UPGRADE-HOP-101-LOST", Shared: true, Needs: NeedsTunnel, run: func(t *trial) {
		o := t.offer(plan{func(a *arrival) reply {
			return reply{body: bodyAfter, pieces: []piece{{0, text}, {t.times.Later, switching("websocket", a)}}, tunnel: answerMarks}
		}})
		if o.at != nil && !o.switched() {
			t.fail(rules.Medium, "UPGRADE-HOP-101-LOST", "lost", "Client does not get a 101 that follows an interim response: it gets %s", statusText(o.got))
		} else if o.switched() && (!o.up || !o.down) {
			t.fail(rules.High, "UPGRADE-HOP-101-LOST", "no-tunnel", "Client got a 101 after an interim response, and bytes do not pass both ways")
		}
	}}
}
