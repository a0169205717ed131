package server

import (
	"runtime"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// overdue is how long Wait waits for a part after the drain time.
const overdue = 10 * time.Second

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
