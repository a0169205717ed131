package server

import (
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// overdue is how long Wait waits for a part after the drain time.
const overdue = 10 * time.Second

// hurry closes the connections that are still open once a second signal comes, until end is called. A third
// signal ends the process.
func (s *Serving) hurry() (end func()) {
	again := make(chan os.Signal, 1) // only the first one counts
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	over := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		defer signal.Stop(again)
		select {
		case <-again:
			s.Out.Log.Info().Int("connections", s.Relay.Open()).Msg("draining ended by a second signal")
			s.Relay.Abort()
		case <-over:
		}
	})
	return func() {
		close(over)
		waiting.Wait()
	}
}

// Wait waits until every part has ended. A part that hangs beyond the drain time is abandoned, so
// that findings are still stored, and the log says where it hangs.
func (s *Serving) Wait(limit time.Duration) error {
	ended := make(chan struct{})
	go func() {
		s.Running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-time.After(limit):
	}
	stacks := make([]byte, 64<<10)
	stacks = stacks[:runtime.Stack(stacks, true)]
	s.Out.Log.Error().Int("connections", s.Relay.Open()).Str("stacks", string(stacks)).Msg("draining has no end")
	return exit.Unknown("something still ran %v after the end: this is a fault of interlock, and the log line \"draining has no end\" says where", limit)
}

// Failures returns the errors of the parts that have ended.
func (s *Serving) Failures() (all []error) {
	for {
		select {
		case err := <-s.Errc:
			all = append(all, err)
		default:
			return all
		}
	}
}
