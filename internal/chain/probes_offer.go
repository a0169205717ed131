package chain

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

const (
	ruleFabricated = "UPGRADE-HOP-CONN-FABRICATED"
	ruleForwarded  = "UPGRADE-HOP-FORWARDED"
)

func offers() []Probe {
	h2c := func(id, label string, edits ...rules.Edit) Probe {
		return Probe{ID: id, Label: label, Want: "The offer of h2c does not reach the backend", Rule: ruleForwarded, Shared: true, run: func(t *trial) { offersH2C(t, edits...) }}
	}
	settings := rules.Set("HTTP2-Settings", "AAMAAABkAAQAAP__")
	without := rules.Without("Sec-WebSocket-Key", "Sec-WebSocket-Version")
	to := func(connection, upgrade string) rules.Edit {
		return rules.Edits(without, rules.Set("Connection", connection), rules.Set("Upgrade", upgrade), settings)
	}
	method := func(id, m string) Probe {
		return Probe{ID: id, Label: "A handshake with method " + m, Want: "A rejection, or the same method at the backend", Rule: "UPGRADE-HOP-METHOD", Risk: rules.State, Shared: true,
			run: func(t *trial) { otherMethod(t, m) }}
	}
	return []Probe{
		{ID: "CHAIN-CONN-FABRICATED", Label: "A handshake without Connection; the backend switches always", Want: "No Upgrade at the backend, and no 101", Rule: ruleFabricated, Shared: true, run: noConnection},
		{ID: "CHAIN-CONN-KEEPALIVE", Label: "A handshake with Connection: keep-alive; the backend is sound", Want: "No Upgrade at the backend, and no 101", Rule: ruleFabricated, Shared: true, run: keepAlive},
		{ID: "CHAIN-CONN-CLOSE-UPG", Label: "A handshake with Connection: close, Upgrade", Want: "A tunnel, or none", Rule: "UPGRADE-HOP-TUNNEL", Shared: true, Needs: NeedsTunnel, run: func(t *trial) {
			if o := t.offer(sound("websocket"), rules.Set("Connection", "close, Upgrade")); o.switched() && !o.tunnelled() {
				t.fail(rules.Medium, "UPGRADE-HOP-TUNNEL", "no-tunnel", "Client got a 101 to Connection: close, Upgrade, and no byte passes")
			}
		}},
		{ID: "CHAIN-NO-UPGRADE", Label: "A handshake without Upgrade; the backend switches always", Want: "No 101", Rule: "UPGRADE-HOP-101-UNCHECKED", Shared: true, run: noUpgrade},
		{ID: "CHAIN-UNKNOWN", Label: "An offer of foo/1", Want: "The offer does not reach the backend", Rule: ruleForwarded, Shared: true, run: unknownOffer},
		h2c("CHAIN-H2C", "An offer of h2c", to("Upgrade, HTTP2-Settings", "h2c")),
		h2c("CHAIN-H2C-ONLY", "An offer of h2c that does not nominate HTTP2-Settings", to("Upgrade", "h2c")),
		h2c("CHAIN-H2C-CASE", "An offer of H2C", to("Upgrade, HTTP2-Settings", "H2C")),
		{ID: "CHAIN-H2C-POST", Label: "An offer of h2c by POST", Want: "The offer of h2c does not reach the backend", Rule: ruleForwarded, Risk: rules.State, Shared: true, run: func(t *trial) {
			offersH2C(t, to("Upgrade, HTTP2-Settings", "h2c"), rules.Method("POST"), rules.Set("Content-Length", "0"))
		}},
		h2c("CHAIN-H2C-SETTINGS", "HTTP2-Settings, and Upgrade: h2c without the connection option", to("HTTP2-Settings", "h2c")),
		h2c("CHAIN-H2C-LIST", "An offer of websocket, h2c", rules.Set("Connection", "Upgrade, HTTP2-Settings"), rules.Set("Upgrade", "websocket, h2c"), settings),
		h2c("CHAIN-H2C-LINES", "An offer of websocket and of h2c in two lines", rules.Set("Connection", "Upgrade, HTTP2-Settings"), rules.Twice("Upgrade", "h2c"), settings),
		{ID: "CHAIN-TLS", Label: "An offer of TLS/1.2", Want: "The offer does not reach the backend", Rule: ruleForwarded, Shared: true, run: func(t *trial) {
			offersHop(t, "TLS/1.2", rules.High, without, rules.Set("Upgrade", "TLS/1.2"))
		}},
		{ID: "CHAIN-UDP", Label: "An offer of connect-udp", Want: "The offer does not reach the backend", Rule: ruleForwarded, Shared: true, run: func(t *trial) {
			offersHop(t, "connect-udp", rules.Medium, without, rules.Set("Upgrade", "connect-udp"), rules.Set("Capsule-Protocol", "?1"))
		}},
		method("CHAIN-POST", "POST"), method("CHAIN-PUT", "PUT"), method("CHAIN-HEAD", "HEAD"),
		{ID: "CHAIN-NOKEY", Label: "A handshake without key and version", Want: "A tunnel, or none", Rule: "UPGRADE-HOP-TUNNEL", Shared: true, run: func(t *trial) {
			if o := t.offer(sound("websocket"), without); o.switched() && !o.tunnelled() {
				t.fail(rules.Medium, "UPGRADE-HOP-TUNNEL", "no-tunnel", "Client got a 101, and no byte passes")
			} else if o.switched() {
				t.note("tunnel")
			}
		}},
		{ID: "CHAIN-UPG-LINES", Label: "Offers of foo/1 and websocket in two lines", Want: "Both at the backend, or none", Rule: ruleForwarded, Shared: true, run: twoOffers},
		{ID: "CHAIN-HTTP10", Label: "A handshake in HTTP/1.0", Want: "No offer at the backend, and no 101", Rule: "UPGRADE-HOP-VERSION", Shared: true, run: oldVersion},
		{ID: "CHAIN-EXPECT", Label: "A handshake with Expect: 100-continue; the backend sends 100, then 101", Want: "Both, and a tunnel", Rule: "UPGRADE-HOP-101-LOST", Shared: true, Needs: NeedsTunnel, run: expects},
		{ID: "CHAIN-PIPELINE", Label: "A GET that is answered late, and a handshake after it in one write", Want: "The answers in the order of the requests", Rule: "UPGRADE-HOP-ORDER", Shared: true, run: pipelined},
	}
}

