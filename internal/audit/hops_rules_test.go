package audit

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestWhatLiveHopsAreJudgedBy checks what is found of both sides in one process, where all bytes are
// known, and of a far side from a store, where payload is blanked out: the same, or nothing where the
// rule needs the payload.
func TestWhatLiveHopsAreJudgedBy(t *testing.T) {
	const frame = "\x81\x85\x01\x02\x03\x04ifmmn"
	reject := func(x *wire.Exchange) {
		x.Response = wire.ReadResponse([]byte("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
		x.Outcome, x.After, x.Cause = wire.Refused, wire.After{}, ""
	}
	smuggled := []byte("GET /admin HTTP/1.1\r\nHost: staging.test\r\n\r\n")
	for _, test := range []struct {
		name, rule    string
		change        func(near, far *wire.Exchange)
		exact, stored string
	}{
		{"early bytes that are held", "UPGRADE-HOP-PREMATURE", func(near, far *wire.Exchange) {
			near.Early, near.EarlyBytes = smuggled, int64(len(smuggled))
			reject(near)
			reject(far)
		}, "pass", "pass"},
		{"early bytes that are forwarded", "UPGRADE-HOP-PREMATURE", func(near, far *wire.Exchange) {
			near.Early, near.EarlyBytes = smuggled, int64(len(smuggled))
			far.Early, far.EarlyBytes = smuggled, int64(len(smuggled))
			reject(near)
			reject(far)
		}, "fail", "fail"},
		{"a tunnel after a rejection", "UPGRADE-HOP-TUNNEL-NON101", func(near, far *wire.Exchange) {
			reject(near)
			reject(far)
			near.Next, far.Next = wire.Next{Bytes: []byte(frame)}, wire.Next{Bytes: []byte(frame)}
		}, "fail", "fail"},
		{"half a frame lost", "UPGRADE-HOP-TAIL-LOST", func(near, far *wire.Exchange) {
			near.After.Client, near.After.ClientBytes = []byte(strings.Repeat(frame, 3)), 33
			far.After.Client, far.After.ClientBytes = near.After.Client[6:], 27
		}, "fail", ""},
		{"the last bytes lost", "UPGRADE-HOP-TAIL-LOST", func(near, far *wire.Exchange) {
			near.After.Client, near.After.ClientBytes = []byte(strings.Repeat(frame, 3)), 33
			far.After.Client, far.After.ClientBytes = near.After.Client[:22], 22
		}, "fail", "fail"},
		{"a request in the tunnel", "UPGRADE-HOP-REUSE-TUNNEL", func(near, far *wire.Exchange) {
			near.After.Client, near.After.ClientBytes = []byte(frame), int64(len(frame))
			far.After.Client = append([]byte(frame), smuggled...)
			far.After.ClientBytes = int64(len(far.After.Client))
		}, "fail", ""},
		{"a tunnel whose first bytes are all that is known", "UPGRADE-HOP-REUSE-TUNNEL", func(near, far *wire.Exchange) {
			near.After.Client, near.After.ClientBytes = []byte(frame), 100
			far.After.Client = append([]byte(frame), smuggled...)
			far.After.ClientBytes = 100
		}, "", ""},
	} {
		for name, want := range map[string]string{"in one process": test.exact, "from a store": test.stored} {
			near, far := seenOn("edge", "N", offered, true), seenOn("inner", "F", offered, true)
			near.Revision, far.Revision = 0, 0
			test.change(near, far)
			r := judgedTogether(t, near, far, name == "from a store")
			got := ""
			if f := r.Find(test.rule); f != nil {
				got = f.Verdict.String()
			}
			if got != want || r.X.Hop == nil {
				t.Errorf("%s, %s: got %q, want %q", test.name, name, got, want)
			}
		}
	}
}

// judgedTogether returns the ruling on an exchange with its other side.
func judgedTogether(t *testing.T, near, far *wire.Exchange, stored bool) (last *rules.Ruling) {
	t.Helper()
	a := &Audit{Hops: NewHops(1 << 20), Each: func(r *rules.Ruling) {
		if r.X.ID == near.ID {
			last = r
		}
	}}
	a.Hops.Live.Settle = 0
	a.Hops.Configure(hop.NoSide, map[string]hop.Side{"edge": hop.NearTo, "inner": hop.FarFrom})
	a.Observe(near)
	if stored {
		text, err := rules.Classify(rules.Case{X: far}).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		r, err := rules.ReadRuling(text)
		if err != nil {
			t.Fatal(err)
		}
		a.Hops.Stored(r)
	} else {
		a.Observe(far)
	}
	a.Compare(true)
	return last
}
