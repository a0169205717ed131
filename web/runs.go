package web

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// An Ask says what a probe run is to do.
type Ask struct {
	Endpoint      string   `json:"endpoint"`              // template of a learned endpoint, such as /chat
	Route         string   `json:"route,omitempty"`       // empty: any
	Protocol      string   `json:"protocol,omitempty"`    // empty: websocket, or what was learned
	Host          string   `json:"host,omitempty"`        // empty: any
	Only          []string `json:"only,omitempty"`        // IDs of probes or globs of them; empty: all
	Skip          []string `json:"skip,omitempty"`        // the same, to leave out
	Credentials   string   `json:"credentials,omitempty"` // configured (the default) or recorded
	Risky         bool     `json:"risky,omitempty"`
	UnsafeMethods bool     `json:"unsafeMethods,omitempty"`
}

// A Prober is whoever can run probes.
type Prober interface {
	// Prepare looks whether a run can be done as asked, and returns what does it. Its error is the caller's fault and
	// fit to be shown to him.
	Prepare(a Ask) (Job, error)
}

// A Job is a run that is about to begin. It tells each of its steps, from one goroutine, until it returns: progress
// and rulings. What it returns is the document of the run (probe -o json).
type Job func(ctx context.Context, run string, told func(event string, value any)) (json.RawMessage, error)

// The bounds of what is kept of runs.
const (
	maxRuns   = 50
	maxEvents = 2000 // of one run
)

// The states of a run.
const (
	running   = "running"
	done      = "done"
	failed    = "failed"
	cancelled = "cancelled"
)

// runs are the probe runs of a server, the newest last. One is under way at a time.
type runs struct {
	mu   sync.Mutex
	all  []*run
	ctx  context.Context
	stop context.CancelFunc
	wait sync.WaitGroup
}

// run is one probe run. Its exported fields are what is shown of it.
type run struct {
	Run     string          `json:"run"`
	State   string          `json:"state"`
	Asked   Ask             `json:"asked"`
	Started time.Time       `json:"started"`
	Error   string          `json:"error,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`

	events []event
	grown  chan struct{} // closed and made anew whenever there is something to read
	cancel context.CancelFunc
}

// event is one step of a run as it is told to those who follow it.
type event struct {
	name string
	text []byte
}

func (s *runs) open(ctx context.Context) { s.ctx, s.stop = context.WithCancel(ctx) }

// close ends the runs and waits for them.
func (s *runs) close() {
	s.stop()
	s.wait.Wait()
}

// start begins a run, unless one is under way.
func (s *runs) start(a Ask, job Job) (*run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.all); n > 0 && s.all[n-1].State == running {
		return nil, fmt.Errorf("run %s is under way; wait for it or cancel it", s.all[n-1].Run)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	r := &run{Run: ulid.Make().String(), State: running, Asked: a, Started: time.Now().UTC(), grown: make(chan struct{}), cancel: cancel}
	s.all = append(s.all, r)
	if len(s.all) > maxRuns {
		s.all = slices.Delete(s.all, 0, 1)
	}
	s.wait.Go(func() { s.do(ctx, r, job) })
	return r, nil
}

func (s *runs) do(ctx context.Context, r *run, job Job) {
	defer r.cancel()
	result, err := job(ctx, r.Run, func(name string, value any) {
		text, err := json.Marshal(value)
		if err != nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		r.tell(event{name, text})
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	r.State, r.Result = done, result
	if err != nil {
		r.State, r.Error = failed, err.Error()
	}
	if ctx.Err() != nil {
		r.State = cancelled
	}
	text, _ := json.Marshal(map[string]string{"state": r.State, "error": r.Error})
	r.tell(event{"finished", text})
}

// tell adds an event. Where there are too many, progress is what is left out. The lock is held.
func (r *run) tell(e event) {
	if len(r.events) >= maxEvents && e.name == "progress" {
		return
	}
	r.events = append(r.events, e)
	close(r.grown)
	r.grown = make(chan struct{})
}

// find is the run of that name, or nil.
func (s *runs) find(name string) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.all {
		if r.Run == name {
			return r
		}
	}
	return nil
}