func noConnection(t *trial) {
	o := t.offer(always("websocket"), rules.Without("Connection"))
	header, option := o.offersAt()
	switch {
	case header && option:
		t.fail(rules.Critical, ruleFabricated, fabricated("fabricated", &o), "Hop adds Connection: upgrade to a request that does not have it; the backend takes its Upgrade header for an offer%s", and101(&o))
	case o.switched() && !header:
		t.fail(rules.Critical, ruleFabricated, fabricated("stripped-but", &o), "Hop relays a 101 to a client whose request it sent on without an offer%s", tunnelText(&o))
	case o.switched():
		t.fail(rules.High, ruleFabricated, fabricated("upgrade-kept", &o), "Hop sends Upgrade on without Connection and relays the 101%s", tunnelText(&o))
	case header:
		t.warn(rules.Medium, ruleFabricated, "upgrade-kept", "Hop sends Upgrade on, which is for one hop only, without Connection")
	default:
		t.stripped(&o)
	}
}

// fabricated adds to a code whether the client got a 101.
func fabricated(code string, o *outcome) string {
	if o.switched() {
		code += "+101"
	}
	if o.tunnelled() {
		code += "+tunnel"
	}
	return code
}

func and101(o *outcome) string {
	if o.switched() {
		return ", and the client got a 101" + tunnelText(o)
	}
	return ""
}

func tunnelText(o *outcome) string {
	if o.tunnelled() {
		return "; bytes pass"
	}
	return ""
}

// stripped notes that an offer did not reach the sink.
func (t *trial) stripped(o *outcome) {
	switch header, _ := o.offersAt(); {
	case o.at == nil:
		t.note(o.self())
	case !header:
		t.note("stripped")
	}
}

