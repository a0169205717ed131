package chain

import (
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A log is what attempts did, in order.
type log struct {
	mu   sync.Mutex
	says []string
}

func (l *log) add(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.says = append(l.says, text)
}

// inOrder runs probes through a hop of the lab, or one at that address, and returns the results.
func inOrder(t *testing.T, address string, sink *Sink, times Times, probes ...*Probe) (results []Result) {
	t.Helper()
	if address == "" {
		hop, err := lab.StartHop("sound", sink.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer hop.Close()
		address = hop.Addr
	}
	ended := 0
	step := func(n, total int) {
		if ended++; n != ended || total != len(probes) {
			t.Errorf("step %d of %d, want %d of %d", n, total, ended, len(probes))
		}
	}
	_, err := Run(t.Context(), &Hop{Address: address, Host: address}, sink, Settings{Times: times, Step: step}, probes, func(r Result) { results = append(results, r) })
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		if results[i].Probe != probes[i] {
			t.Errorf("result %d is of %s, want %s", i, results[i].Probe.ID, probes[i].ID)
		}
	}
	if len(results) != len(probes) || ended != len(probes) {
		t.Errorf("%d results and %d steps of %d probes", len(results), ended, len(probes))
	}
	return results
}

func listening(t *testing.T) *Sink {
	t.Helper()
	sink, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	return sink
}

// waiting sends a request that the sink does not answer before that channel is closed.
func waiting(t *attempt, until <-chan struct{}) *message {
	id := t.id(plan{func(a *arrival) reply {
		<-until
		return ok(a.id)
	}})
	return t.answer(t.say(t.plain(id)), 1)
}

// TestProbesAreSentWhileOneWaits has one probe wait for what another one does: sent one after the other,
// the first would get no answer.
func TestProbesAreSentWhileOneWaits(t *testing.T) {
	release := make(chan struct{})
	first := &Probe{ID: "FIRST", run: func(t *attempt) {
		if waiting(t, release) == nil {
			t.note("no-answer")
		}
	}}
	second := &Probe{ID: "SECOND", run: func(t *attempt) {
		id := t.id(plan{})
		if status(t.answer(t.say(t.plain(id)), 1)) != 200 {
			t.note("no-answer")
		}
		close(release)
	}}
	for _, r := range inOrder(t, "", listening(t), Times{Come: 30 * time.Second, Alone: 20 * time.Millisecond, Empty: 3 * time.Millisecond}, first, second) {
		if len(r.Facts) > 0 {
			t.Errorf("%s: %v", r.Probe.ID, r.Facts)
		}
	}
}

// TestAFailIsRepeatedAlone has a probe fail, and looks for one that was begun before it has failed again.
func TestAFailIsRepeatedAlone(t *testing.T) {
	release, did := make(chan struct{}), new(log)
	fails := &Probe{ID: "CHAIN-CLOSE-CLIENT", run: func(t *attempt) {
		did.add("fails")
		waiting(t, release)
		t.see(wire.SightLeaks, "")
		did.add("failed")
	}}
	other := &Probe{ID: "OTHER", run: func(*attempt) {
		did.add("other")
		close(release)
	}}
	results := inOrder(t, "", listening(t), Times{Come: 30 * time.Second, Alone: 20 * time.Millisecond, Empty: 3 * time.Millisecond}, fails, other)
	if results[0].Verdict != rules.Fail || !slices.Equal(did.says, []string{"fails", "other", "failed", "fails", "failed"}) {
		t.Errorf("got %v, %q", results[0].Verdict, did.says)
	}
}

// TestProbesThatShareAConnectionAreRepeatedAlone lets a probe wait whose backend connection is in the
// hop's pool, so that the hop sends the request of the next one on it.
func TestProbesThatShareAConnectionAreRepeatedAlone(t *testing.T) {
	did := new(log)
	var once sync.Once
	release := make(chan struct{})
	idle := &Probe{ID: "IDLE", run: func(t *attempt) {
		did.add("idle")
		id := t.id(plan{})
		t.answer(t.say(t.plain(id)), 1)
		t.yield()
		<-release
	}}
	next := &Probe{ID: "NEXT", run: func(t *attempt) {
		did.add("next")
		id := t.id(plan{})
		t.answer(t.say(t.plain(id)), 1)
		once.Do(func() { close(release) })
	}}
	sink := listening(t)
	hop, err := lab.StartHop("sound", sink.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer hop.Close()
	inOrder(t, hop.Addr, sink, Times{Come: 30 * time.Second, Empty: 3 * time.Millisecond}, idle, next)
	if !slices.Equal(did.says, []string{"idle", "next", "idle", "next"}) {
		t.Errorf("got %q, want both twice", did.says)
	}
}

// TestOneAtATimeWhereTheHopServesOneClient has a probe wait at a hop that serves no other client
// meanwhile: the next one is sent when the first has ended.
func TestOneAtATimeWhereTheHopServesOneClient(t *testing.T) {
	sink, did := listening(t), new(log)
	hop, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			client, err := hop.Accept()
			if err != nil {
				return
			}
			relayOne(client, sink.Addr)
		}
	}()
	never := make(chan struct{})
	first := &Probe{ID: "FIRST", run: func(t *attempt) {
		did.add("first")
		waiting(t, never)
		did.add("first ended")
	}}
	second := &Probe{ID: "SECOND", run: func(t *attempt) {
		did.add("second")
		id := t.id(plan{})
		if status(t.answer(t.say(t.plain(id)), 1)) != 200 {
			t.note("no-answer")
		}
	}}
	results := inOrder(t, hop.Addr().String(), sink, Times{Come: 400 * time.Millisecond, Alone: 10 * time.Millisecond, Empty: 3 * time.Millisecond}, first, second)
	if !slices.Equal(did.says, []string{"first", "first ended", "second"}) || len(results[1].Facts) > 0 {
		t.Errorf("got %q, %v", did.says, results[1].Facts)
	}
	close(never)
	hop.Close()
	<-ended
}

// relayOne relays the bytes of a client until it has ended.
func relayOne(client net.Conn, backend string) {
	defer client.Close()
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(client, server)
	}()
	_, _ = io.Copy(server, client)
	server.Close()
	<-done
}
