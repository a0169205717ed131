package ui

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
)

// A fleetMember is an instance that writes heartbeats to a file.
type fleetMember struct {
	name, version, config string
	state                 store.InstanceState
}

// fleetOf starts instances that share a file, waits until each has its state, and returns pages over
// it. Of the silent ones, the second heartbeat waits until the test ends.
func fleetOf(t *testing.T, all ...fleetMember) *fixture {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fleet.db")
	var first *store.Store
	for _, m := range all {
		s, err := store.Open(t.Context(), file, store.Options{Instance: m.name, Version: m.version})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = s
		}
		m.run(t, s)
	}
	wanted := func() bool {
		found, err := first.Instances(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		is := map[string]store.InstanceState{}
		for _, i := range found {
			is[i.Name] = i.State
		}
		return !slices.ContainsFunc(all, func(m fleetMember) bool { return is[m.name] != m.state })
	}
	for deadline := time.Now().Add(30 * time.Second); !wanted(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the instances have other states")
		}
	}
	f := &fixture{}
	f.Pages = &Pages{Store: first, Status: func() Status { return Status{ConfigHash: "c0ffee", Fleet: &Fleet{Reporting: 1, Silent: 1, Differs: 2}} }}
	f.handler = f.Handler()
	return f
}

// run writes heartbeats until the test ends; one that has ended says goodbye at once.
func (m fleetMember) run(t *testing.T, s *store.Store) {
	hang, first := make(chan struct{}), true
	w := &store.Writer{Store: s, Heartbeat: time.Minute}
	if m.state == store.Silent {
		w.Heartbeat = time.Millisecond
	}
	w.Beat = func() store.Beat {
		if m.state == store.Silent && !first {
			<-hang
		}
		first = false
		return store.Beat{Config: m.config, Counts: store.Counts{Exchanges: 12345, Hour: 678, Unsafe: 9, Unaudited: 4}}
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	if m.state == store.Ended {
		stop()
	}
	t.Cleanup(func() {
		stop()
		close(hang)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.Close()
	})
}

// TestInstancesAreListed has one instance in each state, two of which have the same name.
func TestInstancesAreListed(t *testing.T) {
	f := fleetOf(t, fleetMember{"edge-1", "0.2.0", "c0ffee0123456789", store.Reporting}, fleetMember{"edge-2", "0.2.0", "c0ffee0123456789", store.Reporting},
		fleetMember{"edge-3", "0.1.0", "decaf", store.Differs}, fleetMember{"edge-4<b>", "0.2.0", "c0ffee0123456789", store.Silent}, fleetMember{"edge-5", "0.2.0", "c0ffee0123456789", store.Ended})
	status, page := f.get(t, "/instances")
	for _, want := range []string{
		"5 instances", "silent 1", "differs 1", "reporting 2", "ended 1", "edge-1", "edge-4&lt;b&gt;", "c0ffee012345<", "version, configuration", "12,345", "678",
		"this page lists what runs on this machine", `<a href="/instances" aria-current="page">Instances</a>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("status %d, no %q in %.6000q", status, want, content(page))
		}
	}
	if silent, reporting := strings.Index(page, "edge-4"), strings.Index(page, "edge-1"); silent > reporting {
		t.Error("the silent one is not first")
	}
	var twin struct {
		Total     int
		Instances []struct {
			Name, State, Config string
			Differs             []string
			Counts              store.Counts
		}
	}
	_, text := f.get(t, "/instances.json?state=differs&name=edge")
	if err := json.Unmarshal([]byte(text), &twin); err != nil || twin.Total != 5 || len(twin.Instances) != 1 || twin.Instances[0].Name != "edge-3" || len(twin.Instances[0].Differs) != 2 {
		t.Errorf("got %s, %v", text, err)
	}
	if _, page := f.get(t, "/instances?state=silent&name=edge-1"); !strings.Contains(page, "No instance matches this filter") {
		t.Errorf("got %.2000q", content(page))
	}
}

// TestTheOverviewSaysThatInstancesNeedAttention.
func TestTheOverviewSaysThatInstancesNeedAttention(t *testing.T) {
	f := fleetOf(t, fleetMember{"edge-1", "0.2.0", "c0ffee0123456789", store.Reporting})
	_, page := f.get(t, "/")
	for _, want := range []string{`<a href="/instances?state=silent">1 instance</a> of the same store is silent`, `<a href="/instances?state=differs">2 instances</a> of the same store have another version`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %.3000q", want, content(page))
		}
	}
	if _, page := f.get(t, "/status"); !strings.Contains(page, "c0ffee") || !strings.Contains(page, "4 share the store") {
		t.Errorf("got %.3000q", content(page))
	}
}

// TestOneInstanceHasNoPlaceInTheMenu, and its page says what a shared store adds.
func TestOneInstanceHasNoPlaceInTheMenu(t *testing.T) {
	f := fill(t, nil, "")
	status, page := f.get(t, "/instances")
	if status != 200 || strings.Contains(page, `<a href="/instances"`) && strings.Contains(page, ">Instances</a>") || !strings.Contains(page, "With a PostgreSQL store") || !strings.Contains(page, "No instance has written") {
		t.Errorf("status %d, %.3000q", status, page)
	}
}
