package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func many(n int) (probes []*rules.Probe) {
	for i := range n {
		probes = append(probes, flaw(fmt.Sprintf("X-%d", i)))
	}
	return probes
}

// refuses accepts valid handshakes and rejects all others.
func refuses(c *guest) {
	if c.sound() {
		c.switches()
	} else {
		c.send(refusal)
	}
}

func TestRefusalsBetweenAcceptedControlsCount(t *testing.T) {
	for _, at := range []int{1, 16} {
		b := serve(t, refuses)
		l, report, err := probed(context.Background(), t, b.target(), Settings{Concurrency: at}, many(50))
		if err != nil {
			t.Fatal(err)
		}
		for id, x := range l.by {
			if x.Controls != wire.ControlsAccepted || x.Outcome != wire.Refused {
				t.Errorf("%d at once: %s: %s, controls %d", at, id, x.Outcome, x.Controls)
			}
		}
		if report.Sent != 50 || report.Degraded || len(report.Controls) != 2 {
			t.Errorf("%d at once: %+v", at, report)
		}
		if ws := report.Controls[0]; !ws.Accepted || ws.Single || ws.Step != "" || ws.Exchange.Outcome != wire.Switched {
			t.Errorf("%+v", ws)
		}
	}
}

// TestRefusalsAfterTheLastAcceptedControlSayNothing checks that rejections do not count as passes
// once the server rejects every handshake.
func TestRefusalsAfterTheLastAcceptedControlSayNothing(t *testing.T) {
	const limit = 30 // two controls, CTRL-PLAIN, 20 probes, a control, and 6 more probes
	b := serve(t, func(c *guest) {
		if c.n > limit {
			c.send(busy)
		} else {
			refuses(c)
		}
	})
	l, report, err := probed(context.Background(), t, b.target(), Settings{Concurrency: 1}, many(50))
	if err != nil {
		t.Fatal(err)
	}
	for id, x := range l.by {
		if x.Controls != wire.ControlsRefused {
			t.Errorf("%s: controls %d, want %d", id, x.Controls, wire.ControlsRefused)
		}
	}
	if !report.Degraded || !slices.Equal(report.Suspects, l.order[controlEvery:]) {
		t.Errorf("degraded %t, suspects %s", report.Degraded, report.Suspects)
	}
	if got := report.Controls[0].Exchange.Response.Status; got != 429 {
		t.Errorf("the last control got a %d, want 429", got)
	}
}

func TestTheLadderIsClimbed(t *testing.T) {
	accepts := map[string]func(c *guest) bool{
		"": func(*guest) bool { return true },
		"Origin: http://%s": func(c *guest) bool {
			return strings.Contains(c.head, "\r\nOrigin: http://127.0.0.1:")
		},
		"Origin: http://%s; Connection: keep-alive, Upgrade": func(c *guest) bool {
			return strings.Contains(c.head, "Connection: keep-alive, Upgrade\r\n")
		},
	}
	for step, accepted := range accepts {
		b := serve(t, func(c *guest) {
			switch {
			case strings.Contains(c.head, "Upgrade: ") && !accepted(c):
				c.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
			case c.sound():
				c.switches()
			case accepted(c):
				c.send(refusal)
			default:
				c.send(busy)
			}
		})
		if step != "" {
			step = fmt.Sprintf(step, b.Addr())
		}
		l, report, err := probed(context.Background(), t, b.target(), Settings{}, flaws("X"))
		if err != nil {
			t.Fatal(err)
		}
		if ws := report.Controls[0]; !ws.Accepted || ws.Step != step {
			t.Errorf("accepted %t by %q, want %q", ws.Accepted, ws.Step, step)
		}
		if x := l.by["X"]; x.Controls != wire.ControlsAccepted || x.Response.Status != 400 {
			t.Errorf("%q: the probe is not an edit of that form: %s", step, x.Response.Raw)
		}
	}
}

// TestHandshakesThatCannotBeUsedTwice checks that rejecting a used ticket is not a pass, and that
// fresh tickets solve this.
func TestHandshakesThatCannotBeUsedTwice(t *testing.T) {
	var used atomic.Pointer[map[string]bool]
	tickets := func(c *guest) {
		_, ticket, _ := strings.Cut(c.head, "Ticket: ")
		ticket, _, _ = strings.Cut(ticket, "\r\n")
		known := *used.Load()
		again := known[ticket]
		next := map[string]bool{ticket: true}
		for k := range known {
			next[k] = true
		}
		used.Store(&next)
		if again {
			c.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		} else {
			refuses(c)
		}
	}
	for _, fresh := range []bool{false, true} {
		used.Store(&map[string]bool{})
		b := serve(t, tickets)
		target := b.target()
		rules.Set("Ticket", "first")(target.Base)
		issued := 0
		if fresh {
			target.Handshake = func(context.Context) (*rules.Handshake, error) {
				h := target.Base.Clone()
				issued++
				rules.Set("Ticket", fmt.Sprint(issued))(h)
				return h, nil
			}
		}
		l, report, err := probed(context.Background(), t, target, Settings{Concurrency: 1}, many(5))
		if err != nil {
			t.Fatal(err)
		}
		if ws := report.Controls[0]; ws.Accepted != fresh || ws.Single == fresh {
			t.Errorf("fresh %t: accepted %t, single %t", fresh, ws.Accepted, ws.Single)
		}
		for id, x := range l.by {
			if (x.Controls == wire.ControlsAccepted) != fresh {
				t.Errorf("fresh %t: %s has controls %d", fresh, id, x.Controls)
			}
		}
	}
}

