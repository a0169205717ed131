package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestNoSwitchPasses checks that a probe that a server must reject fails with any 101, or gives a
// warning if a server may repair the request, whatever the result of the controls.
func TestNoSwitchPasses(t *testing.T) {
	base := NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ==")
	for _, p := range Probes() {
		if !p.Class.Refuses() {
			continue
		}
		h := p.On(base)
		want := Fail
		if p.Soft {
			want = Warn
		}
		offered := "Upgrade: "
		if all := wire.ReadRequest([]byte(h.Head())).Protocols(); len(all) > 0 {
			offered += all[0].String()
		}
		for name, fields := range map[string]string{
			"what was offered": "Connection: Upgrade\r\n" + offered + "\r\n",
			"websocket":        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + acceptOf(h.Key) + "\r\n",
			"nothing":          "",
		} {
			x := answered(p, h, "HTTP/1.1 101 Switching Protocols\r\n"+fields+"\r\n", "")
			for _, controls := range []wire.Controls{wire.ControlsAccepted, wire.ControlsRefused, wire.BackendGone} {
				x.Controls = controls
				if r := Classify(Case{X: x}); r.Verdict > want {
					t.Errorf("%s, switched to %s, controls %d: %s", p.ID, name, controls, r.Verdict)
				}
			}
		}
	}
}

// TestNothingPassesWithoutControls checks that a rejection of a probe has no meaning unless the
// control was accepted.
func TestNothingPassesWithoutControls(t *testing.T) {
	base := NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ==")
	for _, p := range Probes() {
		if !p.Class.Refuses() && p.Class != Body && p.Class != Accept && p.Class != Interop {
			continue
		}
		for _, answer := range []string{flawlessRefusal, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"} {
			x := answered(p, p.On(base), answer, "")
			if p.HTTP2() && x.Response.Status == 200 {
				continue // it accepts a CONNECT
			}
			x.Controls = wire.ControlsRefused
			if f := Classify(Case{X: x}).Find(p.rule.ID); f != nil {
				t.Errorf("%s: %s of %q", p.ID, f.Verdict, answer)
			}
		}
	}
}

// TestContentIsJudgedByWhatFollows checks that the handling of the body is judged only after the
// bytes after the 101 are known.
func TestContentIsJudgedByWhatFollows(t *testing.T) {
	base := NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ==")
	for _, p := range Probes() {
		if p.Class != Body {
			continue
		}
		h := p.On(base)
		x := answered(p, h, flawless101(p, h), "")
		if f := Classify(Case{X: x}).Find(p.rule.ID); f == nil || f.Verdict != Warn {
			t.Errorf("%s, nothing after the 101: %+v", p.ID, f)
		}
		x.Complete = false
		if f := Classify(Case{X: x}).Find(p.rule.ID); f != nil {
			t.Errorf("%s, not known yet: %s", p.ID, f.Verdict)
		}
	}
}
