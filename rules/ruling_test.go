package rules

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestRulingJSON pins the JSON of a ruling, on which other programs rely.
func TestRulingJSON(t *testing.T) {
	const request = "POST /chat/42?token=s3cret HTTP/1.1\r\nHost: staging.test\r\nVia: 1.1 edge\r\nCookie: session=1\r\n" +
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	const response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\nSet-Cookie: a=b\r\n\r\n"
	x := &wire.Exchange{
		ID: "01J", Revision: 1, Complete: true, Origin: wire.OriginLive, Route: "default", Client: "127.0.0.1:51022",
		Backend: "127.0.0.1:3000", ClientTLS: true, Time: time.Date(2026, 11, 20, 10, 14, 5, 771e6, time.FixedZone("", 3600)),
		Took: 1800 * time.Microsecond, Request: wire.ReadRequest([]byte(request)), Response: wire.ReadResponse([]byte(response)),
		BodyDone: true, Outcome: wire.Switched, Cause: wire.CauseClient,
		After: wire.After{
			Client: []byte("\x81\x85\x01\x02\x03\x04Hello\x8a\x00"), Server: bytes.Repeat([]byte("\x81\x05Hello"), 20),
			ClientBytes: 812, ServerBytes: 4103, ClientClosed: true, Ended: true,
		},
	}
	x.After.Frames = x.ReadFrames()
	switched := Classify(Case{X: x})
	switched.Instance, switched.Run = "a1", "01R"
	switched.Findings[len(switched.Findings)-1].State = "new"
	local := *x
	local.Response, local.After, local.Outcome, local.Cause, local.Took = nil, wire.After{}, wire.Local, wire.CauseDial, 0
	local.Far, local.Altered = wire.ReadRequest([]byte("GET / HTTP/1.1\r\nHost: other\r\nCookie: session=1\r\n\r\n")), []string{"host"}

	var b bytes.Buffer
	for _, r := range []*Ruling{switched, Classify(Case{X: &local})} {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	golden(t, "testdata/ruling.golden", b.String())

	var read struct {
		Request, Response struct{ Head []byte }
		After             struct{ Client, Server []byte }
	}
	text, _ := json.Marshal(switched)
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want string }{
		{string(read.Request.Head), strings.NewReplacer("s3cret", "******", " session=1", " *********").Replace(request)},
		{string(read.Response.Head), strings.Replace(response, " a=b", " ***", 1)},
		{string(read.After.Client), "\x81\x85\x01\x02\x03\x04*****\x8a\x00"},
		{string(read.After.Server), strings.Repeat("\x81\x05*****", 9) + "\x81"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestFullEvidenceHidesNothing(t *testing.T) {
	x := exchange(101, wire.Switched, "")
	x.Request = wire.ReadRequest([]byte("GET /?token=a HTTP/1.1\r\nCookie: b\r\nUpgrade: websocket\r\n\r\n"))
	x.After.Client = []byte("\x81\x02hi")
	text, err := json.Marshal(Classify(Case{X: x, Options: &Options{Full: true}}))
	if err != nil || bytes.Contains(text, []byte("*")) || !bytes.Contains(text, []byte(`"target":"/?token=a"`)) {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestTunnelBytesShowNoRequest(t *testing.T) {
	got := new(Options).redactAfter([]byte("GET /?key=abc&x=1 HTTP/1.1\r\nCookie: a=b\r\n\r\n"), true)
	if want := "GET /?key=***&x=1 HTTP/1.1\r\nCookie: ***\r\n\r\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRulingSaysWhatIsBroken(t *testing.T) {
	for _, c := range []struct {
		status int
		broken []string
		severe Severity
		benign bool
	}{
		{101, []string{"UPGRADE-101-MISSING-CONN", "UPGRADE-101-NO-UPGRADE", "UPGRADE-BODY", "UPGRADE-HTTP10", "UPGRADE-POST", "UPGRADE-WS-ACCEPT-MISSING"}, Critical, false},
		{400, []string{"UPGRADE-POST"}, Medium, false},
	} {
		r := Classify(Case{X: exchange(c.status, wire.Refused, "")})
		if got := r.Broken(); !slices.Equal(got, c.broken) || r.Severity() != c.severe || r.Benign() != c.benign {
			t.Errorf("%d: got %q, %s, benign %t", c.status, got, r.Severity(), r.Benign())
		}
	}
	r := Classify(Case{X: exchange(0, wire.Local, wire.CauseDial)})
	if r.Broken() != nil || r.Verdict != NotApplicable || !r.Benign() {
		t.Errorf("Interlock's own answer: got %q, %s", r.Broken(), r.Verdict)
	}
}
