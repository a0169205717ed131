package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/web/ui"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// told is an event as a reader gets it.
type told struct{ id, name, text string }

// follow opens the events after one, and returns what reads the next one, and what ends it.
func follow(t *testing.T, at, last string) (next func() told, end func()) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "GET", at+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		q.Header.Set("Last-Event-ID", last)
	}
	p, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	if p.StatusCode != 200 {
		t.Fatalf("got %s", p.Status)
	}
	lines := bufio.NewScanner(p.Body)
	lines.Buffer(nil, 1<<20)
	return func() (e told) {
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.text = value
			case "":
				if e.name != "" {
					return e
				}
			}
		}
		t.Errorf("the events have ended: %v", lines.Err())
		return told{}
	}, func() { p.Body.Close() }
}

func rulingOf(id, method, target string) *rules.Ruling {
	x := exchangeOf(id, method, target, wire.OriginLive)
	r := rules.Classify(rules.Case{X: x, Options: &rules.Options{}})
	r.Endpoint = rules.EndpointOf(x)
	return r
}

// TestEventsAreToldAndReplayed reads events of every kind, and those after one of them once more.
// Their schemas are tested in test/e2e/api.
func TestEventsAreToldAndReplayed(t *testing.T) {
	s := &Server{Status: filled(t).Status}
	at := serve(t, s)
	s.Observe(rulingOf("X0", "GET", "/"))
	next, end := follow(t, at, "")
	if e := next(); e.name != eventStatus || e.id != "" {
		t.Fatalf("first came %v", e)
	}
	for i := range 3 {
		s.Observe(rulingOf(fmt.Sprintf("X%d", i+1), "POST", "/chat?token=CANARY"))
	}
	s.runs.mu.Lock()
	s.runs.report(&run{Run: "R1", State: running})
	s.runs.mu.Unlock()
	var all []told
	counts := map[string]int{}
	for counts[eventProbe] == 0 {
		e := next()
		all = append(all, e)
		counts[e.name]++
		if strings.Contains(e.text, "CANARY") {
			t.Errorf("a secret is in %s", e.text)
		}
	}
	end()
	if counts[eventExchange] != 3 || counts[eventFinding] == 0 || counts[eventGap] != 0 {
		t.Errorf("there came %v", counts)
	}
	findings := map[string]bool{}
	for _, e := range all {
		var f findingEvent
		if e.name == eventFinding && (json.Unmarshal([]byte(e.text), &f) != nil || findings[f.Fingerprint]) {
			t.Errorf("%s was told twice", e.text)
		}
		findings[f.Fingerprint] = true
	}
	next, end = follow(t, at, all[1].id)
	defer end()
	next() // status
	for _, want := range all[2:] {
		if e := next(); e != want {
			t.Errorf("behind %s came %v, want %v", all[1].id, e, want)
		}
	}
}

// TestWhoComesBackTooLateIsTold holds that there is a gap after events that are not there, of this
// process or another one.
func TestWhoComesBackTooLateIsTold(t *testing.T) {
	s := &Server{}
	at := serve(t, s)
	_, end := follow(t, at, "")
	r := rulingOf("X1", "GET", "/chat")
	for range 3 * maxRing {
		s.Observe(r)
	}
	end()
	for _, last := range []string{s.events.id(0), "another-1", "\x7f", s.events.id(1 << 40)} {
		next, end := follow(t, at, strings.Trim(last, "\x7f")+"x"[:min(1, strings.Count(last, "\x7f"))])
		if e := next(); e.name != eventGap {
			t.Errorf("behind %q came %v", last, e)
		}
		end()
	}
}

// TestManyExchangesHoldNothingUp follows the events of 10,000 exchanges twice: by a caller that
// reads, which gets each of them or is told how many it missed, and by one that does not. Memory
// stays bounded.
func TestManyExchangesHoldNothingUp(t *testing.T) {
	s := &Server{Status: func() ui.Status { return ui.Status{} }}
	at := serve(t, s)
	idle, err := net.Dial("tcp", strings.TrimPrefix(at, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, err := io.WriteString(idle, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := idle.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	next, end := follow(t, at, "")
	defer end()
	next()                       // status
	told := make(chan uint64, 1) // events that were told or counted as missed, once the last one has come
	go func() {
		var n uint64
		for e := next(); e.name != ""; e = next() {
			var gap struct{ Missed uint64 }
			switch e.name {
			case eventGap:
				if err := json.Unmarshal([]byte(e.text), &gap); err != nil || gap.Missed == 0 {
					t.Errorf("the gap is %q (%v)", e.text, err)
				}
				n += gap.Missed
			case eventStatus:
			default:
				n++
			}
			if strings.Contains(e.text, `"id":"last"`) {
				break
			}
		}
		told <- n
	}()
	const many = 10_000
	var before, behind runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	target := "/" + strings.Repeat("x", 4<<10)
	r := rulingOf("X", "GET", target)
	for range many {
		s.Observe(r)
	}
	s.Observe(rulingOf("last", "GET", "/"))
	runtime.GC()
	runtime.ReadMemStats(&behind)
	if grown := int64(behind.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d bytes more are in use", grown)
	}
	if n := len(s.events.ring); n > 2*maxRing {
		t.Errorf("%d events are kept", n)
	}
	if got := <-told; got != many+1 {
		t.Errorf("%d events were told or counted as missed, want %d", got, many+1)
	}
}

// TestNobodyFollowingCostsNothing holds that a ruling that nobody waits for is not even looked at.
func TestNobodyFollowingCostsNothing(t *testing.T) {
	s := &Server{}
	r := rulingOf("X", "POST", "/chat")
	if n := testing.AllocsPerRun(100, func() { s.Observe(r) }); n != 0 || s.events.ring != nil {
		t.Errorf("%v allocations, %d events", n, len(s.events.ring))
	}
}

func TestFollowersAreBounded(t *testing.T) {
	var s events
	var all []*reader
	for range maxReaders {
		r, _ := s.join("")
		all = append(all, r)
	}
	if r, _ := s.join(""); r != nil {
		t.Error("there is one too many")
	}
	s.leave(all[0])
	if r, _ := s.join(""); r == nil {
		t.Error("somebody has left, and nobody gets in")
	}
}

func BenchmarkObserve(b *testing.B) {
	r := rulingOf("X", "POST", "/chat")
	for _, followed := range []bool{false, true} {
		b.Run(fmt.Sprintf("followed=%v", followed), func(b *testing.B) {
			s := &Server{}
			if followed {
				s.events.join("")
			}
			b.ReportAllocs()
			for b.Loop() {
				s.Observe(r)
			}
		})
	}
}