func TestNoHandshakeIsNoProbe(t *testing.T) {
	b := serve(t, refuses)
	target, issued := b.target(), 0
	target.Handshake = func(context.Context) (*rules.Handshake, error) {
		if issued++; issued > 5 {
			return nil, errors.New("out of tickets")
		}
		return target.Base, nil
	}
	l, report, err := probed(context.Background(), t, target, Settings{Concurrency: 1}, many(5))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.order) != 2 || len(report.NotSent) != 3 || report.NotSent[0].Reason != "no handshake: out of tickets" || report.Gone {
		t.Errorf("got %s and %+v", l.order, report)
	}
	issued = 5
	if _, err = Run(context.Background(), target, Settings{}, many(5), nil, nil); err == nil || err.Error() != "no handshake: out of tickets" {
		t.Errorf("got %v", err)
	}
}

func TestFailuresAreRepeated(t *testing.T) {
	var seen [2]atomic.Int32
	b := serve(t, func(c *guest) {
		switch {
		case c.has("ALWAYS"):
			seen[0].Add(1)
			c.switches()
		case c.has("ONCE") && seen[1].Add(1) == 1:
			c.switches()
		default:
			refuses(c)
		}
	})
	fails := func(x *wire.Exchange) bool { return x.Outcome == wire.Switched }
	l, report, err := probed(context.Background(), t, b.target(), Settings{Fails: fails}, append(many(30), flaws("ALWAYS", "ONCE")...))
	if err != nil {
		t.Fatal(err)
	}
	if x := l.by["ALWAYS"]; x.Flaky || x.Outcome != wire.Switched || seen[0].Load() != 2 {
		t.Errorf("flaky %t, %s, sent %d times", x.Flaky, x.Outcome, seen[0].Load())
	}
	if x := l.by["ONCE"]; !x.Flaky || x.Outcome != wire.Switched || seen[1].Load() != 2 {
		t.Errorf("flaky %t, %s, sent %d times", x.Flaky, x.Outcome, seen[1].Load())
	}
	if report.Sent != 32 {
		t.Errorf("sent %d, want 32", report.Sent)
	}
}

func TestTwinsAreSentWithTheProbe(t *testing.T) {
	var twins atomic.Int32
	b := serve(t, func(c *guest) {
		if c.has("X") && !strings.Contains(c.head, "Upgrade") {
			twins.Add(1)
			c.send("HTTP/1.1 204 No Content\r\n\r\n")
			return
		}
		refuses(c)
	})
	p := flaw("X")
	p.Twins = []rules.Twin{{Name: "plain", Edit: rules.Edits(p.Edit, rules.NoOffer())}}
	l, _, err := probed(context.Background(), t, b.target(), Settings{}, []*rules.Probe{p})
	if err != nil {
		t.Fatal(err)
	}
	if x := l.by["X"]; len(x.Twins) != 1 || x.Twins[0].Name != "plain" || x.Twins[0].X.Response.Status != 204 || x.Response.Status != 400 || twins.Load() != 1 {
		t.Errorf("got %+v", x.Twins)
	}
}

func TestARunThatIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var asked atomic.Int32
	b := serve(t, func(c *guest) {
		if c.has("X-39") || asked.Add(1) > 30 {
			cancel()
			io.Copy(io.Discard, c.br)
			return
		}
		refuses(c)
	})
	l, report, err := probed(ctx, t, b.target(), Settings{Head: patience}, many(40))
	if !errors.Is(err, context.Canceled) || len(report.NotSent) == 0 || len(l.order) == 0 {
		t.Errorf("got %v, %d observed, %d not sent", err, len(l.order), len(report.NotSent))
	}
	for _, n := range report.NotSent {
		if n.Reason != "cancelled" {
			t.Errorf("%s: %s", n.Probe.ID, n.Reason)
		}
	}
	l, report, err = probed(ctx, t, b.target(), Settings{}, many(3))
	if !errors.Is(err, context.Canceled) || len(l.order) > 0 || len(report.NotSent) != 3 {
		t.Errorf("got %v and %+v from a run that was cancelled before", err, report)
	}
}

// TestSilenceEnds checks that a server that never answers costs a bounded time, and is not taken
// for crashed.
func TestSilenceEnds(t *testing.T) {
	b := serve(t, func(c *guest) { io.Copy(io.Discard, c.br) })
	l, report, err := probed(context.Background(), t, b.target(), Settings{Head: 50 * time.Millisecond}, many(20))
	if err != nil || report.Gone || report.Controls[0].Accepted {
		t.Errorf("got %v, %+v", err, report)
	}
	for id, x := range l.by {
		if x.Outcome != wire.Silent {
			t.Errorf("%s: %s", id, x.Outcome)
		}
	}
}

// TestResultsComeInTheOrderOfTheProbes checks that the order in which probes end does not matter. A
// finding that is reported once for several probes is reported for the same probe in each run.
func TestResultsComeInTheOrderOfTheProbes(t *testing.T) {
	b := serve(t, func(c *guest) {
		if c.n%5 == 0 {
			time.Sleep(20 * time.Millisecond)
		}
		refuses(c)
	})
	probes := many(40)
	probes[3].Risk = rules.Crash // sent last
	var want []string
	for i := range probes {
		if i != 3 {
			want = append(want, probes[i].ID)
		}
	}
	want = append(want, probes[3].ID)
	l, _, err := probed(context.Background(), t, b.target(), Settings{Concurrency: 16}, probes)
	if err != nil || !slices.Equal(l.order, want) {
		t.Errorf("got %q, %v", l.order, err)
	}
}