func keepAlive(t *trial) {
	o := t.offer(sound("websocket"), rules.Set("Connection", "keep-alive"))
	header, _ := o.offersAt()
	switch {
	case o.switched():
		t.fail(rules.Critical, ruleFabricated, fabricated("fabricated", &o), "Hop adds Connection: upgrade to a request without that option, and the client got the 101 of a correct backend%s", tunnelText(&o))
	case header:
		t.warn(rules.Medium, ruleFabricated, "upgrade-kept", "Hop sends Upgrade on, which is for one hop only, although Connection does not name it")
	default:
		t.stripped(&o)
	}
}

func noUpgrade(t *trial) {
	o := t.offer(always("websocket"), rules.Without("Upgrade"))
	_, option := o.offersAt()
	switch {
	case o.tunnelled():
		t.fail(rules.Critical, "UPGRADE-HOP-101-UNCHECKED", "tunnel", "Hop relays a 101 to a request without Upgrade, and a tunnel is open")
	case o.switched():
		t.fail(rules.High, "UPGRADE-HOP-101-UNCHECKED", "relayed", "Hop relays a 101 to a request without Upgrade")
	case option:
		t.warn(rules.Low, ruleForwarded, "dangling-option", "Hop sends Connection: upgrade on without an Upgrade header")
	}
}

func unknownOffer(t *trial) {
	o := t.offer(sound("foo"), rules.Without("Sec-WebSocket-Key", "Sec-WebSocket-Version"), rules.Set("Upgrade", "foo/1"))
	switch header, _ := o.offersAt(); {
	case o.tunnelled():
		t.note("tunnel")
	case header:
		t.warn(rules.Low, ruleForwarded, "forwarded", "Hop sends an offer of foo/1 on and relays no 101 to it")
	default:
		t.stripped(&o)
	}
}

// offersH2C offers h2c, and goes on in HTTP/2 after a 101.
func offersH2C(t *trial, edits ...rules.Edit) {
	id := t.id(sound("h2c"))
	l := t.say(t.handshake(id, edits...))
	o := outcome{id: id, line: l, got: t.answer(l, 1), at: t.reached(id)}
	upgrade := ""
	if o.at != nil {
		upgrade = strings.ToLower(joined(&o.at.request.Head, "Upgrade"))
	}
	_, option := o.offersAt()
	forwarded := strings.Contains(upgrade, "h2c")
	if o.switched() && o.at != nil {
		l.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		o.up, o.down = t.tunnel(l, id)
	}
	switch {
	case o.switched() && !forwarded: // the hop speaks HTTP/2 itself, and sends the request on without the offer
		t.note("self101")
	case o.tunnelled():
		t.fail(rules.Critical, ruleForwarded, "tunnel", "Hop forwards an offer of h2c and relays the 101: the client has a tunnel of HTTP/2 past the hop's rules")
	case o.switched():
		t.fail(rules.High, ruleForwarded, "101", "Hop forwards an offer of h2c and relays the 101")
	case forwarded && option:
		t.warn(rules.High, ruleForwarded, "forwarded", "Hop forwards an offer of h2c, and the backend accepts it")
	case forwarded:
		t.warn(rules.Medium, ruleForwarded, "upgrade-kept", "Hop sends Upgrade: h2c on, which is for one hop only, without the connection option")
	case o.at != nil && o.at.request.Has("HTTP2-Settings"):
		t.warn(rules.Low, ruleForwarded, "settings-forwarded", "Hop forwards HTTP2-Settings, which is for one hop only")
	case upgrade != "":
		t.note(upgrade)
	default:
		t.stripped(&o)
	}
}

// offersHop offers a protocol that concerns the next hop only.
func offersHop(t *trial, protocol string, s rules.Severity, edits ...rules.Edit) {
	name, _, _ := strings.Cut(protocol, "/")
	id := t.id(plan{func(a *arrival) reply {
		if !offered(a.request, name) {
			return ok(a.id)
		}
		return tunnelled(switching(protocol, a))
	}})
	l := t.say(t.handshake(id, edits...))
	o := t.follow(l, id)
	switch header, _ := o.offersAt(); {
	case o.tunnelled() && o.at != nil:
		t.fail(s, ruleForwarded, "tunnel", "Hop forwards an offer of %s and relays the 101", protocol)
	case header:
		t.warn(rules.Low, ruleForwarded, "forwarded", "Hop forwards an offer of %s", protocol)
	default:
		t.stripped(&o)
	}
}

