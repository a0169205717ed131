package rules

import (
	"bytes"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// tunnelled returns a valid WebSocket handshake that was accepted, with as many recorded bytes of
// the server as an exchange can keep.
func tunnelled(t *testing.T, server []byte) *wire.Exchange {
	t.Helper()
	for _, r := range corpus(t) {
		if r.name == "UPGRADE-101-NOT-SWITCHED/quiet.wire" {
			x := r.transcript.Exchanges(r.common)[0]
			x.After.Server, x.After.ServerBytes = server[:wire.MaxRecorded], 1<<20
			return x
		}
	}
	t.Fatal("no transcript of a quiet tunnel")
	return nil
}

// TestErrorPageAtTheEndOfATunnel checks that a response that a server writes into a tunnel long
// after the 101 is found, and that frames that carry HTTP are not mistaken for one.
func TestErrorPageAtTheEndOfATunnel(t *testing.T) {
	frames := bytes.Repeat([]byte("\x81\x05Hello"), 200)
	carrying := append([]byte("\x82\x0fHTTP/1.1 200 OK"), frames...)
	const page = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
	for name, test := range map[string]struct {
		server []byte
		last   string
		ended  bool
		want   Verdict
	}{
		"a page at the end":         {frames, page, true, Fail},
		"frames at the end":         {frames, "\x88\x02\x03\xe8", true, Pass},
		"nothing at the end":        {frames, "", true, Pass},
		"not the end":               {frames, page, false, Pass},
		"no status":                 {frames, "HTTP/1.1 is what we speak", true, Pass},
		"a tunnel that carries it":  {carrying, page, true, Unclear},
		"a page where a frame ends": {append([]byte("\x81\x05Hello"+page), frames...), "", true, Fail},
	} {
		x := tunnelled(t, test.server)
		x.After.Last, x.After.Ended = []byte(test.last), test.ended
		f := Classify(Case{X: x}).Find("UPGRADE-101-NOT-SWITCHED")
		if f == nil || f.Verdict != test.want {
			t.Errorf("%s: got %+v, want %s", name, f, test.want)
			continue
		}
		if f.Verdict == Fail && (f.Severity != High || len(f.Spans) == 0 || f.Detail == "") {
			t.Errorf("%s: got %s %q, %+v", name, f.Severity, f.Detail, f.Spans)
		}
	}
}

// TestAftermathWaitsForIt checks that the rules about the bytes after a 101 give no verdict before
// those bytes are known.
func TestAftermathWaitsForIt(t *testing.T) {
	for _, id := range []string{
		"UPGRADE-101-NOT-SWITCHED", "UPGRADE-101-TRAFFIC-HTTP", "UPGRADE-H2C-BODY", "UPGRADE-H2C-CLIENT-PREFACE",
		"UPGRADE-H2C-SERVER-PREFACE", "UPGRADE-TLS-NO-HELLO", "UPGRADE-WS-CONTROL", "UPGRADE-WS-LENGTH",
		"UPGRADE-WS-MASKED-SERVER", "UPGRADE-WS-MASK-CONST", "UPGRADE-WS-OPCODE", "UPGRADE-WS-RSV", "UPGRADE-WS-UNMASKED",
	} {
		seen := 0
		for _, r := range corpus(t) {
			for _, x := range r.transcript.Exchanges(r.common) {
				c := r.template
				c.X = x
				if Classify(c).Find(id) != nil {
					seen++
				}
				x.Complete = false
				c.X = x
				if f := Classify(c).Find(id); f != nil {
					t.Errorf("%s: %s %s of a snapshot", r.name, f.Verdict, id)
				}
			}
		}
		if seen == 0 {
			t.Errorf("%s is in play nowhere", id)
		}
	}
}

// TestSoundFramesHaveNoFaultyBeginning checks that no prefix of a valid tunnel is a fault, however
// short.
func TestSoundFramesHaveNoFaultyBeginning(t *testing.T) {
	for _, r := range corpus(t) {
		for _, x := range r.transcript.Exchanges(r.common) {
			if r.wants[0] != "clean" || !x.Complete || x.Outcome != wire.Switched {
				continue
			}
			client, server := x.After.Client, x.After.Server
			x.After.Frames = nil // else the rules do not read these bytes
			for n := range max(len(client), len(server)) + 1 {
				x.After.Client, x.After.Server = client[:min(n, len(client))], server[:min(n, len(server))]
				c := r.template
				c.X = x
				for _, f := range Classify(c).Findings {
					if f.Verdict == Fail {
						t.Errorf("%s, the first %d bytes: %s: %s", r.name, n, f.Rule.ID, f.Detail)
					}
				}
			}
		}
	}
}
