package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// An InstanceState is what is known of an instance from its heartbeats.
type InstanceState string

// The states of an instance, the one first that needs attention most.
const (
	Silent    InstanceState = "silent"    // no heartbeat for longer than SilentAfter of its intervals
	Differs   InstanceState = "differs"   // it reports, with another version or configuration than most
	Reporting InstanceState = "reporting" //
	Ended     InstanceState = "ended"     // it said goodbye
)

// InstanceStates returns all states, in that order.
func InstanceStates() []InstanceState { return []InstanceState{Silent, Differs, Reporting, Ended} }

// SilentAfter is the number of intervals without a heartbeat after which an instance is silent.
const SilentAfter = 3

// forgotten is the time after which an instance that is silent or has ended is not listed any more.
const forgotten = silence

// earlierStarts is how long earlier starts of an instance are listed.
const earlierStarts = 7 * 24 * time.Hour

// A Start is one start of an instance.
type Start struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	Version   string        `json:"version"`
	Config    string        `json:"config"`         // identifies the configuration; empty if a release without heartbeats has written it
	Began     time.Time     `json:"began"`          // by the clock of the instance
	Seen      time.Time     `json:"seen"`           // by the clock of the database, as is Ended
	Ended     time.Time     `json:"ended,omitzero"` // zero: it did not say goodbye
	Age       time.Duration `json:"-"`              // since it was seen
	Heartbeat time.Duration `json:"-"`              // the interval; 0: it sends none
	Counts    Counts        `json:"counts"`
}

// reports reports whether the start is running, as far as is known. Of a release without heartbeats
// that is not known, so it counts as running until it is forgotten.
func (s *Start) reports() bool {
	return s.Ended.IsZero() && (s.Heartbeat == 0 || s.Age <= SilentAfter*s.Heartbeat)
}

// An Instance is a start that is running, or the last one of its name.
type Instance struct {
	Start
	State   InstanceState `json:"state"`
	Differs []string      `json:"differs,omitempty"` // version, configuration
	Earlier []Start       `json:"earlier,omitempty"` // of the same name, the latest first
}

// Instances returns the instances that share the store: those that need attention first, then by
// name. With earlier, each has its earlier starts; without, less is read.
func (s *Store) Instances(ctx context.Context, earlier bool) ([]Instance, error) {
	within := forgotten
	if earlier {
		within = earlierStarts
	}
	starts, err := s.starts(ctx, within)
	if err != nil {
		return nil, err
	}
	all := instancesOf(starts)
	for i := range all {
		if !earlier {
			all[i].Earlier = nil
		}
	}
	return all, nil
}

// maxStarts bounds how many starts are read.
const maxStarts = 10_000

// starts returns the starts that were seen in that time, the latest first.
func (s *Store) starts(ctx context.Context, within time.Duration) ([]Start, error) {
	w := &where{dialect: s.dialect}
	w.add("name NOT IN ('', '" + folded + "', '" + imported + "')")
	w.add("beat >= 0")
	if within <= silence {
		w.add("folded = 0")
	}
	w.add("seen >= " + s.dialect.now() + " - " + w.arg(within.Milliseconds()))
	query := "SELECT id, name, version, config, began, seen, ended, beat, counts, " + s.dialect.now() + " FROM instances" + w.String() +
		" ORDER BY id DESC LIMIT " + w.arg(maxStarts)
	var all []Start
	err := s.each(ctx, query, w.args, func(scan func(...any) error) error {
		var is Start
		var began, seen, ended, beat, now int64
		var counts string
		if err := scan(&is.ID, &is.Name, &is.Version, &is.Config, &began, &seen, &ended, &beat, &counts, &now); err != nil {
			return err
		}
		_ = json.Unmarshal([]byte(counts), &is.Counts) // a release without heartbeats has none
		is.Began, is.Seen, is.Heartbeat = at(began), at(seen), time.Duration(beat)*time.Millisecond
		if ended > 0 {
			is.Ended = at(ended)
		}
		is.Age = time.Duration(max(0, now-seen)) * time.Millisecond
		all = append(all, is)
		return nil
	})
	return all, err
}

// instancesOf makes instances of starts, the latest of which comes first.
func instancesOf(starts []Start) (all []Instance) {
	for _, of := range byName(starts) {
		// An older start runs, too, if it was seen after the latest one began: several processes have the same name.
		runs := func(s *Start) bool { return s.reports() && (s.ID == of[0].ID || s.Seen.After(of[0].Began)) }
		first := max(0, slices.IndexFunc(of, func(s Start) bool { return runs(&s) }))
		head := len(all)
		all = append(all, Instance{Start: of[first]})
		for n := range of {
			switch {
			case n == first:
			case runs(&of[n]):
				all = append(all, Instance{Start: of[n]})
			default:
				all[head].Earlier = append(all[head].Earlier, of[n])
			}
		}
	}
	all = slices.DeleteFunc(all, func(i Instance) bool { return i.Age > forgotten })
	version := common(all, func(i *Instance) string { return i.Version })
	config := common(all, func(i *Instance) string { return i.Config })
	for n := range all {
		all[n].judge(version, config)
	}
	order := InstanceStates()
	slices.SortStableFunc(all, func(a, b Instance) int {
		if by := slices.Index(order, a.State) - slices.Index(order, b.State); by != 0 {
			return by
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}

// byName returns the starts of each name, in their order.
func byName(starts []Start) (all [][]Start) {
	index := map[string]int{}
	for _, s := range starts {
		n, known := index[s.Name]
		if !known {
			n = len(all)
			index[s.Name], all = n, append(all, nil)
		}
		all[n] = append(all[n], s)
	}
	return all
}

// judge sets the state, given the version and the configuration of most.
func (i *Instance) judge(version, config string) {
	switch {
	case !i.Ended.IsZero():
		i.State = Ended
		return
	case !i.reports():
		i.State = Silent
		return
	}
	i.State = Reporting
	if i.Version != version {
		i.Differs = append(i.Differs, "version")
	}
	if i.Config != config && i.Config != "" {
		i.Differs = append(i.Differs, "configuration")
	}
	if len(i.Differs) > 0 {
		i.State = Differs
	}
}

// common returns the value that most instances have that report. Of two with equally many it is the
// one of the latest start, which a rollout has brought.
func common(all []Instance, of func(*Instance) string) (most string) {
	count, latest := map[string]int{}, map[string]string{}
	for n := range all {
		i := &all[n]
		if value := of(i); value != "" && i.reports() {
			count[value]++
			latest[value] = max(latest[value], i.ID)
		}
	}
	for value, n := range count {
		if n > count[most] || n == count[most] && latest[value] > latest[most] {
			most = value
		}
	}
	return most
}
