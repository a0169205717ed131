package chain

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// maxWaiting is how many attempts run at a time, of which all but one wait.
const maxWaiting = 8

// run is one run through a hop. One goroutine owns what mu does not guard.
type run struct {
	hop      *Hop
	sink     *Sink
	canary   *Sink
	settings Settings
	probes   []*Probe
	report   Report

	floor   *floor
	slots   chan struct{} // holds an element for each attempt that runs in a goroutine of its own
	running sync.WaitGroup
	single  bool // one probe is sent after the other

	matching matching // of requests without an id

	mu      sync.Mutex
	results []*Result // of the probes that have ended, by their place among probes
	again   []int     // the places of those that must be sent once more
	ended   int       // how many probes need not be sent any more
	failed  error     // why an attempt could not be sent
}

// all sends the probes.
func (r *run) all(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer r.running.Wait()
	defer stop()
	for i, p := range r.probes {
		var err error
		switch {
		case r.settings.Shared && !p.Shared:
			r.report.NotSent = append(r.report.NotSent, NotSent{p, "it may meet other clients' requests on a connection of the hop (--shared)"})
			r.step()
		case p.Needs == NeedsPath && r.hop.Protected == "":
			r.report.NotSent = append(r.report.NotSent, NotSent{p, "it needs a path that the hop rejects (--protected)"})
			r.step()
		case r.lacks(p) != "":
			c := r.common(p)
			result := &Result{Probe: p, Near: unsentExchange(&c)}
			r.void(result, r.lacks(p))
			r.set(i, result)
		case p.turn == alone:
			if err = r.settle(ctx); err == nil {
				err = r.alone(ctx, i)
			}
		default:
			err = r.begin(ctx, i)
		}
		if err != nil {
			return err
		}
	}
	return r.settle(ctx)
}

// lacks says what the hop does not do, as the controls have shown, so that a probe says nothing; "" if it does.
func (r *run) lacks(p *Probe) string {
	switch http2 := p.InHTTP2() && p.ID != overHTTP2ID; {
	case p.Needs == NeedsTunnel && !r.report.Tunnels:
		return "the hop lets no WebSocket handshake through"
	case http2 && !r.report.HTTP2:
		return "the hop does not speak HTTP/2"
	case http2 && p.ID != "CHAIN-H2-DENIED-GET" && !r.report.Streams:
		return "the hop lets no WebSocket handshake in HTTP/2 through"
	}
	return ""
}

// begin sends a probe in a goroutine of its own, and returns when it has the floor.
func (r *run) begin(ctx context.Context, i int) error {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	t := r.attempt(ctx, r.probes[i])
	if err := r.admit(ctx); err != nil {
		<-r.slots
		return err
	}
	t.holds = true
	if !r.single {
		t.floor = r.floor
	}
	r.running.Go(func() {
		defer func() { <-r.slots }()
		result := r.once(t)
		if t.holds {
			r.floor.leave()
		}
		r.first(ctx, i, result)
	})
	return nil
}

// admit waits for the floor. While attempts wait, the hop must serve others: if it does not, all that is
// left is sent when no attempt waits.
func (r *run) admit(ctx context.Context) error {
	if r.single {
		r.running.Wait()
	}
	if !r.floor.take(ctx) {
		return ctx.Err()
	}
	if r.single || !r.floor.newly() || r.serves(ctx) {
		return r.stopped(ctx)
	}
	r.single = true
	r.floor.leave()
	r.running.Wait()
	if !r.floor.take(ctx) {
		return ctx.Err()
	}
	return r.stopped(ctx)
}

// stopped returns why the run cannot go on.
func (r *run) stopped(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := cmp.Or(ctx.Err(), r.failed)
	if err != nil {
		r.floor.leave()
	}
	return err
}

// serves reports whether the hop passes a GET on and its answer back while attempts wait, within a time in
// which none of those that began to wait for an answer gives up.
func (r *run) serves(ctx context.Context) bool {
	t := r.attempt(ctx, new(Probe))
	defer t.sink.end()
	defer t.clean()
	answered := false
	t.try(func() {
		t.sink.empty(t.times.Empty)
		id := t.id(plan{})
		answered = status(t.answerIn(t.say(t.plain(id)), 1, t.times.Come/2)) == 200 && t.reached(id) != nil
	})
	return answered
}

// first takes the first result of a probe that may have been sent beside others. What failed, or had a
// connection in common with another one, is sent once more when no other one waits.
func (r *run) first(ctx context.Context, i int, result *Result) {
	switch {
	case ctx.Err() != nil:
	case result.err != nil:
		r.mu.Lock()
		r.failed = cmp.Or(r.failed, result.err)
		r.mu.Unlock()
	case result.mixed || result.Verdict == rules.Fail:
		r.mu.Lock()
		r.results[i], r.again = result, append(r.again, i)
		r.mu.Unlock()
	default:
		r.set(i, result)
	}
}

