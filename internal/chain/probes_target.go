package chain

import (
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func targets() []Probe {
	p := func(id, label string, target func(t *attempt, id string) string, edits ...func(t *attempt) rules.Edit) Probe {
		return Probe{ID: id, Label: label, Want: "The hop connects to its backend only", Shared: true, run: func(t *attempt) {
			follows(t, label, target, edits...)
		}}
	}
	unoffered := func(*attempt) rules.Edit {
		return rules.Without("Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
	}
	absolute := func(t *attempt, id string) string { return "http://" + t.canary.Addr + "/c/" + id }
	return []Probe{
		p("CHAIN-SSRF-ABS", "A handshake whose target is the URL of another server", absolute),
		p("CHAIN-SSRF-ABS-PLAIN", "A GET whose target is the URL of another server", absolute, unoffered),
		p("CHAIN-SSRF-WS", "A handshake whose target is a ws URL of another server", func(t *attempt, id string) string { return "ws://" + t.canary.Addr + "/c/" + id }),
		p("CHAIN-SSRF-HOST", "A handshake whose Host is another server", func(t *attempt, id string) string { return t.path(id) },
			func(t *attempt) rules.Edit { return rules.Set("Host", t.canary.Addr) }),
		p("CHAIN-SSRF-AT", "Handshakes with the targets @HOST/ and //HOST/ of another server", func(t *attempt, id string) string { return "@" + t.canary.Addr + "/c/" + id }),
		{ID: "CHAIN-CONNECT", Label: "A CONNECT to another server, and a GET after it in one write", Want: "A rejection and a closed connection", Shared: true, run: connects},
	}
}

// follows sends a request with a target that names the canary, and reports whether the hop connects
// to that, and whether it does so for a request without an offer.
func follows(t *attempt, label string, target func(*attempt, string) string, edits ...func(*attempt) rules.Edit) {
	if m, hit := t.aims(t.handshake, target, edits); !hit {
		t.note(statusText(m))
		return
	}
	t.see(wire.SightCanary, strings.ToLower(label[:1])+label[1:])
	t.twin(func(twin *attempt) bool {
		_, hit := twin.aims(twin.plain, target, edits)
		return hit
	})
}

// aims sends a request with that target, and reports whether the hop connects to the canary.
func (t *attempt) aims(request func(string, ...rules.Edit) string, target func(*attempt, string) string, edits []func(*attempt) rules.Edit) (m *message, hit bool) {
	before := t.canary.connections()
	id := t.id(plan{})
	t.canary.plan(id, plan{})
	all := []rules.Edit{rules.Target(func(*rules.Handshake) string { return target(t, id) })}
	for _, edit := range edits {
		all = append(all, edit(t))
	}
	m = t.answer(t.say(request(id, all...)), 1)
	if t.probe.ID == "CHAIN-SSRF-AT" {
		t.answer(t.say(request(id, rules.Target(func(*rules.Handshake) string { return "//" + t.canary.Addr + "/c/" + id }))), 1)
	}
	return m, t.canary.connections() != before
}

// connections returns how many connections there were in all.
func (s *Sink) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

func connects(t *attempt) {
	before := t.canary.connections()
	id := t.id(plan{})
	t.canary.plan(id, plan{})
	l := t.say("CONNECT " + t.canary.Addr + " HTTP/1.1\r\nHost: " + t.canary.Addr + "\r\n\r\n" + t.odd(id))
	l.wait(t.ctx, t.times.Come, func(in []byte) bool { return headEnd(in) > 0 })
	l.wait(t.ctx, t.times.Not, func([]byte) bool { return t.came(id) != nil })
	in, _ := l.received()
	code := ""
	if len(in) > len("HTTP/1.1 200") {
		code = string(in[len("HTTP/1.1 "):len("HTTP/1.1 200")])
	}
	switch {
	case t.canary.connections() != before:
		t.see(wire.SightCanary, "a CONNECT")
	case strings.HasPrefix(code, "2"):
		t.see(wire.SightConnectDead, code)
	case t.came(id) != nil:
		t.see(wire.SightConnectServed, "")
	}
}
