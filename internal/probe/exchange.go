package probe

import (
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// maxInterim is how many interim responses are kept of an exchange that the conversation does not report.
const maxInterim = 8

// settle tells the conversation how the connection ended.
func (a *attempt) settle() {
	now, cause := time.Now(), a.over
	switch {
	case cause == wire.CauseServer:
		a.talk.Ended(wire.FromServer, now)
	case cause == wire.CauseServerReset:
	case len(a.finals) > 0 || a.garbled: // we end the connection
		cause = wire.CauseClient
		a.talk.Ended(wire.FromClient, now)
	default:
		cause = wire.CauseTimeout
		a.talk.Tick(now.Add(wire.SilentAfter)) // waiting that long would change nothing
	}
	a.talk.Settle(cause, now)
	a.over = cause
}

// exchange returns the exchange of the attempt after it is settled.
func (a *attempt) exchange() *wire.Exchange {
	x := a.x
	if x == nil {
		x = a.unreported()
	}
	x.Aim = a.target.Base.Path
	if x.Response == nil && x.Interim == nil {
		x.Interim = a.interim
	}
	if x.Response == nil && (a.garbled || len(a.scan.Partial()) > 0 && x.Outcome == wire.Closed) {
		x.Outcome = wire.Opaque // bytes came, but not a response
	}
	return x
}

// unreported builds the exchange of a request that the conversation does not report: one that does
// not concern Upgrade.
func (a *attempt) unreported() *wire.Exchange {
	k := &a.common
	x := &wire.Exchange{
		ID: k.NewID(a.began), Final: true, Complete: true, Origin: k.Origin, Probe: k.Probe, Route: k.Route,
		Client: k.Client, Backend: k.Backend, ClientTLS: k.ClientTLS, BackendTLS: k.BackendTLS, TLSFlags: k.TLSFlags(), Time: a.began,
		Request: wire.ReadRequest([]byte(a.h.Head())), Interim: a.interim, BodyDone: a.h.Hold == 0 || a.released,
		Outcome: wire.Closed, Cause: a.over,
	}
	if len(a.finals) == 0 {
		if a.over == wire.CauseTimeout {
			x.Outcome = wire.Silent
		}
		return x
	}
	p := a.finals[0]
	x.Response, x.Took, x.Cause = p, a.answered.Sub(a.began), ""
	x.Outcome = p.Outcome()
	if x.Outcome == wire.Switched {
		x.Cause = a.over
		x.After.Opaque, x.After.Ended = true, true
		x.After.Server, x.After.ServerBytes = a.behind[:min(len(a.behind), wire.MaxRecorded)], int64(len(a.behind))
		x.After.ServerClosed = a.over == wire.CauseServer
	}
	return x
}
