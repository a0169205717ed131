package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	post = "POST %s HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

var began = time.Date(2026, 11, 21, 9, 14, 5, 771e6, time.UTC)

// exchange is a switched one with that request.
func exchange(id, request string) *wire.Exchange {
	return &wire.Exchange{
		ID: id, Final: true, Complete: true, Origin: wire.OriginLive, Route: "default", Client: "127.0.0.1:5", Backend: "127.0.0.1:3000",
		Time: began, Took: 1800 * time.Microsecond, Outcome: wire.Switched, BodyDone: true,
		Request: wire.ReadRequest([]byte(request)), Response: wire.ReadResponse([]byte(switching)),
	}
}

func TestFindingsAreCountedOnceForEachExchange(t *testing.T) {
	var a Audit
	for i := range 10 {
		x := exchange(fmt.Sprint(i), fmt.Sprintf(post, "/rooms/"+fmt.Sprint(i)))
		for revision := range 3 {
			copied := *x
			copied.Revision, copied.Complete, copied.Final = revision, revision > 0, revision == 2
			a.Observe(&copied)
		}
	}
	found := a.Findings()
	if len(found) != 1 || found[0].Rule.ID != "UPGRADE-POST" || found[0].Count != 10 || found[0].Key.Endpoint != "/rooms/{id}" || !found[0].Unsafe {
		t.Fatalf("got %+v", found)
	}
	if len(found[0].First) != 3 || len(found[0].Last) != 3 || found[0].First[0].X.ID != "0" || found[0].Last[2].X.ID != "9" {
		t.Errorf("evidence: %d first, %d last", len(found[0].First), len(found[0].Last))
	}
	if found[0].First[0].X.Revision != 2 {
		t.Error("evidence is an early report")
	}
	if s := a.Sums(); s.Unsafe != 10 || s.Verdicts[rules.Fail] != 10 || len(a.open) != 0 {
		t.Errorf("got %+v, %d open", s, len(a.open))
	}
	if e := a.Endpoints(); len(e) != 1 || e[0].Exchanges != 10 || e[0].Switched != 10 {
		t.Errorf("got %+v", e)
	}
}

func TestALaterReportMayBeWorse(t *testing.T) {
	var a Audit
	x := exchange("1", strings.Replace(fmt.Sprintf(post, "/chat"), "POST", "GET", 1))
	x.Final = false
	a.Observe(x)
	if len(a.Findings()) != 0 || a.Sums().Verdicts[rules.Pass] != 1 {
		t.Fatalf("a sound switch: %+v", a.Findings())
	}
	worse := *x
	worse.Revision, worse.Final = 1, true
	worse.After.Server, worse.After.ServerBytes = []byte("HTTP/1.1 502 Bad Gateway\r\n"), 26
	a.Observe(&worse)
	if s := a.Sums(); s.Verdicts[rules.Pass] != 0 || s.Verdicts[rules.Fail] != 1 || s.Unsafe != 1 {
		t.Errorf("got %+v", s)
	}
}

// TestALineIsAmended holds that the log says once more of an exchange that it has logged when a
// later report makes it worse.
func TestALineIsAmended(t *testing.T) {
	var log bytes.Buffer
	a := Audit{Emit: event.JSON(zerolog.New(&log))}
	x := exchange("1", sound("/chat"))
	x.Final = false
	later := *x
	later.Revision, later.Final = 1, true
	later.After.Server = []byte("HTTP/1.1 400 Bad Request\r\n\r\n")
	a.Observe(x)
	a.Observe(&later)
	if text := log.String(); strings.Count(text, `"message":"exchange"`) != 1 || strings.Count(text, `"message":"exchange amended"`) != 1 ||
		!strings.Contains(text, `"before":"pass"`) || !strings.Contains(text, `"rules":["UPGRADE-101-NOT-SWITCHED"`) {
		t.Errorf("got %s, want a line that amends the first", text)
	}
}

// TestIdleTimeoutIsDiagnosed holds that the last report of a tunnel says what many tunnels show.
func TestIdleTimeoutIsDiagnosed(t *testing.T) {
	var a Audit
	for i := range 6 {
		x := exchange(fmt.Sprint(i), sound("/chat"))
		x.Final = false
		a.Observe(x)
		over := *x
		over.Revision, over.Final, over.Cause = 1, true, wire.CauseServer
		over.After.Ended = true
		over.After.End = &wire.End{Open: 9 * time.Second, Idle: 7 * time.Second, Client: wire.Word{Kind: wire.WordNothing}, Server: wire.Word{Kind: wire.WordText}}
		want := rules.Diagnosis{ID: "tunnel-no-close", Certainty: rules.Possible}
		if i >= 4 {
			want = rules.Diagnosis{ID: "tunnel-idle-timeout", Certainty: rules.Likely}
		}
		if r := a.Enter(&over, ""); len(r.Diagnoses) != 1 || r.Diagnoses[0].ID != want.ID || r.Diagnoses[0].Certainty != want.Certainty {
			t.Errorf("tunnel %d: got %+v, want %s", i, r.Diagnoses, want.ID)
		}
	}
}

