package audit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// The request of a client without the option, and what a hop makes of it.
const (
	bare    = "GET /chat HTTP/1.1\r\nHost: staging.test\r\nUpgrade: websocket\r\nSec-WebSocket-Key: aW50ZXJsb2NrLS1ob3BzIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	offered = "GET /chat HTTP/1.1\r\nHost: staging.test\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: aW50ZXJsb2NrLS1ob3BzIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

	fabricated = "UPGRADE-HOP-CONN-FABRICATED"
)

// around is an audit of both sides of a hop, and the events that it has emitted.
func around() (a *Audit, told *[]string, each *[]*rules.Ruling) {
	told, each = new([]string), new([]*rules.Ruling)
	a = &Audit{Hops: NewHops(1 << 20)}
	a.Hops.Configure(hop.NoSide, map[string]hop.Side{"edge": hop.NearTo, "inner": hop.FarFrom})
	a.Emit = func(e event.Event) {
		*told = append(*told, fmt.Sprint(map[event.Kind]string{event.Exchange: "exchange", event.Amended: "amended", event.Unsafe: "unsafe", event.TunnelClosed: "closed"}[e.Kind], " ", e.Ruling.X.ID))
	}
	a.Each = func(r *rules.Ruling) { *each = append(*each, r) }
	return a, told, each
}

// seenOn is an exchange on one side: a report of a tunnel that goes on, unless it is the last one.
func seenOn(route, id, request string, last bool) *wire.Exchange {
	x := exchange(id, request)
	x.Response = wire.ReadResponse([]byte(strings.Replace(switching, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "NVtJKsxj2O4F5xSCYTh1MJGJ2eQ=", 1)))
	x.Route, x.Client, x.Final = route, "127.0.0.1:"+map[string]string{"edge": "5", "inner": "6"}[route], last
	if last {
		x.Revision, x.After.Ended, x.Cause, x.After.Open = 1, true, wire.CauseClient, time.Second
	}
	return x
}

// TestBothSidesAreJudgedOnce checks that an exchange of the near side is judged with its other side, in
// whatever order they are reported, and that it counts once, as do its findings.
func TestBothSidesAreJudgedOnce(t *testing.T) {
	for name, order := range map[string]string{
		"far first": "f0 n0 c f1 n1 c", "near first": "n0 c f0 c n1 f1 c", "near at the end": "f0 f1 n0 n1 c", "compared at the end": "n0 n1 f0 f1 c", "far later": "n0 n1 f0 c f1 c",
		"compared often": "n0 f0 c c c n1 c c f1 c c",
	} {
		t.Run(name, func(t *testing.T) {
			a, told, each := around()
			a.Hops.Live.Settle = 0
			for step := range strings.FieldsSeq(order) {
				switch last := step[len(step)-1] == '1'; step[0] {
				case 'n':
					a.Observe(seenOn("edge", "N", bare, last))
				case 'f':
					a.Observe(seenOn("inner", "F", offered, last))
				case 'c':
					a.Compare(false)
				}
			}
			var found *Finding
			for _, f := range a.Findings() {
				if f.Count != 1 {
					t.Errorf("%s was counted %d times", f.Key.Rule, f.Count)
				}
				if f.Key.Rule == fabricated {
					found = &f
				}
				if strings.Contains(f.Key.Rule, "KEY-REUSED") {
					t.Errorf("the key on both sides is reported: %s", f.Detail)
				}
			}
			if found == nil || found.Key.Route != "edge" || !found.Unsafe || found.Severity != rules.Critical {
				t.Fatalf("got %+v", a.Findings())
			}
			if s := a.Sums(); s.Verdicts[rules.Fail] != 1 || s.Verdicts[rules.Pass] != 1 || s.Unsafe != 1 || len(a.open) != 0 {
				t.Errorf("got %+v, %d open", s, len(a.open))
			}
			if n := a.Hops.Counts(); n != (hop.Counts{Paired: 1}) {
				t.Errorf("got %+v", n)
			}
			revision := map[string]int{"N": -1, "F": -1}
			for _, r := range *each {
				if r.X.Revision <= revision[r.X.ID] {
					t.Errorf("%s: revision %d after %d", r.X.ID, r.X.Revision, revision[r.X.ID])
				}
				revision[r.X.ID] = r.X.Revision
				if r.X.ID == "N" && r.Before.Has(rules.Find(fabricated)) && r.Find(fabricated) == nil {
					t.Errorf("revision %d has lost the finding", r.X.Revision)
				}
			}
			for _, once := range []string{"exchange N", "exchange F", "closed N", "closed F", "unsafe N"} {
				if n := strings.Count(strings.Join(*told, ", ")+", ", once+", "); n != 1 {
					t.Errorf("%d times %q: %q", n, once, *told)
				}
			}
			if a.Compare(true); a.Hops.Waits() || a.Hops.Live.Known("N") != nil {
				t.Error("something is remembered")
			}
		})
	}
}

