package rules

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestRulesAboutHopsNeedTheFarSide checks that an exchange without a far side is not even shown to
// the rules about hops.
func TestRulesAboutHopsNeedTheFarSide(t *testing.T) {
	asked := 0
	whole := hopBook
	defer func() { hopBook = whole }()
	hopBook = []*Rule{{ID: "TEST-ASKED", Hop: true, When: func(*Case) bool { asked++; return false }}}
	both := 0
	for _, r := range corpus(t) {
		for _, x := range r.transcript.Near().Exchanges(r.common) {
			Classify(Case{X: x})
			Unsafe(new(Ruling), Case{X: x})
		}
		if r.transcript.HasFar() {
			both++
		}
	}
	if asked > 0 || both < 50 {
		t.Errorf("asked %d times; %d transcripts have a far side", asked, both)
	}
	for _, r := range book {
		if r.Hop {
			t.Errorf("%s is asked about every exchange", r.ID)
		}
	}
	for _, r := range whole {
		if !r.Hop || r.Party != Intermediary {
			t.Errorf("%s: party %s", r.ID, r.Party)
		}
	}
}

// TestLiveHopsAreJudgedAsAWhole checks that live traffic is judged by all rules, and a chain, whose
// server is Interlock itself, only by those about the proxy.
func TestLiveHopsAreJudgedAsAWhole(t *testing.T) {
	for origin, want := range map[wire.Origin]bool{wire.OriginLive: true, wire.OriginChain: false} {
		x := sides(t, "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
			"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", origin)
		r := Classify(Case{X: x})
		f := r.Find("UPGRADE-HOP-CONN-FABRICATED")
		if f == nil || f.Verdict != Fail || !strings.HasPrefix(f.Detail, "Proxy edge added ") || !r.Unsafe {
			t.Errorf("%s: got %+v, unsafe %t", origin, f, r.Unsafe)
		}
		if got := slices.Contains(f.Related, "UPGRADE-MISSING-CONN"); got != want || r.Find("UPGRADE-MISSING-CONN") != nil {
			t.Errorf("%s: the server is judged: %t, want %t and only as related", origin, got, want)
		}
	}
}

// sides returns an accepted upgrade on both sides of a hop.
func sides(t *testing.T, near, far string, origin wire.Origin) *wire.Exchange {
	t.Helper()
	const switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	tr := new(wire.Transcript)
	tr.Add(wire.FromClient, []byte(near))
	tr.AddFar(wire.FromClient, []byte(far))
	tr.AddFar(wire.FromServer, []byte(switched))
	tr.Add(wire.FromServer, []byte(switched))
	x := tr.Exchanges(wire.Common{Origin: origin})[0]
	x.Hop.Name = "edge"
	return x
}

// TestTheFarSideHasNoSecrets checks that secrets of both clients on a connection are blanked out in
// everything that a ruling keeps of the far side.
func TestTheFarSideHasNoSecrets(t *testing.T) {
	const secret = "hunter2hunter2"
	request := func(target string) *wire.Request {
		return wire.ReadRequest([]byte("GET " + target + "?token=" + secret + " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: s=" + secret + "\r\n\r\n"))
	}
	bytes := []byte("GET /x?token=" + secret + " HTTP/1.1\r\nCookie: s=" + secret + "\r\n\r\n")
	response := wire.ReadResponse([]byte("HTTP/1.1 403 No\r\nSet-Cookie: s=" + secret + "\r\n\r\n"))
	far := func(target string) *wire.Exchange {
		return &wire.Exchange{Request: request(target), Response: response, Outcome: wire.Refused, Early: bytes, EarlyBytes: int64(len(bytes)),
			Next: wire.Next{Bytes: bytes}, Noise: bytes, Interim: []*wire.Response{response}, Complete: true, Time: time.Unix(9, 0)}
	}
	x := far("/near")
	x.Origin, x.Time = wire.OriginLive, time.Unix(9, 0)
	x.Hop = &wire.Hop{Far: far("/far"), Before: far("/before"), Within: wire.WithinContent, Stray: bytes, Clock: true}
	x.Time = x.Time.Add(1234567 * time.Nanosecond)
	x.Hop.Seen = []wire.Sighting{{What: wire.SightPoisoned, Detail: "by POISON"}, {What: "no\nword"}, {What: wire.SightTwin}}
	for _, full := range []bool{false, true} {
		b, err := Classify(Case{X: x, Options: &Options{Full: full}}).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		r, err := ReadRuling(b)
		if err != nil {
			t.Fatal(err)
		}
		text := r.X.Transcript().String()
		if got := strings.Contains(text, secret) || strings.Contains(string(b), secret); got != full {
			t.Errorf("full %t: the secret is shown: %t\n%s", full, got, text)
		}
		if h := r.X.Hop; h == nil || h.Far == nil || h.Before == nil || h.Far.Request.Method != "GET" || h.Far.EarlyBytes != int64(len(bytes)) || h.Within != wire.WithinContent ||
			!r.X.Time.Equal(x.Time) || len(h.Seen) != 2 || h.Seen[0] != x.Hop.Seen[0] || h.Seen[1].What != wire.SightTwin {
			t.Errorf("full %t: read back as %+v", full, h)
		}
	}
}
