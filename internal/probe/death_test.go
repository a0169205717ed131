package probe

import (
	"bufio"
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A supervised backend crashes with all its connections, as a process does, and is restarted at the
// same address.
type supervised struct {
	*backend
	mu    sync.Mutex
	ends  int
	later time.Duration
	serve func(c *guest)
	dying atomic.Bool // it answers nothing more until it is restarted
}

// supervise serves with refuses. A request for which fatal returns true is answered with dies and
// crashes the backend, which is restarted later.
func supervise(t *testing.T, later time.Duration, fatal func(c *guest) bool, dies func(c *guest)) *supervised {
	s := &supervised{later: later}
	serve := func(c *guest) {
		switch {
		case s.dying.Load(): // a process that crashes does not answer another client first
		case !fatal(c):
			refuses(c)
		case s.dying.CompareAndSwap(false, true): // nor does it crash twice at a time
			dies(c)
			s.end()
		}
	}
	s.serve = serve
	ready := make(chan struct{})
	free, err := ports.Free(1) // the port of no outgoing connection, so that it can be taken again
	if err != nil {
		t.Fatal(err)
	}
	s.backend = serveAt(t, free[0], func(c *guest) {
		<-ready
		serve(c)
	})
	close(ready)
	return s
}

func (s *supervised) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	addr := s.Addr().String()
	s.ends++
	s.stop()
	time.Sleep(s.later) // nothing listens meanwhile
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return // the test has ended
	}
	s.backend.mu.Lock()
	s.Listener = ln
	s.backend.mu.Unlock()
	s.dying.Store(false)
	s.serving.Go(func() { s.acceptOn(ln, s.serve) })
}

// TestTheCulpritOfACrashIsFound checks that exactly the probes that crash a restarting backend are
// blamed, whatever response they got. Probes that were in flight with them get the verdict that
// they have alone.
func TestTheCulpritOfACrashIsFound(t *testing.T) {
	for name, dies := range map[string]func(c *guest){
		"without a byte": func(*guest) {},
		"after a 101":    func(c *guest) { c.send(switching(c.head)); c.br.Discard(4) },
		"after a 500":    func(c *guest) { c.send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fatal := func(c *guest) bool { return c.has("X-30") || c.has("X-45") }
			b := supervise(t, 100*time.Millisecond, fatal, dies)
			fails := func(x *wire.Exchange) bool { return x.Controls == wire.BackendKilled || x.Outcome == wire.Switched }
			l, report, err := probed(context.Background(), t, b.target(), Settings{Concurrency: 8, Fails: fails}, many(60))
			if err != nil || report.Gone || len(report.NotSent) > 0 || report.Sent != 60 {
				t.Fatalf("%v, %+v", err, report)
			}
			var culprits []string
			for _, c := range report.Crashes {
				culprits = append(culprits, c.Culprit)
				if !c.Back {
					t.Errorf("got %+v", c)
				}
			}
			slices.Sort(culprits)
			if !slices.Equal(culprits, []string{"X-30", "X-45"}) {
				t.Errorf("got %+v", report.Crashes)
			}
			for id, x := range l.by {
				want := wire.ControlsAccepted
				if slices.Contains(culprits, id) {
					want = wire.BackendKilled
				}
				if x.Controls != want || len(x.Suspects) > 0 || want == wire.ControlsAccepted && x.Outcome != wire.Refused {
					t.Errorf("%s: controls %d, %s, suspects %s", id, x.Controls, x.Outcome, x.Suspects)
				}
			}
		})
	}
}

