package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

// twoSides is a handshake on both sides of a hop that adds the connection option.
const twoSides = `note: nginx with a hard-coded header

> GET /a HTTP/1.1\r\n
> Host: a\r\n
> Upgrade: websocket\r\n
> Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n
> \r\n
> early
>> GET /rewritten HTTP/1.1\r\n
>> Host: b\r\n
>> Connection: upgrade\r\n
>> Upgrade: websocket\r\n
>> Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n
>> \r\n
<< HTTP/1.1 101 Switching Protocols\r\n
<< Upgrade: websocket\r\n
<< \r\n
< HTTP/1.1 101 Switching Protocols\r\n
< Upgrade: websocket\r\n
< \r\n
>> early
<< \x81\x01a
< \x81\x01a
! closed
!! client closed
`

func read(t *testing.T, text string) *Transcript {
	t.Helper()
	parsed, err := ParseTranscript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestTranscriptsOfBothSides checks that the far side of a hop is read and written, and is joined to
// the exchange that it belongs to.
func TestTranscriptsOfBothSides(t *testing.T) {
	parsed := read(t, twoSides)
	if got := parsed.String(); got != twoSides {
		t.Errorf("got %s", got)
	}
	found := parsed.Exchanges(Common{})
	if len(found) != 1 || found[0].Hop == nil || found[0].Hop.Far == nil {
		t.Fatalf("got %+v", found)
	}
	x := found[0]
	far := x.Hop.Far
	if x.Sent().Target != "/a" || far.Request.Target != "/rewritten" || !far.Request.HasOption("upgrade") || far.Outcome != Switched {
		t.Errorf("far side: %+v", far)
	}
	if string(x.Early) != "early" || len(far.Early) > 0 || string(far.After.Client) != "early" || string(x.After.Server) != "\x81\x01a" {
		t.Errorf("early %q, far early %q, far client %q, server %q", x.Early, far.Early, far.After.Client, x.After.Server)
	}
	if x.Cause != CauseServer || far.Cause != CauseClient || x.SwitchedFirst() {
		t.Errorf("near ended by %s, far by %s, switched first: %t", x.Cause, far.Cause, x.SwitchedFirst())
	}
	again := x.Transcript().Exchanges(Common{})
	if len(again) != 1 || again[0].Hop == nil || again[0].Hop.Far == nil || !bytes.Equal(again[0].Hop.Far.Request.Raw, far.Request.Raw) ||
		!reflect.DeepEqual(again[0].Hop.Far.Response, far.Response) || again[0].SwitchedFirst() {
		t.Errorf("the exchange is written as\n%s", x.Transcript())
	}
	if near := parsed.Near(); near.HasFar() || near.Exchanges(Common{})[0].Hop != nil || strings.Contains(near.String(), ">>") {
		t.Errorf("near side:\n%s", near)
	}
}

// TestAnswerBeforeTheServers checks that a transcript shows that a client had its 101 too early, and
// keeps that order.
func TestAnswerBeforeTheServers(t *testing.T) {
	const request, switched = `GET /a HTTP/1.1\r\nUpgrade: a\r\n\r\n`, `HTTP/1.1 101 A\r\nUpgrade: a\r\n\r\n`
	x := read(t, "\n> "+request+"\n< "+switched+"\n>> "+request+"\n<< "+switched+"\n").Exchanges(Common{})[0]
	if !x.SwitchedFirst() {
		t.Error("the order is lost")
	}
	if again := x.Transcript().Exchanges(Common{})[0]; !again.SwitchedFirst() {
		t.Errorf("written as\n%s", x.Transcript())
	}
	x.Hop.Clock = false
	if x.SwitchedFirst() {
		t.Error("times of two clocks are compared")
	}
}

// TestRequestsThatDoNotArriveAsSuch checks that a request is found where the far side took it for
// something else.
func TestRequestsThatDoNotArriveAsSuch(t *testing.T) {
	const victim = `> GET /victim HTTP/1.1\r\nHost: a\r\n\r\n`
	for text, want := range map[string]Within{
		`>> POST /a HTTP/1.1\r\nUpgrade: a\r\nContent-Length: 400\r\n\r\nabc
<< HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n
>> GET /victim HTTP/1.1\r\n`: WithinContent,
		`>> GET /a HTTP/1.1\r\nX-Swallow: 
>> GET /victim HTTP/1.1\r\nHost: b\r\n\r\n
<< HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`: WithinHeaders,
		`>> GET /a HTTP/1.1\r\nUpgrade: a\r\n\r\n
<< HTTP/1.1 101 A\r\nUpgrade: a\r\n\r\n
>> GET /victim HTTP/1.1\r\nHost: b\r\n\r\n`: WithinTunnel,
		`>> GET /other HTTP/1.1\r\nHost: b\r\n\r\n`: Nowhere,
		`!! closed`: Nowhere,
	} {
		found := read(t, "\n"+victim+"\n"+text+"\n").Exchanges(Common{})
		if len(found) != 1 || found[0].Hop == nil {
			t.Errorf("%s: got %+v", text, found)
			continue
		}
		h := found[0].Hop
		if h.Far != nil || h.Within != want || (h.Before != nil) != (want != Nowhere) || bytes.HasPrefix(h.Stray, []byte("GET /victim ")) != (want != Nowhere) {
			t.Errorf("%s: got %+v", text, h)
		}
		again := found[0].Transcript().Exchanges(Common{})
		if len(again) != 1 || again[0].Hop == nil || again[0].Hop.Within != want {
			t.Errorf("written as\n%s", found[0].Transcript())
		}
	}
}

// TestRequestsAfterOthers checks that an exchange knows what came before it on the far connection, and
// that a plain request is told too.
func TestRequestsAfterOthers(t *testing.T) {
	found := read(t, `
> GET /b HTTP/1.1\r\nHost: a\r\n\r\n
>> GET /a HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n
<< HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON
>> GET /b HTTP/1.1\r\nHost: a\r\n\r\n
< HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON
`).Exchanges(Common{})
	if len(found) != 1 || found[0].Hop.Before == nil || found[0].Hop.Before.Response.Status != 403 {
		t.Fatalf("got %+v", found)
	}
	far := found[0].Hop.Far
	if far == nil || far.Response != nil || !bytes.HasPrefix(far.Noise, []byte("HTTP/1.1 200 OK")) {
		t.Errorf("got %+v", far)
	}
	if n := found[0].Bytes(); n < len(found[0].Request.Raw)+len(far.Request.Raw)+len(found[0].Hop.Before.Request.Raw) {
		t.Errorf("it has %d bytes", n)
	}
}

// TestTimesOfTheFarSide checks that a time without a byte passes on both sides.
func TestTimesOfTheFarSide(t *testing.T) {
	x := read(t, strings.Replace(twoSides, "<< HTTP/1.1 101", "! idle 5s\n<< HTTP/1.1 101", 1)).Exchanges(Common{})[0]
	if x.Took < 5*time.Second || x.Hop.Far.Took < 5*time.Second {
		t.Errorf("took %v and %v", x.Took, x.Hop.Far.Took)
	}
}

// TestSightingsAreKept checks that what both sides of a hop saw is read, written and joined to the
// first exchange, and that malformed ones are rejected.
func TestSightingsAreKept(t *testing.T) {
	const seen = "!! seen poisoned\n!! seen one-way from the\\nclient\n"
	parsed := read(t, twoSides+seen)
	if got := parsed.String(); got != twoSides+seen {
		t.Errorf("got %s", got)
	}
	x := parsed.Exchanges(Common{})[0]
	again := x.Transcript().Exchanges(Common{})[0]
	for _, h := range []*Hop{x.Hop, again.Hop} {
		one, ok := h.Saw(SightOneWay)
		if _, no := h.Saw(SightLeaks); !ok || no || one.Detail != "from the\nclient" || len(h.Seen) != 2 {
			t.Errorf("got %+v", h.Seen)
		}
	}
	if _, ok := (*Hop)(nil).Saw(SightLeaks); ok {
		t.Error("no hop saw something")
	}
	if alone := read(t, "\n> GET / HTTP/1.1\\r\\n\\r\\n\n!! seen unanswered\n").Exchanges(Common{}); len(alone) != 1 || alone[0].Hop == nil || len(alone[0].Hop.Seen) != 1 {
		t.Errorf("got %+v", alone)
	}
	for _, wrong := range []string{"!! seen Poisoned", "!! seen ", "!! seen a_b", "! seen poisoned", "!! seen x \\q", "!! seen " + strings.Repeat("x", 65), "!! seen x " + strings.Repeat("y", 1025), strings.Repeat("!! seen x\n", MaxSightings+1)} {
		if _, err := ParseTranscript([]byte("\n" + wrong + "\n")); err == nil {
			t.Errorf("%.80q is read", wrong)
		}
	}
}
