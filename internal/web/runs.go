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

// An Ask is a request for a probe run.
type Ask struct {
	Endpoint      string   `json:"endpoint"`              // template of a learned endpoint, such as /chat
	Route         string   `json:"route,omitempty"`       // empty: any
	Protocol      string   `json:"protocol,omitempty"`    // empty: websocket, or the learned protocol
	Host          string   `json:"host,omitempty"`        // empty: any
	Only          []string `json:"only,omitempty"`        // IDs of probes or globs of them; empty: all
	Skip          []string `json:"skip,omitempty"`        // the same, to leave out
	HTTP          string   `json:"http,omitempty"`        // 1.1, 2 or both; empty: 1.1, and 2 where the endpoint was seen in it or ALPN offers it
	Credentials   string   `json:"credentials,omitempty"` // configured (the default) or recorded
	Risky         bool     `json:"risky,omitempty"`
	UnsafeMethods bool     `json:"unsafeMethods,omitempty"`
}

// A Prober runs probes.
type Prober interface {
	// Prepare checks whether a run is possible and returns the job that does it. Its error is the
	// caller's fault and can be shown to the caller.
	Prepare(a Ask) (Job, error)
}

// A Job is a prepared run. It reports progress and rulings from one goroutine until it returns. Its
// result is the document of the run (probe -o json).
type Job func(ctx context.Context, run string, told func(event string, value any)) (json.RawMessage, error)

// The bounds of the runs and events that are kept.
const (
	maxRuns   = 50
	maxEvents = 2000 // of one run
	maxTold   = 3    // runs whose events are kept
)

// The states of a run.
const (
	running   = "running"
	done      = "done"
	failed    = "failed"
	cancelled = "cancelled"
)

// runs are the probe runs of a server, the newest last. Only one runs at a time.
type runs struct {
	mu   sync.Mutex
	all  []*run
	ctx  context.Context
	stop context.CancelFunc
	wait sync.WaitGroup

	events *events
}

// run is one probe run. Its exported fields are part of the API.
type run struct {
	Run     string          `json:"run"`
	State   string          `json:"state"`
	Asked   Ask             `json:"asked"`
	Started time.Time       `json:"started"`
	Error   string          `json:"error,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`

	at     progress
	events []event
	grown  chan struct{} // closed and made anew whenever there is something to read
	cancel context.CancelFunc
}

// progress is how far a run is.
type progress struct {
	Run   string `json:"run"`
	State string `json:"state"`
	Done  int    `json:"done"`
	Total int    `json:"total"` // 0: not known yet
	Probe string `json:"probe"` // that is running
	Note  string `json:"note"`
	Error string `json:"error"`
}

// event is an event of a run or of the server.
type event struct {
	name string
	text []byte // nil: it is not kept any more
}

// open prepares the runs. Their progress is also sent to the subscribers of all events.
func (s *runs) open(ctx context.Context, all *events) {
	s.events = all
	s.ctx, s.stop = context.WithCancel(ctx)
}

// close ends the runs and waits for them.
func (s *runs) close() {
	s.stop()
	s.wait.Wait()
}

// start starts a run, unless one is running.
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
	if i := len(s.all) - 1 - maxTold; i >= 0 {
		s.all[i].forget()
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
		if name == "progress" || name == "note" {
			_ = json.Unmarshal(text, &r.at) // other data leaves it as it is
			s.report(r)
		}
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
	s.report(r)
}

// report sends the progress of a run to all subscribers. The lock is held.
func (s *runs) report(r *run) {
	if s.events != nil {
		s.events.tell(newEvent(eventProbe, r.progress()))
	}
}

func (r *run) progress() progress {
	at := r.at
	at.Run, at.State, at.Error = r.Run, r.State, r.Error
	return at
}

// forget drops the events except the last one. The lock is held.
func (r *run) forget() {
	kept := make([]event, len(r.events)) // readers hold the old ones
	if n := len(kept); n > 0 {
		kept[n-1] = r.events[n-1]
	}
	r.events = kept
}

// tell appends an event. If there are too many, progress is dropped. The lock is held.
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
