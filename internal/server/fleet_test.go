package server

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/store"
)

// TestTrafficOfAnHourAndADay samples a count at several times.
func TestTrafficOfAnHourAndADay(t *testing.T) {
	began := time.Now()
	var traffic traffic
	for _, step := range []struct {
		after            time.Duration
		total, hour, day int64
	}{
		{0, 5, 5, 5}, {30 * time.Second, 10, 10, 10}, {30 * time.Minute, 100, 100, 100}, {61 * time.Minute, 130, 125, 130},
		{95 * time.Minute, 150, 50, 150}, {24*time.Hour + time.Minute, 1000, 850, 995}, {25*time.Hour + 2*time.Minute, 1100, 100, 970},
		{49*time.Hour + 3*time.Minute, 1100, 0, 0},
	} {
		if hour, day := traffic.add(step.total, began.Add(step.after)); hour != step.hour || day != step.day {
			t.Errorf("after %v: got %d and %d, want %d and %d", step.after, hour, day, step.hour, step.day)
		}
	}
	if n := len(traffic.samples); n > 3 {
		t.Errorf("%d samples are kept", n)
	}
}

// TestEachChangeOfAStateIsLoggedOnce, by the instance that has run longest.
func TestEachChangeOfAStateIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	w := &store.Writer{}
	f := newFleet(nil, w, zerolog.New(&log))
	instance := func(id, name string, state store.InstanceState) store.Instance {
		return store.Instance{Start: store.Start{ID: id, Name: name, Heartbeat: time.Second}, State: state}
	}
	own, before := instance(w.Session(), "own", store.Reporting), instance("0", "eldest", store.Reporting)
	for n, step := range []struct {
		all  []store.Instance
		want string
	}{
		{[]store.Instance{own, instance("Z", "b", store.Reporting)}, ""},
		{[]store.Instance{own, instance("Z", "b", store.Silent)}, "instance is silent"},
		{[]store.Instance{own, instance("Z", "b", store.Silent)}, ""},
		{[]store.Instance{own, instance("Z", "b", store.Differs)}, "instance differs"},
		{[]store.Instance{own, instance("Z", "b", store.Reporting)}, "instance reports again"},
		{[]store.Instance{own, instance("Z", "b", store.Ended)}, ""},
		{[]store.Instance{own, before, instance("Z", "b", store.Silent)}, ""}, // the eldest logs it
		{[]store.Instance{own, instance("Z", "b", store.Silent)}, ""},
	} {
		log.Reset()
		f.tell(step.all)
		if got := log.String(); step.want == "" && got != "" || !strings.Contains(got, step.want) || strings.Count(got, "\n") > 1 {
			t.Errorf("step %d: got %q, want %q", n, got, step.want)
		}
	}
}
