package chain

import (
	"bytes"
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
)

// answersHTTP2 are probes with an answer of the sink that opens no tunnel.
func answersHTTP2() []Probe {
	p := func(id, what string, status int, fields ...string) Probe {
		return Probe{ID: id, Label: "An extended CONNECT; the backend answers " + what, Want: "No tunnel: the same answer, or 502", Shared: true, run: func(t *attempt) {
			id := t.id(plan{func(*arrival) reply {
				body := refusalBody
				if status == 204 {
					body = ""
				}
				return reply{body: bodyAfter, pieces: []piece{{0, respond(status, body, fields...)}}}
			}})
			s := t.connect(id, "")
			a := s.answer()
			switch {
			case t.reached(id) == nil:
				t.note("self" + strconv.Itoa(a.status))
			case a.opened():
				t.see(wire.SightOpened, strconv.Itoa(status))
			case a.status == 0 && !a.over && !s.line.over():
				t.see(wire.SightAnswerLost, s.said())
			default:
				t.note(strconv.Itoa(a.status))
			}
		}}
	}
	return []Probe{
		p("CHAIN-H2-401", "401", 401, "WWW-Authenticate: Basic realm=a"),
		p("CHAIN-H2-426", "426", 426, "Upgrade: websocket", "Connection: Upgrade, keep-alive", "Keep-Alive: timeout=5", "Sec-WebSocket-Version: 13"),
		p("CHAIN-H2-302", "302", 302, "Location: /elsewhere"),
		p("CHAIN-H2-200", "200", 200), p("CHAIN-H2-201", "201", 201), p("CHAIN-H2-204", "204", 204),
		{ID: "CHAIN-H2-SINK-HANGS", Label: "An extended CONNECT; the backend never answers", Want: "No tunnel: no answer yet, or 504", Shared: true, run: func(t *attempt) {
			id := t.id(plan{func(*arrival) reply { return reply{body: bodyAfter} }})
			s := t.connect(id, "")
			a := s.answer()
			switch {
			case t.reached(id) == nil:
				t.note("self" + strconv.Itoa(a.status))
			case a.opened():
				t.see(wire.SightOpened, "nothing")
			case a.status == 0 && !a.over && !s.line.over():
				t.note("waits")
			default:
				t.note(s.said())
			}
		}},
		{ID: "CHAIN-H2-SINK-CLOSES", Label: "An extended CONNECT; the backend closes without a byte", Want: "502, or a reset of the stream", Shared: true, run: func(t *attempt) {
			id := t.id(plan{func(*arrival) reply { return reply{body: bodyAfter, end: closes} }})
			s := t.connect(id, "")
			a := s.answer()
			switch {
			case t.reached(id) == nil:
				t.note("self" + strconv.Itoa(a.status))
			case a.opened():
				t.see(wire.SightOpened, "nothing")
			case a.status == 0 && !a.over && !s.line.over():
				t.see(wire.SightHangs, "")
			}
		}},
	}
}

