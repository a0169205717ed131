package rules

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// TestFramesHaveOneFault checks that the frames of each probe have the fault that its rule is about,
// and no other one; those that a server must accept have none.
func TestFramesHaveOneFault(t *testing.T) {
	kinds := map[string]string{
		"UPGRADE-WS-UNMASKED": "mask", "UPGRADE-WS-RSV": "reserved-bits", "UPGRADE-WS-OPCODE": "opcode order", "UPGRADE-WS-CONTROL": "control",
		"UPGRADE-WS-LENGTH": "length", "UPGRADE-WS-UTF8": "utf-8 close-reason", "UPGRADE-WS-CLOSE-BODY": "close-body close-code", "UPGRADE-WS-AFTER-CLOSE": "after-close",
	}
	n := 0
	for _, p := range Probes() {
		if p.Frames == nil {
			continue
		}
		n++
		r := ws.NewReader(ws.Terms{Deflate: p.On(NewHandshake("http", "a.test", "/", "")).Agreed != ""}, 0)
		r.Feed(ws.Client, []byte(Ping+p.Frames.Sends), 0)
		var found []string
		for _, f := range r.Facts().Sides[ws.Client].Faults {
			found = append(found, f.Kind.String())
		}
		wrong := p.Frames.Expects == FramesFail || p.Frames.Expects == FramesMayFail || p.Frames.Expects == FramesDiscard
		got := strings.Join(found, " ")
		if p.ID == "UPGRADE-FRAME-PING-FRAGMENTED" {
			got = strings.TrimSuffix(got, " order") // of its second fragment
		}
		if wrong && (got == "" || !strings.Contains(kinds[p.rule.ID], got)) || !wrong && got != "" {
			t.Errorf("%s has the faults %q", p.ID, got)
		}
		if wrong && p.Risk != Crash && p.Frames.Expects == FramesFail || !strings.HasPrefix(p.ID, "UPGRADE-FRAME-") && !strings.HasPrefix(p.ID, "UPGRADE-H2-TUN-") {
			t.Errorf("%s is %s", p.ID, p.Risk)
		}
	}
	if n < 40 {
		t.Errorf("there are %d probes of frames", n)
	}
}