// TestOneExchangeOfSeveralIsNotGuessed checks that exchanges are not judged as a pair where
// it is not known which of several belong together.
func TestOneExchangeOfSeveralIsNotGuessed(t *testing.T) {
	a, _, each := around()
	a.Hops.Live.Settle = 0
	for i := range 2 {
		a.Observe(seenOn("edge", fmt.Sprint("N", i), bare, true))
		a.Observe(seenOn("inner", fmt.Sprint("F", i), offered, true))
	}
	a.Compare(true)
	for _, r := range *each {
		if r.X.Hop != nil {
			t.Errorf("%s is in a pair", r.X.ID)
		}
	}
	if n := a.Hops.Counts(); n != (hop.Counts{Alone: 2}) {
		t.Errorf("got %+v", n)
	}
}

// TestFarSideFromAStore checks that the far side that another Interlock has stored is judged by what the
// store keeps: heads are compared, payload that is blanked out is not.
func TestFarSideFromAStore(t *testing.T) {
	a, _, each := around()
	a.Hops.Live.Settle = 0
	a.Hops.Configure(hop.NearTo, nil)
	x := seenOn("edge", "N", bare, true)
	x.After.Client, x.After.ClientBytes = []byte("\x81\x85\x00\x00\x00\x00hello"), 11
	a.Observe(x)
	other := Audit{Hops: NewHops(1 << 20), Instance: "inner"}
	other.Hops.Configure(hop.FarFrom, nil)
	far := seenOn("default", "F", offered, true)
	far.After.Client, far.After.ClientBytes = []byte("hello"), 5 // the hop has lost the head of the frame
	text, err := other.Enter(far, "").MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it is read again
		stored, err := rules.ReadRuling(text)
		if err != nil {
			t.Fatal(err)
		}
		a.Hops.Stored(stored)
		a.Compare(false)
	}
	r := (*each)[len(*each)-1]
	if len(*each) != 2 || r.X.Hop == nil || r.X.Hop.Far.ID != "F" || r.Find(fabricated) == nil || r.Find(fabricated).Verdict != rules.Fail {
		t.Fatalf("%d rulings, the last one %+v", len(*each), r)
	}
	if f := r.Find("UPGRADE-HOP-TAIL-LOST"); f != nil && f.Verdict != rules.Pass {
		t.Errorf("bytes that are blanked out were compared: %s", f.Detail)
	}
	if string(r.X.After.Client) != string(x.After.Client) {
		t.Error("the exchange has lost its bytes")
	}
}

// TestHopsAreBounded checks that exchanges without another side are forgotten when there is no room, and
// that open tunnels that were judged with theirs are not.
func TestHopsAreBounded(t *testing.T) {
	a, _, _ := around()
	a.Hops = NewHops(20_000)
	a.Hops.Configure(hop.NoSide, map[string]hop.Side{"edge": hop.NearTo, "inner": hop.FarFrom})
	a.Hops.Live.Settle = 0
	a.Observe(seenOn("edge", "open", strings.Replace(bare, "/chat", "/open", 1), false))
	a.Observe(seenOn("inner", "F", strings.Replace(offered, "/chat", "/open", 1), false))
	a.Compare(false)
	for i := range 1000 {
		key := fmt.Sprintf("%022d==", i)
		a.Observe(seenOn("edge", fmt.Sprint("N", i), strings.Replace(bare, "aW50ZXJsb2NrLS1ob3BzIQ==", key, 1), true))
	}
	n := a.Hops.Counts()
	if n.Paired != 1 || n.Shed < 900 || a.Hops.Live.Known("open") == nil {
		t.Errorf("got %+v", n)
	}
}

// TestNoHopIsNoWork checks that judging allocates nothing more where no hop is configured.
func TestNoHopIsNoWork(t *testing.T) {
	one, other := &Audit{}, &Audit{Hops: NewHops(1 << 20)}
	other.Hops.Configure(hop.NoSide, nil)
	x := exchange("1", strings.Replace(fmt.Sprintf(post, "/chat"), "POST", "GET", 1))
	without, with := testing.AllocsPerRun(100, func() { one.Observe(x) }), testing.AllocsPerRun(100, func() { other.Observe(x) })
	if with > without && !raced { // the race detector makes pools forget
		t.Errorf("%v allocations, and %v without", with, without)
	}
}
