//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// A subject is a process that must not grow.
type subject struct {
	Name    string   `json:"name"`
	Samples []sample `json:"samples"`
	Trends  []trend  `json:"trends"`

	pid   int
	admin string // address of its metrics
}

// A sample is the size of a subject at a time.
type sample struct {
	At          float64 `json:"at_s"`
	PSS         int     `json:"pss_kb"`
	Heap        int     `json:"heap_kb"` // in use, by the metrics of the Go runtime
	Descriptors int     `json:"descriptors"`
	Goroutines  int     `json:"goroutines"`
}

// sizes are what is sampled. A median may grow by slack, however small it is.
var sizes = []struct {
	what  string
	slack float64
	of    func(s sample) int
}{
	{"memory, kB PSS", 1024, func(s sample) int { return s.PSS }},
	{"Go heap in use, kB", 1024, func(s sample) int { return s.Heap }},
	{"descriptors", 8, func(s sample) int { return s.Descriptors }},
	{"goroutines", 8, func(s sample) int { return s.Goroutines }},
}

// A trend compares the medians of the thirds of a run. The first third only warms up.
type trend struct {
	What   string  `json:"what"`
	First  float64 `json:"first"`
	Second float64 `json:"second"`
	Last   float64 `json:"last"`
	Rise   float64 `json:"rise"` // within the last third: from the median of its first half to that of its second
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
	Flat   bool    `json:"flat"`
}

func (s *subject) sample(ctx context.Context, at time.Duration) error {
	now := sample{At: at.Seconds()}
	var err error
	if now.PSS, err = memoryPSS(s.pid); err != nil {
		return err
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid))
	if err != nil {
		return fmt.Errorf("count the descriptors of %s: %w", s.Name, err)
	}
	now.Descriptors = len(open)
	text, err := scrape(ctx, s.admin)
	if err != nil {
		return fmt.Errorf("read the metrics of %s: %w", s.Name, err)
	}
	now.Goroutines = sumOf(text, "go_goroutines")
	now.Heap = sumOf(text, "go_memstats_heap_inuse_bytes") >> 10
	s.Samples = append(s.Samples, now)
	return nil
}

// compare makes the trends. Something is not flat if its median in the last third is over that of the second third by more than growth
// of it and the slack, and goes on growing within the last third by a quarter of this: what leaks grows all the time, and
// what takes memory in pieces grows once.
func (s *subject) compare(growth float64) {
	n := len(s.Samples) / 3
	for _, size := range sizes {
		var all []float64
		for _, at := range s.Samples {
			all = append(all, float64(size.of(at)))
		}
		t := trend{What: size.what}
		if n > 0 {
			t.First, t.Second, t.Last = median(all[:n]), median(all[n:len(all)-n]), median(all[len(all)-n:])
			t.Least, t.Most = slices.Min(all), slices.Max(all)
			last, more := all[len(all)-n:], max(size.slack, growth*t.Second)
			t.Rise = median(last[n-(n+1)/2:]) - median(last[:(n+1)/2])
			t.Flat = t.Last <= t.Second+more || t.Rise <= more/4
		}
		s.Trends = append(s.Trends, t)
	}
}

// A soaked is a subject with the address at which it is a proxy.
type soaked struct {
	*subject
	target, forward string
}

// soaked starts interlock serve as shipped, with a forward listener, and another one with TLS on both sides and the guard.
// They may use all processors.
func (b *bench) soaked(ctx context.Context) (plain, secure *soaked, err error) {
	_, secret, err := b.secure(ctx, "tlsorigin")
	if err != nil {
		return nil, nil, err
	}
	plain, err = b.soakedBy(ctx, "Interlock", b.backend, func(s setting, forward string) ([]string, error) {
		return s.serve("--store", filepath.Join(s.dir, "interlock.db"), "--forward", forward), nil
	})
	if err != nil {
		return nil, nil, err
	}
	secure, err = b.soakedBy(ctx, "Interlock with TLS and guard", secret, func(s setting, _ string) ([]string, error) {
		path, err := s.fill("interlock.yaml", "guard: unsafe\n")
		if err == nil {
			err = certify(s.dir)
		}
		return append(s.serveTLS(path), "--store", filepath.Join(s.dir, "interlock.db")), err
	})
	return plain, secure, err
}

func (b *bench) soakedBy(ctx context.Context, name, backend string, command func(s setting, forward string) ([]string, error)) (*soaked, error) {
	s := setting{self: b.self, interlock: b.interlock, backend: backend}
	is := &soaked{subject: &subject{Name: name}}
	err := ports.Use(func(addr string) error {
		free, err := ports.Free(2)
		if err == nil {
			s.dir, err = os.MkdirTemp(b.dir, "soaked-")
		}
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		s.listen, s.admin, is.forward = addr, free[0], free[1]
		line, err := command(s, is.forward)
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		p, err := start(ctx, "interlock", s, append([]string{"env", "-u", "GOMAXPROCS"}, line...), s.listen)
		if err == nil {
			b.processes = append(b.processes, p)
			is.pid, is.admin, is.target = p.pid(), s.admin, s.listen
		}
		return err
	})
	return is, err
}