// TestFrameProbesAreJudgedByWhatFollows sends what servers send after the frames of probes.
func TestFrameProbesAreJudgedByWhatFollows(t *testing.T) {
	const pong, later, bad = "\x8a\x02ok", "\x8a\x02on", "\x81\x08il-frame"
	closing := func(code uint16) string { return "\x88\x02" + string([]byte{byte(code >> 8), byte(code)}) }
	for _, test := range []struct {
		probe, server string
		ends          bool
		want          Verdict
	}{
		{"RSV2", pong + closing(1002), true, Pass},
		{"RSV2", pong + closing(1002), false, Pass},
		{"RSV2", pong, true, Pass},
		{"RSV2", pong + closing(1000), true, Warn},
		{"RSV2", pong + closing(1011), true, Warn},
		{"RSV2", pong + "\x88\x00", true, Pass},
		{"RSV2", pong + later, false, Fail},
		{"RSV2", pong + later + closing(1002), true, Pass},
		{"RSV2", pong + bad + closing(1002), true, Fail},
		{"RSV2", pong + "\x81\x12{\"text\":\"il-frame\"", true, Fail},
		{"RSV2", pong, false, Unclear},
		{"RSV2", "", false, Unclear},
		{"UNMASKED", pong + bad, false, Fail},
		{"PING-126", pong + "\x8a\x08il-frame", true, Fail},
		{"CLOSE-1006", pong + closing(1006), true, Fail},
		{"CLOSE-1006", pong + closing(1002), true, Pass},
		{"CLOSE-1006", pong + closing(1000), true, Warn},
		{"CLOSE-1006", pong + "\x88\x00", true, Warn},
		{"CLOSE-1006", pong + later, true, Pass},
		{"CLOSE-1006", pong + later, false, Fail},
		{"CLOSE-2999", pong + closing(2999), true, Warn},
		{"CLOSE-0", pong + "\x88\x02\x00\x00", true, Fail},
		{"CLOSE-BYTE", pong + "\x88\x01\x03", true, Fail},
		{"CLOSE-BYTE", pong + "\x88\x00", true, Warn},
		{"CLOSE-5000", pong + closing(5000), true, Warn},
		{"LENGTH-16", pong + bad, false, Warn},
		{"LENGTH-16", pong + later, false, Warn},
		{"LENGTH-16", pong + later + closing(1002), true, Pass},
		{"LENGTH-64", pong + closing(1011), true, Pass},
		{"LENGTH-64", pong, false, Unclear},
		{"UTF8", pong + closing(1007), true, Pass},
		{"UTF8-CLOSE", pong + "\x88\x0c\x03\xe8il-frame\xc3(", true, Fail},
		{"UTF8-CLOSE", pong + closing(1000), true, Warn},
		{"UTF8-FRAGMENTS", pong + later, false, Pass},
		{"UTF8-FRAGMENTS", pong + closing(1007), true, Fail},
		{"UTF8-FRAGMENTS", pong + closing(4000), true, Unclear},
		{"PING-MASK-0", pong + "\x8a\x04zero", false, Pass},
		{"PING-MASK-0", pong + "\x8a\x04\x00\x00\x00\x00", false, Fail},
		{"PING-MASK-0", pong, true, Fail},
		{"PING-MASK-0", pong, false, Fail},
		{"PING-MASK-0", "", false, Warn},
		{"PING-MASK-0", "\x8a\x00\x8a\x00", false, Fail},
		{"PONG", "\x8a\x00\x8a\x00", false, Pass},
		{"RSV2", "\x8a\x00\x8a\x00", false, Fail},
		{"CLOSE-999", pong + closing(1006), true, Fail},
		{"PING-MANY", pong + "\x8a\x06ping 9", false, Pass},
		{"PING-MANY", pong + "\x8a\x06ping 8", false, Fail},
		{"CLOSE", pong + closing(1000), true, Pass},
		{"CLOSE", pong + closing(1001), true, Warn},
		{"CLOSE", pong + "\x88\x00", true, Warn},
		{"CLOSE", pong, true, Fail},
		{"CLOSE-EMPTY", pong + closing(1000), true, Pass},
		{"CLOSE-EMPTY", pong + "\x88\x00", true, Pass},
		{"CLOSE-TCP", pong + closing(1000), true, Pass},
		{"CLOSE-TCP", pong + closing(1000), false, Fail},
		{"CLOSE-TCP", pong, false, NotApplicable},
		{"AFTER-CLOSE", pong + closing(1000), true, Pass},
		{"AFTER-CLOSE", pong + bad + closing(1000), true, Fail},
		{"AFTER-CLOSE", pong, false, Unclear},
		{"LENGTH-1G", pong + closing(1009), true, Pass},
		{"LENGTH-1G", pong, false, Unclear},
	} {
		p := FindProbe("UPGRADE-FRAME-" + test.probe)
		h := p.On(NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ=="))
		x := *answered(p, h, flawless101(p, h), test.server)
		x.After.Client, x.After.ServerClosed, x.Cause = []byte(Ping+h.After), test.ends, wire.CauseClient
		x.After.Frames = x.ReadFrames()
		r := Classify(Case{X: &x})
		verdict, detail := NotApplicable, ""
		if f := r.Find(p.rule.ID); f != nil {
			verdict, detail = f.Verdict, f.Detail
		}
		if verdict != test.want || (verdict < Pass) != strings.HasPrefix(detail, "Server ") {
			t.Errorf("%s, %q, ended %t: got %s, %q, want %s", p.ID, test.server, test.ends, verdict, detail, test.want)
		}
		x.After.Client = []byte(Ping)
		if r := Classify(Case{X: &x}); r.Own() != NotApplicable {
			t.Errorf("%s, not sent: %s", p.ID, r.Own())
		} else if why := r.Unsent(); (why != "") != (h.Agreed != "" || test.ends || strings.Contains(test.server, "\x88")) {
			t.Errorf("%s, not sent: %q", p.ID, why)
		}
	}
}
