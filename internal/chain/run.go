package chain

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Result is the result of one probe.
type Result struct {
	Probe   *Probe
	Verdict rules.Verdict  // of the ruling
	Facts   []string       // what was seen, in a word each, where that is no fault
	Why     string         // why it is unclear or not applicable
	Near    *wire.Exchange // never nil; with the other side of the hop, if it got there
	Far     *wire.Exchange // that other side, at the sink; nil: it did not get there
	Number  int            // of the backend connection; 0: none
	Ruling  *rules.Ruling  // the judgment of the rulebook on Near; never nil

	err error // why it could not be sent
}

// Settings control a run.
type Settings struct {
	Times   Times
	Shared  bool                   // leave out what may meet the requests of strangers
	Route   string                 // the name of the hop in exchanges
	Options *rules.Options         // for the rulings; nil: the zero value
	NewID   func(time.Time) string // names an exchange
}

// A Report is what a run found out about the hop beside its results.
type Report struct {
	Transport bool // the hop relays bytes and reads no HTTP: no result is about it
	Tunnels   bool // it lets a valid handshake through
	NotSent   []NotSent
}

// A NotSent is a probe that was not sent, and why.
type NotSent struct {
	Probe  *Probe
	Reason string
}

// run is one run through a hop. One goroutine owns it.
type run struct {
	hop      *Hop
	sink     *Sink
	canary   *Sink
	settings Settings
	report   Report
	observe  func(Result)
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

// Run sends probes through a hop to a sink, one after the other, each twice if it fails. Observe gets
// each result once, from the goroutine that calls Run. An error says why nothing can be said.
func Run(ctx context.Context, hop *Hop, sink *Sink, s Settings, probes []*Probe, observe func(Result)) (Report, error) {
	s.Times.fill()
	if s.NewID == nil {
		s.NewID = func(time.Time) string { return newID() }
	}
	canary, err := sink.beside()
	if err != nil {
		return Report{}, err
	}
	defer canary.Close()
	r := &run{hop: hop, sink: sink, canary: canary, settings: s, observe: observe}
	err = r.all(ctx, probes)
	return r.report, err
}

func (r *run) all(ctx context.Context, probes []*Probe) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var long []chan Result
	defer func() {
		stop()
		for _, c := range long {
			<-c
		}
	}()
	for _, p := range probes {
		switch {
		case r.settings.Shared && !p.Shared:
			r.report.NotSent = append(r.report.NotSent, NotSent{p, "it may meet other clients' requests on a connection of the hop (--shared)"})
			continue
		case p.Needs == NeedsTunnel && !r.report.Tunnels:
			c := r.common(p)
			result := Result{Probe: p, Near: unsentExchange(&c)}
			r.void(&result, "the hop lets no WebSocket handshake through")
			r.observe(result)
			continue
		case p.long:
			ready, done := make(chan struct{}), make(chan Result, 1)
			go func() { done <- r.once(ctx, p, func() { close(ready) }); close(done) }()
			select {
			case <-ready:
				long = append(long, done)
			case result := <-done:
				r.observe(result)
			}
			continue
		}
		if p.ID == "CTRL-END" {
			long = r.collect(long)
		}
		result, err := r.twice(ctx, p)
		if err != nil {
			return err
		}
		if err := r.take(result); err != nil {
			return err
		}
	}
	long = r.collect(long)
	return ctx.Err()
}

// collect takes the results of long probes, and returns none.
func (r *run) collect(long []chan Result) []chan Result {
	for _, c := range long {
		_ = r.take(<-c)
	}
	return nil
}

// twice sends a probe with an emptied pool, and once more if it failed. What does not happen again
// is unclear.
func (r *run) twice(ctx context.Context, p *Probe) (Result, error) {
	result := r.once(ctx, p, nil)
	if result.err != nil || ctx.Err() != nil {
		return result, cmp.Or(ctx.Err(), result.err)
	}
	if result.Verdict != rules.Fail {
		return result, nil
	}
	again := r.once(ctx, p, nil)
	if again.err != nil || ctx.Err() != nil {
		return again, cmp.Or(ctx.Err(), again.err)
	}
	if again.Verdict != rules.Fail {
		x := *result.Near
		x.Flaky, result.Near, result.Why = true, &x, "it did not happen again when repeated"
		r.judge(&result)
		return result, nil
	}
	return again, nil
}