// TestACrashThatDoesNotComeAgain checks that one exchange names all suspects if none of them
// crashes the backend alone.
func TestACrashThatDoesNotComeAgain(t *testing.T) {
	var once sync.Once
	b := supervise(t, 100*time.Millisecond, func(c *guest) (ends bool) {
		if c.has("X-30") {
			once.Do(func() { ends = true })
		}
		return ends
	}, func(*guest) {})
	l, report, err := probed(context.Background(), t, b.target(), Settings{Concurrency: 8}, many(60))
	if err != nil || report.Gone || len(report.Crashes) != 1 || report.Crashes[0].Culprit != "" || !slices.Contains(report.Crashes[0].Candidates, "X-30") {
		t.Fatalf("%v, %+v", err, report)
	}
	named := 0
	for id, x := range l.by {
		if len(x.Suspects) > 0 {
			named++
		}
		if x.Controls != wire.ControlsAccepted || x.Outcome != wire.Refused {
			t.Errorf("%s: controls %d, %s", id, x.Controls, x.Outcome)
		}
	}
	if named != 1 {
		t.Errorf("%d exchanges name the candidates, want 1", named)
	}
}

// TestASingleThreadUnderLoad checks that a probe that a busy server did not answer is sent again
// alone. A switch on a request whose body was not sent must not be mistaken for silence.
func TestASingleThreadUnderLoad(t *testing.T) {
	var one sync.Mutex
	b := serve(t, func(c *guest) {
		one.Lock()
		defer one.Unlock()
		switch {
		case c.has("SLOW"):
			c.SetReadDeadline(time.Now().Add(time.Second))
			bufio.NewReader(c).ReadByte() // until the client closes
		case c.has("WITHHELD"):
			c.switches()
		default:
			refuses(c)
		}
	})
	probes := many(6)
	for _, id := range []string{"SLOW", "WITHHELD"} {
		probes = append(probes, &rules.Probe{ID: id, Edit: rules.Edits(rules.Set("X-Fault", id), rules.Set("Content-Length", "8"), rules.Withheld(rules.HoldForever))})
	}
	slices.Reverse(probes[5:])
	l, report, err := probed(context.Background(), t, b.target(), Settings{Head: 600 * time.Millisecond}, probes)
	if err != nil || report.Gone || len(report.NotSent) > 0 {
		t.Fatalf("%v, %+v", err, report)
	}
	for id, x := range l.by {
		want := wire.Refused
		switch id {
		case "SLOW":
			want = wire.Silent
		case "WITHHELD":
			want = wire.Switched
		}
		if x.Outcome != want || x.Controls != wire.ControlsAccepted {
			t.Errorf("%s: %s, controls %d, want %s", id, x.Outcome, x.Controls, want)
		}
	}
}

// TestSilenceThatIsMeantIsBelieved checks that a server that answers malformed requests with
// silence is not waited for again and again.
func TestSilenceThatIsMeantIsBelieved(t *testing.T) {
	b := serve(t, func(c *guest) {
		if c.sound() {
			c.switches()
			return
		}
		c.br.ReadByte()
	})
	began := time.Now()
	const head = 500 * time.Millisecond
	l, report, err := probed(context.Background(), t, b.target(), Settings{Head: head}, many(64))
	if err != nil || report.Loaded || report.Gone {
		t.Fatalf("%v, %+v", err, report)
	}
	for id, x := range l.by {
		if x.Outcome != wire.Silent || x.Controls != wire.ControlsAccepted {
			t.Errorf("%s: %s, controls %d", id, x.Outcome, x.Controls)
		}
	}
	if took := time.Since(began); took > 32*head {
		t.Errorf("it took %v, as if half of them had been sent one by one", took)
	}
}

// TestAProbeMayMeetSeveralCrashes checks that a probe which finds nothing listening, because another
// one has just crashed the backend, is sent again after each of several crashes, and not for ever.
func TestAProbeMayMeetSeveralCrashes(t *testing.T) {
	j := &job{probe: flaw("X"), base: new(based)}
	r := &run{turns: newTurns([]*job{j}), observe: func(*wire.Exchange) {}}
	for range maxTries {
		r.queue = nil
		r.unconnected(context.Background(), j, syscall.ECONNREFUSED)
		if len(r.queue) != 1 || len(r.notSent) > 0 {
			t.Fatalf("after %d crashes: %d to be sent, not sent %+v", j.tries, len(r.queue), r.notSent)
		}
	}
	if r.unconnected(context.Background(), j, syscall.ECONNREFUSED); len(r.notSent) != 1 {
		t.Error("it is sent again for ever")
	}
}
