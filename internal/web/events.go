package web

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// The events that subscribers get.
const (
	eventExchange = "exchange" // a ruling, also a later revision of it: readers upsert by id
	eventFinding  = "finding"  // a rule did not pass at a new place
	eventProbe    = "probe"    // how far a probe run is
	eventStatus   = "status"   // the state of everything; it has no id, as only the latest one counts
	eventGap      = "gap"      // events were dropped because the reader was too slow or came back too late
)

// The bounds of the events that are kept for subscribers.
const (
	maxRing    = 1024 // at least, and up to twice as many
	maxReaders = 32
	maxKnown   = 4096        // findings that are not sent again
	remembered = time.Minute // how long events are kept after the last subscriber has left
)

// events is a ring of the latest events. The zero value is ready.
type events struct {
	following atomic.Bool // there are subscribers, or were until a moment ago

	mu      sync.Mutex
	began   string  // the prefix of the IDs of this process
	ring    []event // the last ones, the oldest first
	next    uint64  // the number of the event that comes next
	readers map[*reader]struct{}
	left    time.Time // when the last reader left
	known   map[string]struct{}
}

// reader is a subscriber.
type reader struct {
	next uint64        // the number of the first event that it has not got
	wake chan struct{} // holds one: there is something to read
}

// exchangeEvent is a ruling as a row of a table. The API has it in full.
type exchangeEvent struct {
	ID       string   `json:"id"`
	Revision int      `json:"revision"`
	Time     string   `json:"time"`
	Origin   string   `json:"origin"`
	Run      string   `json:"run"`
	Probe    string   `json:"probe"`
	Route    string   `json:"route"`
	Endpoint string   `json:"endpoint"`
	Protocol string   `json:"protocol"`
	Method   string   `json:"method"`
	Target   string   `json:"target"`
	Status   int      `json:"status"` // 0: there was no response head
	Outcome  string   `json:"outcome"`
	Verdict  string   `json:"verdict"`
	Severity string   `json:"severity"`
	Unsafe   bool     `json:"unsafe"`
	Blocked  bool     `json:"blocked"`
	Rules    []string `json:"rules"` // that did not pass

	Diagnoses []string `json:"diagnoses"` // the IDs of those that explain the exchange

	Milliseconds float64 `json:"milliseconds"`
}

// findingEvent is a new finding.
type findingEvent struct {
	rules.Row
	Exchange string `json:"exchange"`
}

// The bounds of texts in an event, in bytes.
const (
	maxMethod = 32
	maxTarget = 512
)

// observe sends the events of a ruling, if there are subscribers.
func (s *events) observe(r *rules.Ruling) {
	if !s.following.Load() {
		return
	}
	x := r.X
	e := exchangeEvent{
		ID: x.ID, Revision: x.Revision, Time: x.Time.UTC().Format(timeLayout), Origin: string(x.Origin), Run: r.Run, Probe: x.Probe, Route: x.Route,
		Endpoint: r.Endpoint, Protocol: x.Protocol(), Method: printed.Start(x.Request.Method, maxMethod), Target: printed.Start(r.Target(), maxTarget),
		Outcome: string(x.Outcome), Verdict: r.Verdict.String(), Severity: r.Severity().String(), Unsafe: r.Unsafe, Blocked: x.Blocked,
		Rules: append([]string{}, r.Broken()...), Milliseconds: float64(x.Took.Microseconds()) / 1000,
	}
	e.Diagnoses = make([]string, 0, len(r.Diagnoses))
	for i := range r.Diagnoses {
		e.Diagnoses = append(e.Diagnoses, r.Diagnoses[i].ID)
	}
	if x.Response != nil {
		e.Status = x.Response.Status
	}
	told := []event{newEvent(eventExchange, e)}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict >= rules.Pass {
			continue
		}
		row := rules.Row{Fingerprint: r.Fingerprint(f), Key: r.Key(f), State: f.State}
		if !s.learn(row.Fingerprint) {
			continue
		}
		row.Add(r, f)
		told = append(told, newEvent(eventFinding, findingEvent{row, x.ID}))
	}
	s.tell(told...)
}

// timeLayout is how times are written: see the contracts.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

func newEvent(name string, value any) event {
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte("{}")
	}
	return event{name, text}
}

// learn records that a finding was sent. It returns false if it was sent before.
func (s *events) learn(fingerprint string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.known[fingerprint]; known || s.known == nil {
		return false
	}
	if len(s.known) == maxKnown {
		clear(s.known)
	}
	s.known[fingerprint] = struct{}{}
	return true
}

// tell appends events, if there are subscribers, and wakes them. The oldest events are dropped.
func (s *events) tell(all ...event) {
	if !s.following.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.readers) == 0 && time.Since(s.left) > remembered {
		s.following.Store(false)
		s.ring, s.known = nil, nil
		s.next++ // a subscriber that comes back gets a gap
		return
	}
	s.ring = append(s.ring, all...)
	s.next += uint64(len(all))
	if n := len(s.ring) - maxRing; n > maxRing { // now and then, and not for each
		s.ring = append([]event(nil), s.ring[n:]...)
	}
	for r := range s.readers {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// join adds a subscriber. It starts after the event with the ID last, if that is one. It returns
// nil if there are too many subscribers. Missed reports that events after last have been dropped.
func (s *events) join(last string) (r *reader, missed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.readers) >= maxReaders {
		return nil, false
	}
	if s.readers == nil {
		s.readers, s.began = map[*reader]struct{}{}, strconv.FormatInt(time.Now().UnixMilli(), 36)
	}
	if s.known == nil {
		s.known = map[string]struct{}{}
	}
	s.following.Store(true)
	r = &reader{next: s.next, wake: make(chan struct{}, 1)}
	if last != "" {
		n, ok := s.number(last)
		if missed = !ok; ok {
			r.next = n + 1
			r.wake <- struct{}{}
		}
	}
	s.readers[r] = struct{}{}
	return r, missed
}

// number is that of an event of this process. The lock is held.
func (s *events) number(id string) (uint64, bool) {
	began, text, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && began == s.began && n < s.next
}

func (s *events) leave(r *reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, r)
	s.left = time.Now()
}

// maxTake is the largest number of events that a reader gets at once.
const maxTake = 256

// take returns the next events for a reader, the number of the first one, and how many were dropped
// before it because the reader was too slow. More reports whether there are more.
func (s *events) take(r *reader) (all []event, from, missed uint64, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.next - uint64(len(s.ring)); r.next < first {
		missed, r.next = first-r.next, first
	}
	from = r.next
	behind := s.ring[len(s.ring)-int(s.next-r.next):]
	all = append(all, behind[:min(maxTake, len(behind))]...)
	r.next += uint64(len(all))
	return all, from, missed, r.next < s.next
}

// id is the ID of an event.
func (s *events) id(n uint64) string { return s.began + "-" + strconv.FormatUint(n, 10) }
