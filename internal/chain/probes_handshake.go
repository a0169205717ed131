package chain

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func handshakes() []Probe {
	return []Probe{
		{ID: "CTRL-WS-FIREFOX", Label: "A valid handshake with Connection: keep-alive, Upgrade", Want: "A tunnel", Shared: true, Needs: NeedsTunnel, run: func(t *attempt) {
			if o := t.offer(sound("websocket"), rules.Set("Connection", "keep-alive, Upgrade")); o.tunnelled() {
				t.note("tunnel")
			} else {
				t.note("no-tunnel")
			}
		}},
		{ID: "CHAIN-WS-FIELDS", Label: "A handshake and a 101 with many headers", Want: "The values are the same on both sides", Shared: true, Needs: NeedsTunnel, run: keepsFields},
		{ID: "CHAIN-TWIN-FIELDS", Label: "The same request with and without an offer", Want: "The hop adds the same headers to both", Shared: true, run: twinFields},
		{ID: "CHAIN-TWIN-TARGET", Label: "An unusual target with and without an offer", Want: "The same target on both paths", Shared: true, run: twinTarget},
		{ID: "CHAIN-VIA", Label: "A handshake, to see what the hop says of itself", Want: "A fact", Shared: true, run: func(t *attempt) {
			o := t.offer(plan{})
			if o.at != nil && o.at.request.Has("Via") {
				t.note("Via: " + joined(&o.at.request.Head, "Via"))
			} else {
				t.note("no-Via")
			}
		}},
		{ID: "CHAIN-XFF-SPOOF", Label: "A handshake with X-Forwarded-For and X-Real-IP of the client's choice", Want: "A fact", Shared: true, run: spoofed},
		{ID: "CHAIN-HEAD-SIZE", Label: "Handshakes with a Cookie of 3.5, 7.5, 15, 31 and 63 kB", Want: "A fact", Shared: true, run: headSize},
		{ID: "CHAIN-REQ-SPLIT", Label: "A valid handshake in four writes", Want: "A tunnel", Shared: true, Needs: NeedsTunnel, run: func(t *attempt) {
			id := t.id(sound("websocket"))
			text := t.handshake(id)
			l, n := t.open(), len(text)/4
			for i := range 3 {
				l.send(text[i*n : (i+1)*n])
				t.pause(t.times.Later)
			}
			l.send(text[3*n:])
			if o := t.follow(l, id); !o.switched() {
				t.see(wire.SightSplit, o.ended())
			}
		}},
		{ID: "CHAIN-CROSS", Label: "Two tunnels at a time", Want: "No byte of one in the other", Shared: true, Needs: NeedsTunnel, run: crossed},
		{ID: "CHAIN-IDLE", Label: "A tunnel without a byte for 18 s", Want: "A fact: how long it stays", Shared: true, Needs: NeedsTunnel, run: idle},
	}
}

// keepsFields sends many headers in both directions.
func keepsFields(t *attempt) {
	sent := [][2]string{
		{"Sec-WebSocket-Extensions", "x-one; a=1"}, {"Sec-WebSocket-Extensions", "x-two"}, {"Sec-WebSocket-Protocol", "chat"}, {"Sec-WebSocket-Protocol", "superchat"},
		{"Origin", t.hop.scheme() + "://" + t.hop.Host}, {"Cookie", "a=1; b=2"}, {"Authorization", "Basic YTpi"}, {"x-eNd", "End-To-End"},
	}
	returned := []string{"Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: x-one; a=1", "Set-Cookie: c=1", "Set-Cookie: d=2", "X-End: End-To-End"}
	o := t.offer(always("websocket", returned...), func(h *rules.Handshake) {
		for _, f := range sent {
			h.Lines = append(h.Lines, rules.Line{Name: f[0], Gap: ": ", Value: f[1], End: "\r\n"})
		}
	})
	if o.at == nil || !o.switched() {
		t.nothing("the handshake with these headers was not accepted")
		return
	}
	t.originates(&o)
}

