package chain

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// denied are the probes that need a path that the hop rejects. A second request after a rejected offer
// proves nothing elsewhere, as every proxy passes that on; here it must not reach the sink.
func denied() []Probe {
	const want = "The hop rejects the GET, as it does without the offer"
	after := func(id, what string, text string) Probe {
		return Probe{ID: id, Label: "A handshake; the backend answers " + what + "; then a GET for the path of --protected on the same connection", Want: want, Needs: NeedsPath, Shared: true, run: func(t *attempt) {
			t.unlessOpen(func(id string) { deniedAfter(t, id, text) })
		}}
	}
	return []Probe{
		after("CHAIN-DENIED-426", "426", respond(426, refusalBody, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")),
		after("CHAIN-DENIED-200", "200", respond(200, refusalBody)),
		{ID: "CHAIN-DENIED-EARLY", Label: "A handshake and a GET for the path of --protected in one write; the backend rejects late", Want: want, Needs: NeedsPath, Shared: true, run: func(t *attempt) {
			t.unlessOpen(func(id string) { deniedEarly(t, id) })
		}},
		{ID: "CHAIN-DENIED-101", Label: "A GET without an offer; the backend answers with a 101 without headers; then a GET for the path of --protected", Want: want, Needs: NeedsPath, run: func(t *attempt) {
			t.unlessOpen(func(id string) { deniedSwitched(t, id) })
		}},
		{ID: "CHAIN-DENIED-H2C", Label: "An offer of h2c; after a 101 a GET in HTTP/2 for the path of --protected", Want: "The offer of h2c does not reach the backend, and neither does the GET", Needs: NeedsPath, Shared: true, run: func(t *attempt) {
			t.unlessOpen(func(id string) { deniedInHTTP2(t, id) })
		}},
	}
}

// unlessOpen runs a probe with the id of a request that must not reach the sink, if the hop rejects
// the path when a GET for it is sent alone. If the user's fields open the path, requests for it are without them.
func (t *attempt) unlessOpen(probe func(id string)) {
	why := t.unrejected()
	if why != "" && len(t.hop.Fields) > 0 {
		if t.stranger = true; t.unrejected() == "" {
			why = ""
			t.note("without-headers")
		}
	}
	if why != "" {
		t.nothing(why)
		return
	}
	id := newID()
	t.sink.plan(id, plan{})
	probe(id)
}

// unrejected sends a GET for the path alone and says why that is not one that the hop rejects; "" if it is.
func (t *attempt) unrejected() (why string) {
	path := t.hop.Protected
	if t.sink.guesses() {
		return "the hop writes targets of its own, so that a request for " + path + " cannot be recognized at the backend"
	}
	id := newID()
	t.sink.plan(id, plan{})
	l := t.say(t.forbidden(id))
	defer l.close()
	switch m := t.answer(l, 1); {
	case t.gets(id):
		return "the hop does not reject " + path + ": a GET for it, sent alone, reached the backend"
	case m != nil && (m.Status < 300 || m.Status >= 500):
		return fmt.Sprintf("the hop does not reject %s: a GET for it, sent alone, got %s from the hop itself", path, statusText(m))
	case m == nil && !l.over():
		return "a GET for " + path + ", sent alone, gets no answer"
	}
	return ""
}

// forbidden returns a GET for the path that the hop rejects, with an id by which the sink knows it.
func (t *attempt) forbidden(id string) string {
	t.omits = t.stranger
	defer func() { t.omits = false }()
	return t.plain(id, rules.Target(rules.Always(t.hop.rejected(id))))
}

// rejected is the target of a request for the path that the hop rejects.
func (h *Hop) rejected(id string) string { return h.Protected + "?interlock=" + id }

func deniedAfter(t *attempt, id, text string) {
	offer := t.id(plan{func(*arrival) reply { return reply{body: bodyAfter, pieces: []piece{{0, text}}} }})
	t.main = t.say(t.handshake(offer))
	m, a := t.answer(t.main, 1), t.reached(offer)
	if m == nil || a == nil {
		t.note("self")
		return
	}
	t.main.send(t.forbidden(id))
	if t.gets(id) {
		t.passedOn(wire.SightDeniedLate)
	}
}

func deniedEarly(t *attempt, id string) {
	offer := t.id(t.late(func(*arrival) string { return respond(403, refusalBody) }, nil))
	t.main = t.say(t.handshake(offer) + t.forbidden(id))
	a := t.arrival(offer, t.times.Come)
	t.answerIn(t.main, 1, t.times.Come+t.times.Hold)
	if a == nil {
		t.note("self")
		return
	}
	t.read(a)
	t.gets(id)
	switch b, at := t.sink.saw(id); {
	case b == nil:
	case b == a.backend && b.when(at).Before(t.sentAt(b)):
		t.passedOn(wire.SightDeniedEarly)
	default:
		t.passedOn(wire.SightDeniedLate)
	}
}

// deniedSwitched sends the GET after a 101 that no one asked for. The sink reads no HTTP then, and
// knows the GET by its bytes.
func deniedSwitched(t *attempt, id string) {
	first := t.id(plan{func(*arrival) reply { return tunnelled("HTTP/1.1 101 Switching Protocols\r\n\r\n") }})
	t.main = t.say(t.plain(first))
	if m := t.answer(t.main, 1); status(m) != 101 {
		t.note(fmt.Sprintf("%d", status(m)))
		return
	}
	t.main.send(t.forbidden(id))
	if t.gets(id) {
		t.passedOn(wire.SightDenied101)
	}
}

func deniedInHTTP2(t *attempt, id string) {
	offer := t.id(sound("h2c"))
	t.main = t.say(t.handshake(offer, rules.OfferH2C()))
	if m := t.answer(t.main, 1); status(m) != 101 {
		t.note(fmt.Sprintf("%d", status(m)))
		return
	}
	t.main.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, "") + frame(1, endStream|endHeaders, 3, t.hop.headerBlock(id)))
	if t.gets(id) {
		t.passedOn(wire.SightDeniedH2C)
	}
}

