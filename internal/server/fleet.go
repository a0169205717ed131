package server

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/web/ui"
	"github.com/interlock-proxy/interlock/rules"
)

// A fleet watches the instances that share the store. It reads them after each heartbeat, and not for
// each scrape. Its methods are safe for concurrent use.
type fleet struct {
	store  *store.Store
	writer *store.Writer
	log    zerolog.Logger
	states map[string]store.InstanceState // by name; of watch
	beaten chan struct{}                  // holds one value: a heartbeat is about to be written

	mu    sync.Mutex
	count map[store.InstanceState]int // nil: not known
}

func newFleet(s *store.Store, w *store.Writer, log zerolog.Logger) *fleet {
	return &fleet{store: s, writer: w, log: log, states: map[string]store.InstanceState{}, beaten: make(chan struct{}, 1)}
}

// The time from a heartbeat to a look, in which the connection of the heartbeat stays open, and the
// time that a look may take.
const (
	lookDelay = time.Second
	lookTime  = 5 * time.Second
)

// watch reads the instances until ctx ends. Without heartbeats, as while the store is out, it looks
// a little less often.
func (f *fleet) watch(ctx context.Context) {
	timer := time.NewTimer(lookDelay)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.beaten:
			timer.Reset(lookDelay)
			continue
		case <-timer.C:
		}
		f.look(ctx)
		timer.Reset(f.writer.Heartbeat * 3 / 2)
	}
}

// look reads the instances, unless the store is out. Then nothing is known of them.
func (f *fleet) look(ctx context.Context) {
	var all []store.Instance
	var count map[store.InstanceState]int
	if f.writer.State().Reachable {
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		if found, err := f.store.Instances(ctx, false); err == nil {
			all, count = found, map[store.InstanceState]int{}
		}
	}
	for i := range all {
		count[all[i].State]++
	}
	f.mu.Lock()
	f.count = count
	f.mu.Unlock()
	f.tell(all)
}

// tell logs each change of a state once. Of all instances that see it only the one that has run
// longest does, so that a rollout of a hundred instances is a hundred lines and not ten thousand.
// The others remember what it has logged.
func (f *fleet) tell(all []store.Instance) {
	eldest := f.writer.Session() == eldest(all)
	was := f.states
	f.states = map[string]store.InstanceState{}
	for i := range all { // those that need attention most come first
		is := &all[i]
		if _, told := f.states[is.Name]; told {
			continue
		}
		f.states[is.Name] = is.State
		if !eldest || was[is.Name] == is.State {
			continue
		}
		line := func(e *zerolog.Event) *zerolog.Event {
			return e.Str("instance", is.Name).Str("version", is.Version).Str("configuration", config.ShortHash(is.Config)).Time("seen", is.Seen.UTC())
		}
		switch before := was[is.Name]; {
		case is.State == store.Silent:
			line(f.log.Warn()).Msg("instance is silent")
		case is.State == store.Differs:
			line(f.log.Warn()).Str("differs", strings.Join(is.Differs, ", ")).Msg("instance differs")
		case is.State == store.Reporting && (before == store.Silent || before == store.Differs):
			line(f.log.Info()).Msg("instance reports again")
		}
	}
}

// eldest returns the ID of the start that has reported longest; IDs grow with time.
func eldest(all []store.Instance) (id string) {
	for i := range all {
		if is := &all[i]; (is.State == store.Reporting || is.State == store.Differs) && is.Heartbeat > 0 && (id == "" || is.ID < id) {
			id = is.ID
		}
	}
	return id
}

// counts returns how many instances are in each state, if that is known.
func (f *fleet) counts() (map[store.InstanceState]int, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count, f.count != nil
}

// shown returns the counts for the pages; nil if they are not known.
func (f *fleet) shown() *ui.Fleet {
	count, known := f.counts()
	if !known {
		return nil
	}
	return &ui.Fleet{Shared: f.store.Shared(), Reporting: count[store.Reporting], Silent: count[store.Silent], Differs: count[store.Differs]}
}

// beat returns what this instance says of itself.
func (v *statusView) beat() store.Beat {
	c, live, probes := &v.Relay.Counts, v.audit.Sums(), v.audit.Probes()
	n := store.Counts{
		Requests: c.Exchanges.Load(), Failed: live.Verdicts[rules.Fail], Unsafe: live.Unsafe,
		Unaudited: c.Tunnels.Load() + max(c.Opaque.Load(), c.TLS.Load()+c.HTTP2.Load()+c.Shed.Load()),
		Shed:      live.Shed + probes.Shed + v.kept.writer.State().Shed,
	}
	for _, of := range live.Verdicts {
		n.Exchanges += of
	}
	for _, e := range v.audit.Endpoints() {
		n.Switched += e.Switched
	}
	n.Hour, n.Day = v.traffic.add(n.Exchanges, time.Now())
	select {
	case v.kept.fleet.beaten <- struct{}{}:
	default:
	}
	return store.Beat{Config: v.config.Load().hash, Counts: n}
}

// traffic remembers for a day how many exchanges there were at each minute.
type traffic struct {
	mu      sync.Mutex
	samples []sample // oldest first
}

type sample struct {
	at    time.Time
	total int64
}

// add takes the number of all exchanges so far, and returns how many there were in the hour and in
// the day before.
func (t *traffic) add(total int64, now time.Time) (hour, day int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	since := func(age time.Duration) int64 {
		for i := range slices.Backward(t.samples) {
			if s := &t.samples[i]; now.Sub(s.at) >= age {
				return total - s.total
			}
		}
		return total
	}
	hour, day = since(time.Hour), since(24*time.Hour)
	if n := len(t.samples); n == 0 || now.Sub(t.samples[n-1].at) >= time.Minute {
		t.samples = append(t.samples, sample{now, total})
	}
	for len(t.samples) > 1 && now.Sub(t.samples[1].at) >= 24*time.Hour { // one that old is enough
		t.samples = t.samples[1:]
	}
	return hour, day
}