func otherMethod(t *trial, method string) {
	edits := []rules.Edit{rules.Method(method)}
	if method != "HEAD" {
		edits = append(edits, rules.Set("Content-Length", "0"))
	}
	o := t.offer(sound("websocket"), edits...)
	switch {
	case o.at != nil && o.at.request.Method != method:
		t.fail(rules.High, "UPGRADE-HOP-METHOD", "METHOD-"+method+"-"+o.at.request.Method, "Hop turns %s into %s on an upgrade request", method, o.at.request.Method)
	case o.switched() && !o.tunnelled():
		t.fail(rules.Medium, "UPGRADE-HOP-TUNNEL", "no-tunnel", "Client got a 101 to %s, and no byte passes", method)
	case o.switched():
		t.note("tunnel")
	default:
		t.stripped(&o)
	}
}

func twoOffers(t *trial) {
	o := t.offer(plan{}, rules.Set("Upgrade", "foo/1"), rules.Twice("Upgrade", "websocket"))
	if o.at == nil {
		t.note(o.self())
		return
	}
	switch got := strings.ToLower(joined(&o.at.request.Head, "Upgrade")); {
	case got == "":
		t.note("stripped")
	case strings.Contains(got, "foo/1") && strings.Contains(got, "websocket"):
		t.note("both")
	default:
		t.warn(rules.Low, ruleForwarded, "reduced", "Hop keeps one of two Upgrade lines: %q", got)
	}
}

func oldVersion(t *trial) {
	o := t.offer(sound("websocket"), rules.Version("HTTP/1.0"))
	header, option := o.offersAt()
	switch {
	case o.switched():
		t.fail(rules.High, "UPGRADE-HOP-VERSION", "101", "Client of HTTP/1.0 got a 101%s", tunnelText(&o))
	case header && option && o.at.request.Version == "HTTP/1.1":
		t.fail(rules.High, "UPGRADE-HOP-VERSION", "raised", "Hop sends the offer of an HTTP/1.0 client on as HTTP/1.1")
	case header:
		t.warn(rules.Low, "UPGRADE-HOP-VERSION", "forwarded", "Hop sends the offer of an HTTP/1.0 client on")
	default:
		t.stripped(&o)
	}
}

// continues is the interim response to Expect: 100-continue.
const continues = "HTTP/1.1 100 Continue\r\n\r\n"

func expects(t *trial) {
	o := t.offer(plan{func(a *arrival) reply {
		return reply{body: bodyAfter, pieces: []piece{{0, continues}, {t.times.Later, switching("websocket", a)}}, tunnel: answerMarks}
	}}, rules.Set("Expect", "100-continue"))
	switch {
	case o.at == nil:
		t.note(o.self())
	case !o.switched():
		t.fail(rules.Medium, "UPGRADE-HOP-101-LOST", "lost", "Backend sent 100 and then 101, and the client got %s", statusText(o.got))
	case !o.up || !o.down:
		t.fail(rules.High, "UPGRADE-HOP-101-LOST", "no-tunnel", "Client got a 101 after a 100, and bytes do not pass both ways")
	case len(o.interim) == 0:
		t.warn(rules.Low, "UPGRADE-HOP-101-LOST", "no-100", "Client got the 101 without the 100 before it")
	}
}

// pipelined looks for a 101 that comes before the answer to the request in front of it.
func pipelined(t *trial) {
	first := t.id(plan{func(a *arrival) reply {
		return reply{pieces: []piece{{t.times.Hold, respond(200, "body-"+a.id)}}}
	}})
	second := t.id(sound("websocket"))
	l := t.say(t.plain(first) + t.handshake(second))
	m := t.answerIn(l, 1, t.times.Come+t.times.Hold)
	if m == nil {
		t.fail(rules.Medium, "UPGRADE-HOP-ORDER", "HANG", "Hop answers neither of two requests that came in one write")
		return
	}
	if m.Status == 101 {
		t.fail(rules.High, "UPGRADE-HOP-ORDER", "OVERTAKES", "The 101 to the second request comes before the answer to the first one, which then lands inside the tunnel")
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
