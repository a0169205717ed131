package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestTheDocumentOfAProbeRun holds the document of probe -o json: a failure, a pass, silence, and
// one that was not sent.
func TestTheDocumentOfAProbeRun(t *testing.T) {
	base := rules.NewHandshake("http", "a:1", "/chat?token=secret", "x3JJHMbDL1EzLkh9GBhXDw==")
	run := &ProbeRun{Run: "01JRUN", Time: time.Date(2026, 11, 21, 9, 14, 5, 771e6, time.UTC)}
	var out bytes.Buffer
	s := Stream{Writers: []Writer{NewProbeJSON(&out, run)}}
	const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n"
	for i, each := range []struct{ probe, response string }{
		{"UPGRADE-POST", switching}, {"UPGRADE-METHOD-HEAD", "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\n\r\n"}, {"UPGRADE-METHOD-PUT", ""},
	} {
		x := &wire.Exchange{
			Origin: wire.OriginProbe, Probe: each.probe, Aim: base.Path, Controls: wire.ControlsAccepted, Route: "default", Backend: "127.0.0.1:1", Final: true,
			Complete: true, Time: run.Time, Outcome: wire.Silent, Cause: wire.CauseTimeout, BodyDone: true,
			Request: wire.ReadRequest([]byte(rules.FindProbe(each.probe).On(base).Head())),
		}
		if each.response != "" {
			x.Response, x.Outcome, x.Cause, x.Took = wire.ReadResponse([]byte(each.response)), wire.Refused, "", time.Millisecond
		}
		if each.response == switching {
			x.Outcome = wire.Switched
		}
		s.Write(judged(x, run.Run, i))
	}
	s.Write(judged(&wire.Exchange{Request: wire.ReadRequest([]byte(base.Head())), Outcome: wire.Silent}, run.Run, 9)) // no probe
	run.Endpoints = []ProbeEndpoint{{
		Backend: "127.0.0.1:1", Target: "/chat?token=******", Degraded: true, Suspects: []string{"UPGRADE-METHOD-HEAD"},
		Controls: []ProbeControl{{Probe: "CTRL-WS", Protocol: "websocket", Status: 101, Accepted: true, Step: "Origin: http://a:1"}},
		NotSent:  []ProbeNotSent{{rules.FindProbe("UPGRADE-METHOD-DELETE"), "DELETE may change what the backend keeps"}},
		Faults:   map[string]string{"UPGRADE-POST": "the backend itself"},
	}, {Backend: "127.0.0.1:2", Target: "/"}}
	s.Summary.NotSent = 1
	if errs := s.Close(); errs[0] != nil {
		t.Fatal(errs[0])
	}
	var d struct {
		Summary   map[string]int64
		Endpoints []struct {
			Controls []map[string]any
			Results  []struct {
				Probe, Verdict, Reason string
				Status                 int
				Ruling                 *struct{ Probe string }
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range d.Endpoints[0].Results {
		got = append(got, r.Probe+" "+r.Verdict)
		if (r.Ruling == nil) != (r.Verdict == "not-sent") || r.Ruling != nil && r.Ruling.Probe != r.Probe {
			t.Errorf("%s has the ruling %+v", r.Probe, r.Ruling)
		}
	}
	want := "UPGRADE-METHOD-DELETE not-sent, UPGRADE-METHOD-HEAD pass, UPGRADE-METHOD-PUT unclear, UPGRADE-POST fail"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(d.Endpoints) != 2 || len(d.Endpoints[1].Results) != 0 || d.Endpoints[1].Controls == nil {
		t.Errorf("the other endpoint: %+v", d.Endpoints[1:])
	}
	for _, name := range []string{"fail", "warn", "unclear", "pass", "not-applicable", "not-sent", "accepted", "new", "fixed", "not-seen"} {
		if _, ok := d.Summary[name]; !ok {
			t.Errorf("the summary has no %s", name)
		}
	}
	if strings.Contains(out.String(), "secret") {
		t.Error("a secret is shown")
	}
	golden(t, "probe-json", out.String())
}
