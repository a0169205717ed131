package probe

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// once sends one probe without controls.
func once(t *testing.T, target Target, p *rules.Probe, s Settings) answer {
	t.Helper()
	c, err := newCaller(context.Background(), target, s)
	if err != nil {
		t.Fatal(err)
	}
	base, err := c.base(context.Background(), rules.Edits())
	if err != nil {
		t.Fatal(err)
	}
	return c.attempt(context.Background(), p.ID, p.On(base), c.settings.Head, true)
}

// TestEveryAnswerIsAnExchange checks that any behaviour of a server is reported as an outcome that
// the rulebook knows.
func TestEveryAnswerIsAnExchange(t *testing.T) {
	drip := func(c *guest, text string) {
		for {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
	cases := map[string]struct {
		serve   func(c *guest)
		outcome wire.Outcome
		cause   wire.Cause
		bare    bool
		interim int
	}{
		"a refusal":           {func(c *guest) { c.send(refusal) }, wire.Refused, "", false, 0},
		"a page":              {func(c *guest) { c.send("HTTP/1.1 200 OK\r\n\r\n<p>"); c.br.ReadByte() }, wire.Ignored, "", false, 0},
		"interim responses":   {func(c *guest) { c.send("HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 100 C\r\n\r\n" + refusal) }, wire.Refused, "", false, 2},
		"a close":             {func(*guest) {}, wire.Closed, wire.CauseServer, true, 0},
		"a reset":             {func(c *guest) { c.SetLinger(0) }, wire.Closed, wire.CauseServerReset, true, 0},
		"silence":             {func(c *guest) { c.br.ReadByte() }, wire.Silent, wire.CauseTimeout, false, 0},
		"a byte now and then": {func(c *guest) { c.send("HTTP/1.1 4"); c.br.ReadByte() }, wire.Silent, wire.CauseTimeout, false, 0},
		"garbage":             {func(c *guest) { c.send("\x16\x03\x01\x02"); c.br.ReadByte() }, wire.Opaque, wire.CauseClient, false, 0},
		"a bare page":         {func(c *guest) { c.send("<html><p>hello") }, wire.Opaque, wire.CauseClient, false, 0},
		"a part of a head":    {func(c *guest) { c.send("HTTP/1.1 200 OK\r\nX: ") }, wire.Ignored, "", false, 0},
		"a part of a status":  {func(c *guest) { c.send("HTTP/1.1 20") }, wire.Opaque, wire.CauseServer, false, 0},
		"a switch in garbage": {func(c *guest) { c.send("HTTP/1.1 100 C\n\n" + switching(c.head)); c.br.ReadByte() }, wire.Switched, wire.CauseClient, false, 0},
		"garbage, then a switch": {func(c *guest) {
			c.send("\x81\x00")
			c.send("\r\n" + switching(c.head))
			c.br.ReadByte()
		}, wire.Switched, wire.CauseClient, false, 0},
		"an endless head":       {func(c *guest) { c.send("HTTP/1.1 200 OK\r\n"); drip(c, strings.Repeat("X: y\r\n", 1000)) }, wire.Opaque, wire.CauseClient, false, 0},
		"endless interim ones":  {func(c *guest) { drip(c, strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 1000)) }, wire.Opaque, wire.CauseClient, false, 8},
		"a switch":              {func(c *guest) { c.switches() }, wire.Switched, wire.CauseClient, false, 0},
		"a switch and a close":  {func(c *guest) { c.send(switching(c.head)); c.br.Discard(16) }, wire.Switched, wire.CauseServer, false, 0},
		"a switch and a reset":  {func(c *guest) { c.send(switching(c.head)); c.br.Discard(16); c.SetLinger(0) }, wire.Switched, wire.CauseServerReset, false, 0},
		"a switch and silence":  {func(c *guest) { c.send(switching(c.head)); io.Copy(io.Discard, c.br) }, wire.Switched, wire.CauseClient, false, 0},
		"a switch and a flood":  {func(c *guest) { c.send(switching(c.head)); drip(c, "\x82\x7e\x04\x00"+strings.Repeat("x", 1024)) }, wire.Switched, wire.CauseClient, false, 0},
		"a bare 101":            {func(c *guest) { c.send("HTTP/1.1 101 X\r\n\r\n"); c.br.Discard(16); c.send(replies); c.br.ReadByte() }, wire.Switched, wire.CauseClient, false, 0},
		"an answer and a reset": {func(c *guest) { c.send(refusal); c.SetLinger(0) }, wire.Refused, "", false, 0},
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, want.serve)
			head := 2 * time.Second
			if strings.HasPrefix(name, "endless") {
				head = time.Minute // here the limit is in bytes
			}
			a := once(t, b.target(), flaw("X"), Settings{Head: head, Tail: time.Second})
			if a.x == nil {
				t.Fatal(a.err)
			}
			x := a.x
			cause := x.Cause
			if x.Response != nil && x.Outcome != wire.Switched {
				cause = "" // it does not matter which side closes first after a response
			}
			opaque := want.outcome == wire.Opaque // nor after bytes that are not HTTP
			if x.Outcome != want.outcome || cause != want.cause && !opaque || a.bare != want.bare || !x.Final || !x.Complete {
				t.Errorf("got %s %q, bare %t, final %t, complete %t; want %s %q %t",
					x.Outcome, cause, a.bare, x.Final, x.Complete, want.outcome, want.cause, want.bare)
			}
			if len(x.Interim) != want.interim && !opaque {
				t.Errorf("got %d interim responses, want %d", len(x.Interim), want.interim)
			}
			if x.Client == "" || x.Backend != b.Addr().String() || string(x.Request.Raw) == "" {
				t.Errorf("got client %q, backend %q, request %q", x.Client, x.Backend, x.Request.Raw)
			}
		})
	}
}