// The flags of a HEADERS frame (RFC 9113 §6.2).
const endStream, endHeaders = 0x1, 0x4

// frame is an HTTP/2 frame of less than 64 KiB (RFC 9113 §4.1).
func frame(kind, flags, stream byte, payload string) string {
	head := append(binary.BigEndian.AppendUint16([]byte{0}, uint16(len(payload))), kind, flags, 0, 0, 0, stream)
	return string(head) + payload
}

// headerBlock is the head of the GET in HPACK, as literals without Huffman code: so the sink finds the
// id in the bytes of a tunnel (RFC 7541 §6.2.2).
func (h *Hop) headerBlock(id string) string {
	return "\x82\x86" + literal(4, h.rejected(id)) + literal(1, h.Host) // :method GET, :scheme http, :path, :authority
}

// literal is a field with the name of that index in the static table (RFC 7541 §5.1, §5.2).
func literal(name byte, value string) string {
	const most = 0x7f // the length fits in the first byte if it is less
	head := []byte{name, byte(min(len(value), most))}
	if len(value) >= most {
		head = binary.AppendUvarint(head, uint64(len(value)-most))
	}
	return string(head) + value
}

// passedOn says that the request for the path reached the sink, and whether a hop that rejects the path
// in the first request of a connection lets it pass in a second one without any offer.
func (t *attempt) passedOn(how wire.Sight) {
	t.see(how, t.hop.Protected)
	t.twin(func(twin *attempt) bool {
		first, second := newID(), newID()
		twin.sink.plan(first, plan{})
		twin.sink.plan(second, plan{})
		l := twin.say(twin.plain(first))
		if twin.answer(l, 1) == nil {
			return false
		}
		l.send(twin.forbidden(second))
		return twin.gets(second)
	})
}

// guesses reports whether requests without an id are matched by time.
func (s *Sink) guesses() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.matching == byTime
}

// IsPath reports whether these probes can ask for a path: it has no query, as they add one.
func IsPath(path string) bool {
	const most = 1 << 10
	return len(path) <= most && strings.HasPrefix(path, "/") && !strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' || r == '?' })
}
