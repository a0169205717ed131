package store

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// BenchmarkAMillionExchanges writes a million exchanges into an SQLite file, every tenth of them a
// failure, and reads them all. Run it with -benchtime 1x. The file stays if MILLION_STORE names it, so
// that commands can be measured with it: see docs/performance.md.
func BenchmarkAMillionExchanges(b *testing.B) {
	const all = 1_000_000
	path := cmp.Or(os.Getenv("MILLION_STORE"), filepath.Join(b.TempDir(), "store.db"))
	s := open(b, path)
	w := &Writer{Store: s, Bytes: 1 << 30, Count: 4 * maxBatch, Limits: Limits{Bytes: 1 << 40}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	kinds := []*rules.Ruling{judged(good("/chat?room=1&token=s3cret")), judged(bad("/chat"))}
	began := time.Now()
	for i := range all {
		for w.State().Waiting > maxBatch { // the store never makes a writer wait, so the benchmark waits for the store
			pause(ctx, time.Millisecond)
		}
		r := *kinds[max(0, i%10-8)]
		x := *r.X
		x.ID, x.Time = fmt.Sprintf("01J%023d", i), began.Add(time.Duration(i)*time.Millisecond)
		r.X = &x
		w.Write(&r)
	}
	cancel()
	if err := <-done; err != nil || w.State().Shed != 0 {
		b.Fatal(err, w.State())
	}
	wrote := time.Since(began)
	peak := heap()
	base := peak
	for b.Loop() {
		began := time.Now()
		n := 0
		err := s.Rulings(b.Context(), Query{}, func(r *rules.Ruling) error {
			if n++; n%50_000 == 0 {
				peak = max(peak, heap())
			}
			return nil
		})
		if err != nil || n != all {
			b.Fatal(n, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/read")
		began = time.Now()
		n = 0
		if err := s.Rulings(b.Context(), Query{Verdicts: AtLeast(rules.Fail)}, func(*rules.Ruling) error { n++; return nil }); err != nil || n != all/10 {
			b.Fatal(n, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/failed")
		began = time.Now()
		if c, err := s.Count(b.Context(), Query{Rule: "UPGRADE-P*"}); err != nil || c != all/10 {
			b.Fatal(c, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/count")
		began = time.Now()
		if z, err := s.Size(b.Context()); err != nil || z.Exchanges != all {
			b.Fatal(z, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/size")
		began = time.Now()
		if found, err := s.Findings(b.Context(), Query{}); err != nil || len(found) != 1 {
			b.Fatal(found, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/findings")
	}
	for name, q := range map[string]Query{
		"newest": {}, "rare": {Protocol: "h2c"}, "path": {Endpoint: "/nowhere*"}, "status": {Status: 426}, "rule": {Rule: "UPGRADE-WS-*"}, "grave": {Grave: true},
		"several": {Protocol: "websocket", Status: 101, Verdicts: AtLeast(rules.Fail), Endpoint: "/chat*"},
	} {
		began := time.Now()
		l, err := s.List(b.Context(), q, false)
		if want := map[string]int{"newest": 50, "grave": 50, "several": 50}[name]; err != nil || len(l.Rulings) != want {
			b.Fatal(name, len(l.Rulings), err)
		}
		b.ReportMetric(1000*time.Since(began).Seconds(), "ms/list-"+name)
	}
	began = time.Now()
	if m, err := s.Minutes(b.Context(), time.Time{}, time.Time{}); err != nil || len(m) < 2 {
		b.Fatal(len(m), err)
	}
	b.ReportMetric(1000*time.Since(began).Seconds(), "ms/minutes")
	if is, err := os.Stat(path); err == nil {
		b.ReportMetric(float64(is.Size())/all, "file-B/exchange")
	}
	b.ReportMetric(all/wrote.Seconds(), "written/s")
	b.ReportMetric(float64(peak-base)/(1<<20), "MiB/heap")
	if z, err := s.Size(b.Context()); err == nil {
		b.ReportMetric(float64(z.Bytes)/all, "B/exchange")
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
