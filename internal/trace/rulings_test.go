package trace

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	otlp "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/rules"
)

// logReceiver is a collector of log records that speaks OTLP/HTTP.
type logReceiver struct {
	*httptest.Server
	mu      sync.Mutex
	records []*otlp.LogRecord
	about   map[string]string
	bad     error
	refuse  bool
}

func newLogReceiver(t *testing.T) *logReceiver {
	r := new(logReceiver)
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *logReceiver) take(w http.ResponseWriter, q *http.Request) {
	text, err := read(q)
	var asked collector.ExportLogsServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &asked)
	}
	if q.URL.Path != "/v1/logs" || q.Header.Get("Authorization") != "Bearer s3cret-of-16-characters" {
		err = errors.Join(err, fmt.Errorf("%s %s", q.URL.Path, q.Header))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse {
		http.Error(w, "go away", http.StatusForbidden)
		return
	}
	r.bad = errors.Join(r.bad, err)
	for _, of := range asked.ResourceLogs {
		r.about = values(of.Resource.Attributes)
		for _, in := range of.ScopeLogs {
			r.records = append(r.records, in.LogRecords...)
		}
	}
	answer, _ := proto.Marshal(&collector.ExportLogsServiceResponse{})
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Write(answer)
}

func openRulings(t *testing.T, endpoint string, passed bool, log io.Writer) *Rulings {
	t.Helper()
	s := &Rulings{Passed: passed, Encode: report.Element, Collector: Collector{
		Endpoint: endpoint + "/v1/logs", Token: "s3cret-of-16-characters", Version: "0.1.0", Instance: "a1", Log: zerolog.New(log),
	}}
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// valid is a request that breaks no rule.
var valid = strings.Replace(strings.Replace(post, "POST", "GET", 1), "?token=s3cret", "", 1)

// TestRulingsAreRecords checks the records of a switch: one for the unsafe head, one when it is complete and one
// at the end of its tunnel, with the evidence, the span, and no secret.
func TestRulingsAreRecords(t *testing.T) {
	to, spans := newLogReceiver(t), newReceiver(t)
	s, tr := openRulings(t, to.URL, false, io.Discard), tracer(t, spans.URL+"/v1/traces", io.Discard)
	a := &audit.Audit{Each: func(r *rules.Ruling) { s.Observe(r, tr.Observe(r)) }}
	reports(a, exchange("01JD", post))
	reports(a, exchange("01JE", valid))
	tr.Close()
	s.Close()
	if to.bad != nil || s.Dropped() != 0 || s.waiting.Load() != 0 || s.held.Load() != 0 {
		t.Errorf("%v, %d dropped, %d wait with %d bytes", to.bad, s.Dropped(), s.waiting.Load(), s.held.Load())
	}
	if to.about["service.name"] != "interlock" || to.about["service.instance.id"] != "a1" {
		t.Errorf("got %v", to.about)
	}
	if len(to.records) != 3 {
		t.Fatalf("got %d records, want 3", len(to.records))
	}
	for i, r := range to.records {
		var ruling struct {
			ID       string
			Revision int
			Verdict  string
			Request  struct{ Head []byte }
			Findings []struct{ Rule string }
		}
		body := r.Body.GetStringValue()
		if err := json.Unmarshal([]byte(body), &ruling); err != nil {
			t.Fatal(err)
		}
		is := values(r.Attributes)
		if ruling.ID != "01JD" || ruling.Revision != i || ruling.Verdict != "fail" || !bytes.HasPrefix(ruling.Request.Head, []byte("POST /rooms/17")) || len(ruling.Findings) == 0 {
			t.Errorf("got %s", body)
		}
		if r.EventName != "interlock.ruling" || r.SeverityText != "ERROR" || is["interlock.revision"] != fmt.Sprint(i) || is["interlock.unsafe"] != "true" ||
			!strings.Contains(is["interlock.problem"], `method "POST"`) || r.TimeUnixNano != uint64(began.UnixNano()) {
			t.Errorf("got %v", r)
		}
		if text := body + fmt.Sprint(is); strings.Contains(text, "c00kie") || bytes.Contains(ruling.Request.Head, []byte("c00kie")) || bytes.Contains(ruling.Request.Head, []byte("s3cret")) {
			t.Errorf("a secret is in %s, %s", text, ruling.Request.Head)
		}
		if i > 0 && hex.EncodeToString(r.SpanId) != hex.EncodeToString(spans.spans[0].SpanId) {
			t.Errorf("record %d belongs to span %x, want %x", i, r.SpanId, spans.spans[0].SpanId)
		}
	}
}

// TestRulingsThatPass checks that they are sent where that is asked for.
func TestRulingsThatPass(t *testing.T) {
	to := newLogReceiver(t)
	s := openRulings(t, to.URL, true, io.Discard)
	a := &audit.Audit{Each: func(r *rules.Ruling) { s.Observe(r, (*Tracer)(nil).Observe(r)) }}
	reports(a, exchange("01JE", valid))
	s.Close()
	if len(to.records) != 2 || to.records[0].SeverityText != "INFO" {
		t.Errorf("got %v", to.records)
	}
}

// TestRulingsAreBounded checks that a collector that fails slows nothing down, and that the lost records are
// counted and logged once.
func TestRulingsAreBounded(t *testing.T) {
	to := newLogReceiver(t)
	to.refuse = true
	var log bytes.Buffer
	s := openRulings(t, to.URL, false, &log)
	s.Encode = func(*rules.Ruling) ([]byte, error) { return make([]byte, maxBody/2), nil }
	a := &audit.Audit{Each: func(r *rules.Ruling) { s.Observe(r, (*Tracer)(nil).Observe(r)) }}
	const all = 80 // with 40 MiB
	for i := range all {
		a.Observe(refused(fmt.Sprint(i)))
		if s.held.Load() > maxHeld {
			t.Fatalf("%d bytes wait", s.held.Load())
		}
	}
	s.Close()
	if s.Dropped() != all || s.held.Load() != 0 {
		t.Errorf("%d dropped, %d bytes wait", s.Dropped(), s.held.Load())
	}
	if n := strings.Count(log.String(), "collector takes no rulings"); n != 1 {
		t.Errorf("got %s", log.String())
	}
}

// TestALongRulingIsCut checks that a record without its body says so.
func TestALongRulingIsCut(t *testing.T) {
	to := newLogReceiver(t)
	s := openRulings(t, to.URL, false, io.Discard)
	s.Encode = func(*rules.Ruling) ([]byte, error) { return make([]byte, maxBody+1), nil }
	(&audit.Audit{Each: func(r *rules.Ruling) { s.Observe(r, (*Tracer)(nil).Observe(r)) }}).Observe(refused("1"))
	s.Close()
	if len(to.records) != 1 || values(to.records[0].Attributes)["interlock.cut"] != "true" || to.records[0].Body.GetStringValue() != "" {
		t.Errorf("got %v", to.records)
	}
}