func TestTheSwitchIsProved(t *testing.T) {
	b := serve(t, func(c *guest) { c.switches() })
	x := once(t, b.target(), flaw("X"), Settings{Tail: patience}).x
	if got, want := string(x.After.Client), rules.Ping+rules.Text+closeFrame; got != want {
		t.Errorf("sent %q after the 101, want %q", got, want)
	}
	if got := string(x.After.Server); got != replies || x.After.ServerBytes != int64(len(replies)) {
		t.Errorf("got %q, %d bytes, want %q", got, x.After.ServerBytes, replies)
	}
	if x.After.ServerClosed || !x.After.ClientClosed {
		t.Error("it is not we who left")
	}
}

func TestTheSwitchToH2CIsProved(t *testing.T) {
	b := serve(t, func(c *guest) {
		c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + noSettings)
		io.Copy(io.Discard, c.br)
	})
	x := once(t, b.target(), &rules.Probe{ID: "X", Edit: rules.OfferH2C()}, Settings{Tail: patience}).x
	if got, want := string(x.After.Client), h2cPreface+noSettings; got != want {
		t.Errorf("sent %q after the 101, want %q", got, want)
	}
	if got := string(x.After.Server); got != noSettings {
		t.Errorf("got %q, want %q", got, noSettings)
	}
}

func TestAfterIsSentInPlaceOfTheProof(t *testing.T) {
	b := serve(t, func(c *guest) {
		c.send(switching(c.head))
		c.br.Discard(4)
	})
	x := once(t, b.target(), &rules.Probe{ID: "X", Edit: rules.After(rules.Always("\x81\x02hi"))}, Settings{Tail: patience}).x
	if got := string(x.After.Client); got != "\x81\x02hi" || !x.After.ServerClosed || x.Cause != wire.CauseServer {
		t.Errorf("sent %q, closed by the server %t, cause %s", got, x.After.ServerClosed, x.Cause)
	}
}

func TestContentWaitsForA100(t *testing.T) {
	expect := &rules.Probe{ID: "X", Edit: rules.Edits(
		rules.Content("content", rules.Edits(rules.Set("Expect", "100-continue"), rules.Set("Content-Length", "7"))),
		rules.Withheld(rules.HoldUntil100))}
	b := serve(t, func(c *guest) {
		c.send("HTTP/1.1 100 Continue\r\n\r\n")
		got := make([]byte, 7)
		if _, err := io.ReadFull(c.br, got); err != nil || string(got) != "content" {
			t.Errorf("got %q, %v", got, err)
		}
		c.switches()
	})
	x := once(t, b.target(), expect, Settings{}).x
	if x.Outcome != wire.Switched || !x.BodyDone || len(x.Interim) != 1 || string(x.After.Server) != replies {
		t.Errorf("got %s, body done %t, %d interim responses, %q", x.Outcome, x.BodyDone, len(x.Interim), x.After.Server)
	}

	b = serve(t, func(c *guest) {
		if rest, _ := io.ReadAll(c.br); len(rest) > 0 {
			t.Errorf("got %q without a 100", rest)
		}
	})
	if x = once(t, b.target(), expect, Settings{Head: 100 * time.Millisecond}).x; x.Outcome != wire.Silent || x.BodyDone {
		t.Errorf("got %s, body done %t", x.Outcome, x.BodyDone)
	}
}

func TestAHeadInTwoSegments(t *testing.T) {
	pieces := make(chan []int, 1)
	b := serve(t, func(c *guest) {
		pieces <- c.sizes
		c.send(refusal)
	})
	split := &rules.Probe{ID: "X", Edit: func(h *rules.Handshake) { h.Split = 20 }}
	for tries := 1; ; tries++ { // a server that reads late gets both at once
		if x := once(t, b.target(), split, Settings{}).x; x.Outcome != wire.Refused || string(x.Request.Raw) == "" {
			t.Fatalf("got %s", x.Outcome)
		}
		sizes := <-pieces
		if len(sizes) == 2 && sizes[0] == 20 {
			return
		}
		if len(sizes) > 1 || tries == 100 {
			t.Fatalf("it came in pieces of %d bytes, want 20 and the rest", sizes)
		}
	}
}

func TestBothAnswersToAPipelineAreRead(t *testing.T) {
	pipeline := &rules.Probe{ID: "X", Edit: rules.Early(rules.Always("GET /canary HTTP/1.1\r\nHost: a\r\n\r\n"))}
	b := serve(t, func(c *guest) {
		c.send("HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno")
		c.send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
		io.Copy(io.Discard, c.br)
	})
	x := once(t, b.target(), pipeline, Settings{Tail: patience}).x
	if x.Response.Status != 400 || !x.Next.HTTP || !x.Next.Answered {
		t.Errorf("got %d, next %+v", x.Response.Status, x.Next)
	}
}