// once sends a probe. Ready is called when others may be sent meanwhile; nil: not before it has
// ended.
func (r *run) once(ctx context.Context, p *Probe, ready func()) (result Result) {
	r.canary.empty(0)
	r.sink.empty(r.settings.Times.Empty)
	t := &trial{ctx: ctx, hop: r.hop, sink: r.sink, canary: r.canary, times: r.settings.Times, probe: p, ready: ready, common: r.common, methods: map[*line]string{}}
	defer t.clean()
	func() {
		defer func() {
			if e := recover(); e != nil {
				if _, ours := e.(unsent); !ours {
					panic(e)
				}
			}
		}()
		p.run(t)
	}()
	if t.err != nil {
		t.nothing("it could not be sent")
	}
	t.kept()
	x := *t.near
	x.Hop = &wire.Hop{Name: x.Route, Far: t.far, Clock: true, Seen: t.seen}
	result = Result{Probe: p, Near: &x, Far: t.far, Number: t.number, Facts: t.was, err: t.err}
	r.judge(&result)
	return result
}

// take hands a result over. Of a transport relay only the controls say something. Its error says why
// the run cannot go on.
func (r *run) take(result Result) error {
	switch {
	case result.Probe.ID == "CTRL-L4" && slices.Contains(result.Facts, "L4"):
		r.report.Transport = true
	case result.Probe.ID == "CTRL-WS" && slices.Contains(result.Facts, "tunnel"):
		r.report.Tunnels = true
	}
	if r.report.Transport && result.Probe.ID != "CTRL-L4" && result.Verdict < rules.Pass {
		r.void(&result, "the hop relays bytes and reads no HTTP: everything that arrives is the client's own")
	}
	r.observe(result)
	if result.Probe.ID == "CTRL-PLAIN" && result.Verdict == rules.Fail {
		return errors.New(result.Ruling.Worst().Detail)
	}
	return nil
}

// common is what all exchanges of a run have in common.
func (r *run) common(p *Probe) wire.Common {
	return wire.Common{
		Origin: wire.OriginChain, Probe: p.ID, Controls: wire.ControlsAccepted, Route: r.settings.Route, Backend: r.hop.Address,
		ClientTLS: r.hop.TLS != nil, BackendTLS: r.hop.TLS != nil, NewID: r.settings.NewID,
	}
}

// unsentExchange is the exchange of a probe that was not sent.
func unsentExchange(c *wire.Common) *wire.Exchange {
	now := time.Now()
	return &wire.Exchange{ID: c.NewID(now), Final: true, Complete: true, Origin: c.Origin, Probe: c.Probe, Route: c.Route, Backend: c.Backend, Time: now,
		Request: wire.ReadRequest(nil), Outcome: wire.Unseen}
}

// kept makes the exchanges that the result is shown of, unless that was done: the one on the side of
// the client, and the one at the sink.
func (t *trial) kept() {
	if t.near != nil {
		return
	}
	c := t.common(t.probe)
	t.near = unsentExchange(&c)
	l := t.main
	if l == nil && len(t.lines) > 0 {
		l = t.lines[0]
	}
	if l == nil {
		return
	}
	c.Client = l.conn.LocalAddr().String()
	if x := about(l.exchanges(c, wire.FromClient), t.mainID); x != nil {
		t.near = x
	}
	a := t.came(t.mainID)
	if a == nil {
		return
	}
	c.Client, c.Backend, c.ClientTLS, c.BackendTLS = a.backend.conn.RemoteAddr().String(), t.sink.Addr, false, false
	t.far, t.number = about(a.backend.exchanges(c, wire.FromServer), t.mainID), a.backend.number
}

// about returns the exchange whose request has that id, else the first one; nil if there is none.
func about(all []*wire.Exchange, id string) *wire.Exchange {
	for _, x := range all {
		if id != "" && bytes.Contains(x.Request.Raw, []byte(id)) {
			return x
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	return nil
}
