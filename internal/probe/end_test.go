package probe

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestACloseIsNoCrash checks that a server that closes instead of rejecting is checked again, and
// that the run continues.
func TestACloseIsNoCrash(t *testing.T) {
	for _, at := range []int{1, 16} {
		b := serve(t, func(c *guest) {
			if c.sound() {
				c.switches()
			}
		})
		l, report, err := probed(context.Background(), t, b.target(), Settings{Concurrency: at}, many(50))
		if err != nil || report.Gone || report.Degraded || len(report.NotSent) > 0 {
			t.Fatalf("%v, %+v", err, report)
		}
		for id, x := range l.by {
			if x.Controls != wire.ControlsAccepted || x.Outcome != wire.Closed {
				t.Errorf("%d at once: %s: %s, controls %d", at, id, x.Outcome, x.Controls)
			}
		}
	}
}

// TestAServerThatOnlyCloses checks that a server that never sends a byte is not taken for crashed.
func TestAServerThatOnlyCloses(t *testing.T) {
	b := serve(t, func(*guest) {})
	l, report, err := probed(context.Background(), t, b.target(), Settings{}, many(30))
	if err != nil || report.Gone || report.Controls[0].Accepted {
		t.Fatalf("%v, %+v", err, report)
	}
	for id, x := range l.by {
		if x.Controls != wire.ControlsRefused || x.Outcome != wire.Closed {
			t.Errorf("%s: %s, controls %d", id, x.Outcome, x.Controls)
		}
	}
}

// soon is how long a test waits for a backend that will not be restarted.
const soon = 200 * time.Millisecond

// TestACrashEndsTheRun checks that the run stops after the probe that crashed the server, and does
// not send that probe again.
func TestACrashEndsTheRun(t *testing.T) {
	var killed atomic.Int32
	var b *backend
	ready := make(chan struct{})
	b = serve(t, func(c *guest) {
		<-ready
		if c.has("KILL") {
			killed.Add(1)
			b.stop()
			return
		}
		refuses(c)
	})
	close(ready)
	kill := flaw("KILL")
	kill.Risk = rules.Crash
	probes := append([]*rules.Probe{kill}, many(30)...)
	probes = append(probes, &rules.Probe{ID: "CTRL-END"})
	fails := func(x *wire.Exchange) bool { return x.Controls == wire.BackendKilled }
	l, report, err := probed(context.Background(), t, b.target(), Settings{Fails: fails, Return: soon}, probes)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Gone || !slices.Equal(report.Suspects, []string{"KILL"}) || !report.Degraded || len(report.Crashes) != 1 || report.Crashes[0].Culprit != "KILL" {
		t.Errorf("got %+v", report)
	}
	if last := l.order[len(l.order)-1]; last != "KILL" || len(l.order) != 31 || killed.Load() != 1 {
		t.Errorf("the last one of %d is %s, sent %d times", len(l.order), last, killed.Load())
	}
	for id, x := range l.by {
		want := wire.ControlsAccepted
		if id == "KILL" {
			want = wire.BackendKilled
		}
		if x.Controls != want {
			t.Errorf("%s: controls %d, want %d", id, x.Controls, want)
		}
	}
	if len(report.NotSent) != 1 || report.NotSent[0].Probe.ID != "CTRL-END" || report.NotSent[0].Reason != "the backend is gone" {
		t.Errorf("not sent: %v", report.NotSent)
	}
}

// TestACrashAmongManyNamesThemAll checks that every probe that may have crashed the server is
// named, and no other.
func TestACrashAmongManyNamesThemAll(t *testing.T) {
	var b *backend
	ready := make(chan struct{})
	b = serve(t, func(c *guest) {
		<-ready
		if c.has("X-70") {
			b.stop()
			return
		}
		refuses(c)
	})
	close(ready)
	l, report, err := probed(context.Background(), t, b.target(), Settings{Concurrency: 4, Return: soon}, many(400))
	if err != nil {
		t.Fatal(err)
	}
	if !report.Gone || len(report.NotSent) == 0 || len(report.Crashes) != 1 {
		t.Fatalf("gone %t, crashes %+v, %d not sent", report.Gone, report.Crashes, len(report.NotSent))
	}
	// If nothing else was in flight at that moment, the probe is the culprit and there are no
	// suspects.
	named := report.Crashes[0].Candidates
	if !slices.Contains(named, "X-70") || slices.Contains(named, "X-0") || len(named) > 1 && !slices.Equal(named, report.Suspects) {
		t.Errorf("candidates %s, suspects %s", named, report.Suspects)
	}
	for id, x := range l.by {
		if slices.Contains(report.Suspects, id) && x.Controls != wire.BackendGone && x.Controls != wire.BackendKilled {
			t.Errorf("%s: controls %d", id, x.Controls)
		}
	}
}

// TestDangerousProbesComeAlone checks that a probe that may crash servers is sent while no other is
// in flight.
func TestDangerousProbesComeAlone(t *testing.T) {
	var under atomic.Int32
	b := serve(t, func(c *guest) {
		if n := under.Add(1); c.has("RISKY") && n != 1 {
			t.Errorf("%d are under way", n)
		}
		if c.sound() {
			c.switches()
		}
		under.Add(-1) // before the client can see the end
		if !c.sound() {
			c.send(refusal)
		}
	})
	var probes []*rules.Probe
	for range 5 {
		p := &rules.Probe{ID: "RISKY-" + string(rune('a'+len(probes))), Risk: rules.Crash, Edit: rules.Set("X-Fault", "RISKY")}
		probes = append(probes, p)
	}
	l, _, err := probed(context.Background(), t, b.target(), Settings{}, append(probes, many(40)...))
	if err != nil || !slices.Equal(l.order[40:], []string{"RISKY-a", "RISKY-b", "RISKY-c", "RISKY-d", "RISKY-e"}) {
		t.Errorf("%v, got %s", err, l.order)
	}
}

// TestAPoisonedBackendIsDegraded checks that the report names a server that answers worse at the
// end, and the probe before that.
func TestAPoisonedBackendIsDegraded(t *testing.T) {
	var poisoned atomic.Bool
	b := serve(t, func(c *guest) {
		if c.has("X-45") {
			poisoned.Store(true)
		}
		if poisoned.Load() {
			c.send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
			return
		}
		refuses(c)
	})
	_, report, err := probed(context.Background(), t, b.target(), Settings{Concurrency: 1}, many(50))
	if err != nil {
		t.Fatal(err)
	}
	if !report.Degraded || !slices.Contains(report.Suspects, "X-45") || slices.Contains(report.Suspects, "X-39") || len(report.Suspects) != 10 {
		t.Errorf("degraded %t, suspects %s", report.Degraded, report.Suspects)
	}
	if report.Gone {
		t.Errorf("it is said to be gone: %+v", report.Crashes)
	}
}