// switchesHTTP2 are probes with a 101 of the sink: such as a hop must not turn into a 200, and sound ones.
func switchesHTTP2() []Probe {
	const start = "HTTP/1.1 101 Switching Protocols\r\n"
	accepted := func(a *arrival) string {
		key, _ := a.request.Value("Sec-WebSocket-Key")
		return "Sec-WebSocket-Accept: " + accept(key) + "\r\n"
	}
	answering := func(id, label, want string, text func(a *arrival) string, judge func(t *attempt, id string, s *stream, a answered)) Probe {
		return Probe{ID: id, Label: "An extended CONNECT; " + label, Want: want, Shared: true, run: func(t *attempt) {
			id := t.id(plan{func(a *arrival) reply { return tunnelled(text(a)) }})
			s := t.connect(id, "")
			a := s.answer()
			if t.reached(id) == nil {
				t.note("self" + strconv.Itoa(a.status))
				return
			}
			judge(t, id, s, a)
		}}
	}
	bad := func(id, what string, text func(a *arrival) string) Probe {
		return answering(id, "the backend's 101 "+what, "502", text, func(t *attempt, _ string, _ *stream, a answered) {
			if a.opened() {
				t.see(wire.SightOpenedUnchecked, what)
			} else {
				t.note(strconv.Itoa(a.status))
			}
		})
	}
	good := func(id, what string, text func(a *arrival) string) Probe {
		return answering(id, what, "200, and a tunnel", text, func(t *attempt, id string, s *stream, a answered) {
			switch {
			case !a.opened():
				t.see(wire.SightInterim101, s.said())
			case !s.passes(id):
				t.see(wire.SightNoMessage, "")
			}
		})
	}
	framed := func(id, field string) Probe {
		return answering(id, "the backend's 101 has "+field+", with a frame in the same segment", "502, or 200 without that header and a tunnel that loses no byte",
			func(a *arrival) string { return switching("websocket", a, field) + serverFrame("first-"+a.id) },
			func(t *attempt, id string, s *stream, a answered) {
				if !a.opened() {
					t.note(strconv.Itoa(a.status))
				} else {
					t.first(s, id)
				}
			})
	}
	return []Probe{
		bad("CHAIN-H2-101-NOACCEPT", "has no Sec-WebSocket-Accept", func(*arrival) string { return start + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" }),
		bad("CHAIN-H2-101-ACCEPT", "has a wrong Sec-WebSocket-Accept", func(*arrival) string {
			return start + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + accept("AAAAAAAAAAAAAAAAAAAAAA==") + "\r\n\r\n"
		}),
		bad("CHAIN-H2-101-H2C", "chooses h2c", func(a *arrival) string { return switching("h2c", a) }),
		bad("CHAIN-H2-101-NOUPGRADE", "has no Upgrade", func(a *arrival) string { return start + "Connection: Upgrade\r\n" + accepted(a) + "\r\n" }),
		answering("CHAIN-H2-101-SUBPROTOCOL", "the backend's 101 chooses a subprotocol that was not offered", "502, or the client's own check",
			func(a *arrival) string {
				return switching("websocket", a, "Sec-WebSocket-Protocol: "+unofferedSubprotocol)
			},
			func(t *attempt, _ string, _ *stream, a answered) {
				switch named, _ := a.value("Sec-WebSocket-Protocol"); {
				case !a.opened():
					t.note(strconv.Itoa(a.status))
				case named != unofferedSubprotocol:
					t.see(wire.SightOpenedUnchecked, "chooses a subprotocol that was not offered, and the client does not learn of it")
				default:
					t.note("forwarded")
				}
			}),
		framed("CHAIN-H2-101-CL", "Content-Length: 5"), framed("CHAIN-H2-101-TE", "Transfer-Encoding: chunked"),
		answering("CHAIN-H2-101-FRAME", "the backend's first frame comes in the segment of its 101", "200, and the frame at the client",
			func(a *arrival) string { return switching("websocket", a) + serverFrame("first-"+a.id) },
			func(t *attempt, id string, s *stream, a answered) {
				if !a.opened() {
					t.see(wire.SightRefused, s.said())
				} else {
					t.first(s, id)
				}
			}),
		good("CHAIN-H2-103-101", "103 and then 101 come", func(a *arrival) string {
			return "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" + switching("websocket", a)
		}),
	}
}

// unofferedSubprotocol is a subprotocol that no probe offers.
const unofferedSubprotocol = "interlock-unoffered"

// first looks for the frame that the sink sent with its 101, and for the tunnel after it.
func (t *attempt) first(s *stream, id string) {
	passes := s.passes(id)
	in, _ := s.line.received()
	switch came := bytes.Contains(s.read(in).data, []byte(serverFrame("first-"+id))); {
	case !came && passes:
		t.see(wire.SightFirstLost, "")
	case !passes:
		t.see(wire.SightNoMessage, "")
	}
}
