package trace

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/lab/ports"
	"github.com/interlock-proxy/interlock/rules"
)

// TestADeadCollectorIsSaidOnce checks that a collector that accepts nothing slows no traffic down,
// that lost spans are counted exactly, and that the loss is logged at its beginning and at its end.
func TestADeadCollectorIsSaidOnce(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	closed, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + closed[0] + "/v1/traces"
	var log bytes.Buffer
	tr := tracer(t, endpoint, &log)
	a := audit.Audit{Each: func(r *rules.Ruling) { tr.Observe(r) }}
	const all = 3000
	for i := range all {
		a.Observe(refused(fmt.Sprint(i)))
	}
	tr.Close()
	if tr.Dropped() != all || tr.waiting.Load() != 0 {
		t.Errorf("%d dropped, %d wait; want %d dropped", tr.Dropped(), tr.waiting.Load(), all)
	}
	if n := strings.Count(log.String(), "collector takes no traces"); n != 1 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("got %q", log.String())
	}
}

// TestASilentCollectorHoldsNothingUp checks that a collector that never answers costs at most the
// queue, and that Close still returns.
func TestASilentCollectorHoldsNothingUp(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	asked, release := make(chan struct{}, 100), make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		asked <- struct{}{}
		select {
		case <-release:
		case <-q.Context().Done():
		}
	}))
	defer silent.Close()
	defer close(release)
	tr := &Tracer{Collector: Collector{Endpoint: silent.URL + "/v1/traces", Queue: 100, Drain: time.Millisecond, Log: zerolog.Nop()}}
	if err := tr.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := audit.Audit{Each: func(r *rules.Ruling) { tr.Observe(r) }}
	a.Observe(refused("first"))
	<-asked // from here on the sending goroutine is busy
	for i := range 1000 {
		a.Observe(refused(fmt.Sprint(i)))
	}
	if got := tr.Dropped(); got != 901 || tr.waiting.Load() != 100 {
		t.Errorf("%d were dropped and %d wait, want 901 and 100", got, tr.waiting.Load())
	}
	tr.Close()
	if tr.Dropped() != 1001 || tr.waiting.Load() != 0 {
		t.Errorf("%d were dropped and %d wait, want 1001 and none", tr.Dropped(), tr.waiting.Load())
	}
}

// TestACollectorThatComesBack checks that spans arrive again, and that this is logged.
func TestACollectorThatComesBack(t *testing.T) {
	var log bytes.Buffer
	var failing bool
	to := &receiver{about: map[string]string{}}
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if failing {
			http.Error(w, "go away", http.StatusForbidden)
			return
		}
		to.take(w, q)
	}))
	defer server.Close()
	tr := tracer(t, server.URL+"/v1/traces", &log)
	a := audit.Audit{Each: func(r *rules.Ruling) { tr.Observe(r) }}
	for i, fails := range []bool{true, true, false} {
		mu.Lock()
		failing = fails
		mu.Unlock()
		a.Observe(refused(fmt.Sprint(i)))
		if err := tr.provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	tr.Close()
	if len(to.spans) != 1 || tr.Dropped() != 2 {
		t.Errorf("%d spans came, %d dropped", len(to.spans), tr.Dropped())
	}
	if text := log.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "403") || !strings.Contains(text, `"dropped":2,"message":"collector is back"`) {
		t.Errorf("got %q", text)
	}
}
