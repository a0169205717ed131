package chain

import (
	"bytes"
	"context"
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

	err     error // why it could not be sent
	mixed   bool  // it says nothing: the hop has sent requests of another attempt on a connection of this one
	guessed bool  // the request at the sink had no id
}

// Settings control a run.
type Settings struct {
	Times   Times
	Shared  bool                   // leave out what may meet the requests of strangers
	Route   string                 // the name of the hop in exchanges
	Options *rules.Options         // for the rulings; nil: the zero value
	NewID   func(time.Time) string // names an exchange; safe for concurrent use
	Step    func(n, total int)     // called when the nth probe of all has ended; nil: not called
}

// A Report is what a run found out about the hop beside its results.
type Report struct {
	Transport bool // the hop relays bytes and reads no HTTP: no result is about it
	Tunnels   bool // it lets a valid handshake through
	HTTP2     bool // it speaks HTTP/2
	Streams   bool // it lets a valid handshake in HTTP/2 through
	NotSent   []NotSent
	Dropped   Dropped // by the sink
}

// A NotSent is a probe that was not sent, and why.
type NotSent struct {
	Probe  *Probe
	Reason string
}

// Run sends probes through a hop to a sink. One that waits for long lets others be sent meanwhile, and
// one that fails is sent once more, alone. Observe gets each result once, in the order of the probes,
// before Run returns. An error says why nothing can be said.
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
	before := sink.Dropped()
	r := &run{hop: hop, sink: sink, canary: canary, settings: s, probes: probes, results: make([]*Result, len(probes)), floor: newFloor(sink), slots: make(chan struct{}, maxWaiting)}
	if err = r.all(ctx); err == nil {
		err = r.doubt(ctx)
	}
	for i, result := range r.results {
		if result != nil {
			if err != nil && slices.Contains(r.again, i) {
				r.unrepeated(result)
			}
			r.settled(result)
			observe(*result)
		}
	}
	now := sink.Dropped()
	r.report.Dropped = Dropped{now.Requests - before.Requests, now.Connections - before.Connections}
	return r.report, err
}

// common is what all exchanges of a run have in common.
func (r *run) common(p *Probe) wire.Common {
	return wire.Common{
		Origin: wire.OriginChain, Probe: p.ID, Controls: wire.ControlsAccepted, Route: r.settings.Route, Backend: r.hop.Address,
		ClientTLS: r.hop.TLS != nil, BackendTLS: r.hop.TLS != nil, Rare: &wire.Rare{TLSFlags: r.hop.TLSFlags}, NewID: r.settings.NewID,
	}
}

// unsentExchange is the exchange of a probe that was not sent.
func unsentExchange(c *wire.Common) *wire.Exchange {
	now := time.Now()
	return &wire.Exchange{ID: c.NewID(now), Final: true, Complete: true, Origin: c.Origin, Probe: c.Probe, Route: c.Route, Backend: c.Backend, BackendTLS: c.BackendTLS, TLSFlags: c.TLSFlags(), Time: now,
		Request: wire.ReadRequest(nil), Outcome: wire.Unseen}
}

// kept makes the exchanges that the result is shown of, unless that was done: the one on the side of
// the client, and the one at the sink.
func (t *attempt) kept() {
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
	c.Client, c.HTTP2 = l.conn.LocalAddr().String(), t.probe.InHTTP2()
	if x := about(l.exchanges(c, wire.FromClient, t.hop.secrets()), t.mainID); x != nil {
		t.near = x
	}
	a := t.came(t.mainID)
	if a == nil {
		return
	}
	c.Client, c.Backend, c.ClientTLS, c.BackendTLS, c.Rare, c.HTTP2 = a.backend.conn.RemoteAddr().String(), t.sink.Addr, false, false, nil, false
	id := t.mainID
	if t.guessed = a.guessed; t.guessed {
		id = string(masked(a.request.Raw, t.hop.secrets()))
	}
	t.far, t.number = about(a.backend.exchanges(c, wire.FromServer, t.hop.secrets()), id), a.backend.number
}

// about returns the exchange whose request has that id, or that text, else the first one; nil if there is none.
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