// twinFields compares the headers that the hop adds with and without an offer.
func twinFields(t *attempt) {
	upgrade := t.id(plan{})
	unoffered := t.id(plan{})
	t.answer(t.say(t.plain(unoffered)), 1)
	l := t.say(t.handshake(upgrade))
	t.answer(l, 1)
	t.main = l
	p, u := t.reached(unoffered), t.reached(upgrade)
	if p == nil || u == nil {
		t.nothing("one of the two did not reach the backend")
		return
	}
	a, b := names(p.request), names(u.request)
	lost, more := missing(a, b), missing(b, a)
	if joined(&p.request.Head, "Host") != joined(&u.request.Head, "Host") {
		lost = append(lost, "host (another value)")
	}
	if len(lost) > 0 {
		t.see(wire.SightTwinDiffers, "without an offer it sends "+strings.Join(lost, ", "))
	} else if len(more) > 0 {
		t.see(wire.SightTwinDiffers, "with an offer it sends "+strings.Join(more, ", "))
	}
}

// twinTarget compares what becomes of an unusual target with and without an offer.
func twinTarget(t *attempt) {
	const odd = "/x/%2e%2e/a//b;p?q=%20z"
	target := rules.Target(func(h *rules.Handshake) string { return h.Path + odd })
	upgrade, unoffered := t.id(plan{}), t.id(plan{})
	t.answer(t.say(t.plain(unoffered, target)), 1)
	l := t.say(t.handshake(upgrade, target))
	t.answer(l, 1)
	t.main = l
	p, u := t.reached(unoffered), t.reached(upgrade)
	switch {
	case p == nil && u == nil:
		t.note("self on both")
	case p == nil || u == nil:
		t.see(wire.SightTwinDiffers, "it forwards an unusual target in one of the two")
	default:
		a, b := strings.ReplaceAll(p.request.Target, unoffered, "ID"), strings.ReplaceAll(u.request.Target, upgrade, "ID")
		if a != b {
			t.see(wire.SightTwinDiffers, "target "+b+" with it, "+a+" without")
		}
	}
}

func spoofed(t *attempt) {
	o := t.offer(plan{}, rules.Set("X-Forwarded-For", "6.6.6.6"), rules.Set("X-Real-IP", "6.6.6.6"))
	if o.at == nil {
		t.note(o.self())
		return
	}
	for _, name := range []string{"X-Forwarded-For", "X-Real-IP"} {
		t.note(name + ": " + joined(&o.at.request.Head, name))
	}
}

func headSize(t *attempt) {
	passed := 0
	for _, size := range []int{3500, 7500, 15000, 31000, 63000} {
		id := t.id(plan{})
		l := t.say(t.handshake(id, rules.Set("Cookie", strings.Repeat("c", size))))
		m := t.answer(l, 1)
		if t.reached(id) == nil {
			t.note(fmt.Sprintf("%d B: %d", size, status(m)))
			return
		}
		passed = size
	}
	t.note(fmt.Sprintf("%d B pass", passed))
}

// crossed looks for bytes of one tunnel in another.
func crossed(t *attempt) {
	a, b := t.offer(sound("websocket")), t.offer(sound("websocket"))
	if !a.tunnelled() || !b.tunnelled() {
		t.nothing("two tunnels were not accepted")
		return
	}
	for _, each := range [][2]*outcome{{&a, &b}, {&b, &a}} {
		in, _ := each[0].line.received()
		far, _ := each[0].at.backend.received()
		if bytes.Contains(in, []byte(each[1].id)) || bytes.Contains(each[0].at.backend.clear(far), []byte(each[1].id)) {
			t.see(wire.SightCrossed, "")
			return
		}
	}
}

// idle keeps a tunnel silent. Its connection stays while the pool is emptied for other probes.
func idle(t *attempt) {
	o := t.offer(sound("websocket"))
	if !o.tunnelled() || o.at == nil {
		t.nothing("no tunnel")
		return
	}
	t.yield()
	began := o.line.when(0)
	if o.line.wait(t.ctx, t.times.Idle, func([]byte) bool { return false }); o.line.over() {
		o.line.mu.Lock()
		t.note(fmt.Sprintf("closed-after-%.0fs", o.line.endAt.Sub(began).Seconds()))
		o.line.mu.Unlock()
		return
	}
	t.note("alive")
}