// settle waits until no attempt waits, and sends once more what must be.
func (r *run) settle(ctx context.Context) error {
	r.running.Wait()
	if err := cmp.Or(ctx.Err(), r.failed); err != nil {
		return err
	}
	slices.Sort(r.again)
	for len(r.again) > 0 {
		i := r.again[0]
		if r.results[i].mixed {
			r.results[i] = nil
		}
		if err := r.alone(ctx, i); err != nil {
			return err
		}
		r.again = r.again[1:]
	}
	return nil
}

// alone sends a probe while no other one waits, and once more if it failed. What does not happen again
// is unclear.
func (r *run) alone(ctx context.Context, i int) error {
	p := r.probes[i]
	if slices.Contains([]string{"CTRL-L4", "CTRL-PLAIN", "CTRL-WS"}, p.ID) {
		r.sink.match(byTime)
		defer func() { r.sink.match(r.matching) }()
	}
	for range 2 {
		next := r.once(r.attempt(ctx, p))
		before := r.results[i]
		if err := cmp.Or(ctx.Err(), next.err); err != nil {
			if before != nil && !slices.Contains(r.again, i) {
				r.again = append(r.again, i)
			}
			return err
		}
		switch {
		case before == nil && next.Verdict == rules.Fail:
			r.results[i] = next
			continue
		case before != nil && next.Verdict != rules.Fail:
			r.uncertain(before, "it did not happen again when repeated")
			next = before
		}
		r.set(i, next)
		return r.learn(next)
	}
	return nil
}

// uncertain makes a failure unclear.
func (r *run) uncertain(result *Result, why string) {
	x := *result.Near
	x.Flaky, result.Near = true, &x
	r.judge(result)
	result.Why = why
}

// unrepeated makes a failure unclear that the end of the run kept from being repeated.
func (r *run) unrepeated(result *Result) {
	if result.mixed {
		r.void(result, "the run ended before it could be sent alone")
	} else {
		r.uncertain(result, "the run ended before it could be repeated")
	}
}

// set takes the last result of a probe.
func (r *run) set(i int, result *Result) {
	r.mu.Lock()
	r.results[i] = result
	r.mu.Unlock()
	r.step()
}

// step reports that a probe need not be sent any more.
func (r *run) step() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended++
	if r.settings.Step != nil {
		r.settings.Step(r.ended, len(r.probes))
	}
}

// learn takes from a control what the others depend on. Its error says why the run cannot go on.
func (r *run) learn(result *Result) error {
	plain := result.Probe.ID == "CTRL-PLAIN" && result.Verdict != rules.Fail
	tunnel := result.Probe.ID == "CTRL-WS" && slices.Contains(result.Facts, "tunnel")
	if result.guessed && (plain || tunnel) { // the answer of the sink had the id
		r.matching, r.single = byTime, true
		result.Facts = append(result.Facts, "target-rewritten")
	}
	switch {
	case result.Probe.ID == "CTRL-L4" && slices.Contains(result.Facts, "L4"):
		r.report.Transport = true
	case tunnel:
		r.report.Tunnels = true
	case result.Probe.ID == overHTTP2ID:
		r.report.HTTP2 = result.Verdict != rules.NotApplicable
		r.report.Streams = slices.Contains(result.Facts, "tunnel")
	case result.Probe.ID == "CTRL-PLAIN" && result.Verdict == rules.Fail && !r.report.Transport:
		return errors.New(result.Ruling.Worst().Detail)
	}
	return nil
}

// judge judges a result by the rulebook.
func (r *run) judge(result *Result) {
	result.Ruling = rules.Classify(rules.Case{X: result.Near, Options: r.settings.Options})
	result.Verdict = result.Ruling.Verdict
	if nothing, ok := result.Near.Hop.Saw(wire.SightNothing); ok {
		result.Why = nothing.Detail
	}
}

// void makes a result one that says nothing.
func (r *run) void(result *Result, why string) {
	x := *result.Near
	x.Hop = &wire.Hop{Name: x.Route, Far: result.Far, Clock: true, Seen: []wire.Sighting{{What: wire.SightNothing, Detail: why}}}
	result.Near = &x
	r.judge(result)
}

// settled makes a result ready to be shown. Of a transport relay only the controls say something.
func (r *run) settled(result *Result) {
	if r.report.Transport && result.Probe.ID != "CTRL-L4" && result.Verdict < rules.Pass {
		r.void(result, "the hop relays bytes and reads no HTTP: everything that arrives is the client's own")
	}
}