func TestLogLines(t *testing.T) {
	var out bytes.Buffer
	a := Audit{Emit: event.JSON(zerolog.New(&out))}
	x := exchange("01J", fmt.Sprintf(post, "/chat?token=s3cret&a=b"))
	x.Final, x.Complete = false, false
	a.Observe(x)
	whole := *x
	whole.Revision, whole.Complete, whole.Final, whole.Cause = 1, true, true, wire.CauseClient
	whole.After.ClientBytes = 812
	a.Observe(&whole)
	var messages []string
	for line := range strings.Lines(out.String()) {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		messages = append(messages, event["message"].(string))
		if event["message"] == "tunnel closed" {
			if event["clientBytes"] != 812.0 || event["cause"] != "client" {
				t.Errorf("got %v", event)
			}
			continue
		}
		for field, want := range map[string]any{
			"exchange": "01J", "route": "default", "client": "127.0.0.1:5", "backend": "127.0.0.1:3000", "method": "POST",
			"target": "/chat?token=******&a=b", "offers": "websocket", "status": 101.0, "outcome": "switched", "verdict": "fail", "ms": 1.8,
		} {
			if event[field] != want {
				t.Errorf("%s: %s is %v, want %v", event["message"], field, event[field], want)
			}
		}
		if fmt.Sprint(event["rules"]) != "[UPGRADE-POST]" {
			t.Errorf("rules are %v", event["rules"])
		}
	}
	if fmt.Sprint(messages) != "[unsafe switch exchange tunnel closed]" {
		t.Errorf("got %q", messages)
	}
}

func TestHostileBytesInLogLines(t *testing.T) {
	var out bytes.Buffer
	a := Audit{Emit: event.JSON(zerolog.New(&out))}
	a.Observe(exchange("1", fmt.Sprintf(post, "/\x1b[31m\u202e\xff"+strings.Repeat("x", 9000))))
	for _, c := range bytes.ReplaceAll(out.Bytes(), []byte("§"), nil) {
		if c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("byte %#x in %q", c, out.String())
		}
	}
	if out.Len() > 5000 {
		t.Errorf("%d bytes", out.Len())
	}
}

func TestAdvertisementsAreJudgedOnce(t *testing.T) {
	var out bytes.Buffer
	a := Audit{Emit: event.JSON(zerolog.New(&out))}
	for i := range 100 {
		x := exchange(fmt.Sprint(i), "GET /items HTTP/1.1\r\nHost: a\r\n\r\n")
		x.Outcome = wire.Ignored
		x.Response = wire.ReadResponse([]byte("HTTP/1.1 200 OK\r\nUpgrade: h2,h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n"))
		a.Observe(x)
	}
	if n := strings.Count(out.String(), "\n"); n != 1 || a.Sums().Advertised != 99 {
		t.Errorf("%d lines, %d advertised before", n, a.Sums().Advertised)
	}
}

// TestAMillionPathsTakeBoundedMemory takes a tenth of them under the race detector, which needs ten
// times as long for each.
func TestAMillionPathsTakeBoundedMemory(t *testing.T) {
	all := 1_000_000
	if raced {
		all /= 10
	}
	a := Audit{Bounds: Bounds{Evidence: 1 << 20}}
	each := all / 50
	var workers sync.WaitGroup
	for w := range 10 {
		workers.Go(func() {
			for i := range each {
				a.Observe(exchange(fmt.Sprint(w, i), fmt.Sprintf(post, fmt.Sprintf("/path-%d-%d-x", w, i))))
			}
		})
	}
	workers.Wait()
	before := heap()
	for i := range all - 10*each {
		a.Observe(exchange(fmt.Sprint("more", i), fmt.Sprintf(post, fmt.Sprintf("/other-%d-x", i))))
	}
	if after := heap(); after > before+(1<<20) {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	if n := len(a.Endpoints()); n != 1001 {
		t.Errorf("%d endpoints", n)
	}
	total := int64(0)
	for _, f := range a.Findings() {
		total += f.Count
	}
	if total != int64(all) || a.Sums().Unsafe != int64(all) {
		t.Errorf("%d findings were counted, %d unsafe", total, a.Sums().Unsafe)
	}
	if a.evidence > a.Bounds.Evidence || a.Sums().Shed == 0 {
		t.Errorf("%d bytes of evidence, %d shed", a.evidence, a.Sums().Shed)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkObserve(b *testing.B) {
	x := exchange("1", sound("/chat"))
	for name, x := range map[string]*wire.Exchange{"head": head(x), "whole": whole(x)} {
		b.Run(name, func(b *testing.B) {
			a := Audit{}
			b.ReportAllocs()
			for b.Loop() {
				a.Observe(x)
			}
		})
	}
}
