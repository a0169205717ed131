//go:build e2e && linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// take takes one of the pulses until the test ends or round fails.
func (w *watchdog) take(which int, round func() error, end func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer end()
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for {
			sent, starved := time.Now(), w.starved()
			w.beat(which, pulse{sent: sent, starved: starved})
			if round() != nil {
				return
			}
			w.beat(which, pulse{sent, max(time.Since(sent), 1), starved})
			select {
			case <-stop:
				return
			case <-every.C:
			}
		}
	}()
	w.ends[which] = sync.OnceFunc(func() {
		close(stop)
		<-done
	})
	w.t.Cleanup(w.ends[which])
}

func (w *watchdog) beat(which int, p pulse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.pulses[which]
	if n := len(all); n > 0 && all[n-1].took == 0 {
		all[n-1] = p
		return
	}
	if len(all) > 10_000 {
		all = all[5_000:]
	}
	w.pulses[which] = append(all, p)
}

// starved returns the total time for which the threads of the program have been ready to run but
// not running.
func (w *watchdog) starved() (all time.Duration) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", w.p.cmd.Process.Pid))
	for _, name := range threads {
		var ran, waited int64
		if text, err := os.ReadFile(name); err == nil {
			fmt.Sscan(string(text), &ran, &waited)
		}
		all += time.Duration(waited)
	}
	return all
}

// wasSlow reports whether the machine was slow between since and the present. The caller holds the
// lock.
func (w *watchdog) wasSlow(since time.Time) bool {
	var longest [2]time.Duration
	first := w.starved()
	for which, all := range w.pulses {
		for _, p := range all {
			if p.took == 0 {
				p.took = time.Since(p.sent)
			}
			if p.sent.Add(p.took).After(since) {
				longest[which] = max(longest[which], p.took)
				first = min(first, p.starved)
			}
		}
	}
	limit := w.limit / 4
	return longest[0] > limit || longest[1] > limit && w.starved()-first > limit
}
