package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestOneFindingBlamesForACrash checks that only the probe that crashed the backend fails, while
// its own rule stays unclear. Probes that were in flight at the same time are unclear. If the
// culprit is unknown, one finding says so.
func TestOneFindingBlamesForACrash(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		controls wire.Controls
		suspects []string
		crash    Verdict // of UPGRADE-CRASH; NotApplicable: there is no such finding
		own      Verdict // of the probe's rule
		detail   string
	}{
		"ended it":              {0, wire.BackendKilled, nil, Fail, Unclear, "Server stopped answering after this probe: WebSocket handshake with method POST"},
		"ended it with a 500":   {500, wire.BackendKilled, nil, Fail, NotApplicable, "Server stopped answering after this probe: WebSocket handshake with method POST"},
		"ended it with a 101":   {101, wire.BackendKilled, nil, Fail, Fail, "Server stopped answering after this probe: WebSocket handshake with method POST"},
		"under way":             {0, wire.BackendGone, nil, NotApplicable, Unclear, ""},
		"under way with a 101":  {101, wire.BackendGone, nil, NotApplicable, Fail, ""},
		"one of several":        {0, wire.BackendGone, []string{"A", "B"}, Unclear, Unclear, "Server stopped answering; one of these probes may be the cause: A, B"},
		"one of several, a 500": {500, wire.BackendGone, []string{"A", "B"}, Unclear, NotApplicable, "Server stopped answering; one of these probes may be the cause: A, B"},
	} {
		outcome, cause := wire.Refused, wire.Cause("")
		switch c.status {
		case 0:
			outcome, cause = wire.Closed, wire.CauseServerReset
		case 101:
			outcome, cause = wire.Switched, wire.CauseServer
		}
		x := exchange(c.status, outcome, cause)
		x.Origin, x.Probe, x.Controls, x.Suspects = wire.OriginProbe, "UPGRADE-POST", c.controls, c.suspects
		r := Classify(Case{X: x})
		crash, _ := verdict(r, "UPGRADE-CRASH")
		own, _ := verdict(r, "UPGRADE-POST")
		if crash != c.crash || own != c.own {
			t.Errorf("%s: got UPGRADE-CRASH %s and UPGRADE-POST %s, want %s and %s", name, crash, own, c.crash, c.own)
		}
		f := r.Find("UPGRADE-CRASH")
		if f != nil && (f.Detail != c.detail || f.Severity != High || r.Unsafe != (c.status == 101)) {
			t.Errorf("%s: got %q, severity %s, unsafe %t, want %q", name, f.Detail, f.Severity, r.Unsafe, c.detail)
		}
	}
}

// TestA101SeenOnceFails checks that a switch on a malformed handshake is a failure even if only one
// of two tries shows it. Other failures that do not repeat are unclear.
func TestA101SeenOnceFails(t *testing.T) {
	x := exchange(101, wire.Switched, "")
	x.Origin, x.Probe, x.Controls, x.Flaky = wire.OriginProbe, "UPGRADE-POST", wire.ControlsAccepted, true
	r := Classify(Case{X: x})
	f := r.Find("UPGRADE-POST")
	if want := `Server accepted a WebSocket handshake with method "POST"; seen 1 of 2 times`; f == nil || f.Verdict != Fail || f.Detail != want || !r.Unsafe {
		t.Errorf("got %+v, want a failure: %s", f, want)
	}
	x = exchange(200, wire.Ignored, "")
	x.Origin, x.Probe, x.Controls, x.Flaky = wire.OriginProbe, "UPGRADE-HOST-DUP", wire.ControlsAccepted, true
	if f = Classify(Case{X: x}).Find("UPGRADE-HOST-DUP"); f == nil || f.Verdict != Unclear {
		t.Errorf("got %+v, want unclear", f)
	}
}

// TestADifferenceSeenOnceIsUnclear checks that a server that rejects some requests at random is not
// said to skip the login for offers.
func TestADifferenceSeenOnceIsUnclear(t *testing.T) {
	plain := exchange(401, wire.Refused, "")
	for _, id := range []string{"UPGRADE-AUTH-NONE", "UPGRADE-AUTH-TWIN"} {
		x := exchange(101, wire.Switched, "")
		x.Origin, x.Probe, x.Controls, x.Flaky = wire.OriginProbe, id, wire.ControlsAccepted, true
		x.Twins = []wire.Twin{{Name: "plain", X: plain}}
		if f := Classify(Case{X: x}).Find(id); f == nil || f.Verdict != Unclear {
			t.Errorf("%s: got %+v, want unclear", id, f)
		}
		x.Flaky = false
		if f := Classify(Case{X: x}).Find(id); f == nil || f.Verdict != Fail {
			t.Errorf("%s, seen twice: got %+v, want a failure", id, f)
		}
	}
}

// TestLongHeadsOfProbesAreNotBlamedOnTheServer checks the answers of correct servers to a probe whose
// head is longer than what is kept of it: a 101, and a redirection that repeats the long host.
func TestLongHeadsOfProbesAreNotBlamedOnTheServer(t *testing.T) {
	p := FindProbe("UPGRADE-HOST-LONG")
	h := p.On(NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ=="))
	switched := answered(p, h, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "+acceptOf(h.Key)+"\r\n\r\n", "")
	moved := exchange(302, wire.Opaque, "")
	moved.Request, moved.Response, moved.Noise = switched.Request, nil, []byte("HTTP/1.1 302 Found\r\nLocation: https://aaaa")
	for name, x := range map[string]*wire.Exchange{"101": switched, "a host in Location": moved} {
		x.Origin, x.Probe, x.Controls = wire.OriginProbe, p.ID, wire.ControlsAccepted
		r := Classify(Case{X: x})
		for i := range r.Findings {
			if f := &r.Findings[i]; f.Verdict < Pass {
				t.Errorf("%s: %s %s: %s", name, f.Verdict, f.Rule.ID, f.Detail)
			}
		}
	}
}
