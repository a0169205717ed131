package probe

import (
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// settle tells the conversation how the connection ended.
func (a *streamed) settle() {
	now, cause := time.Now(), a.over
	s := a.strands[a.id]
	switch {
	case cause == wire.CauseServer, cause == wire.CauseServerReset:
	case s != nil && s.decided():
		cause = wire.CauseClient
	default:
		cause = wire.CauseTimeout
		a.talk.Tick(now.Add(wire.SilentAfter)) // waiting that long would change nothing
	}
	a.talk.Settle(cause, now)
	a.over = cause
}

// leave ends the connection with a FIN instead of a reset, as part does.
func (a *streamed) leave() {
	end, ok := a.conn.(interface{ CloseWrite() error })
	if a.over == wire.CauseServer || a.over == wire.CauseServerReset || !ok || end.CloseWrite() != nil {
		return
	}
	a.conn.SetReadDeadline(time.Now().Add(restTime))
	for room := maxRest; room > 0; {
		n, err := a.conn.Read(a.buffer[:])
		if room -= n; err != nil {
			return
		}
	}
}

// exchange returns the exchange of the attempt after it is settled.
func (a *streamed) exchange() *wire.Exchange {
	x := a.x
	if x == nil {
		x = a.unreported()
	}
	x.Aim, x.Inside = a.target.Base.Path, a.inside
	if a.s.Next != nil {
		x.Follow = &a.follow
	}
	if s := a.strands[a.id]; a.common.Content && s != nil {
		x.Content = s.content[:min(len(s.content), wire.MaxContent)]
	}
	if x.Response == nil && x.Outcome != wire.Reset && a.broken {
		x.Outcome = wire.Opaque
	}
	return x
}

// unreported builds the exchange of a request that the conversation does not report: it was not sent,
// or what the client sent before it is not HTTP/2.
func (a *streamed) unreported() *wire.Exchange {
	k := &a.common
	x := &wire.Exchange{
		ID: k.NewID(a.began), Final: true, Complete: true, Origin: k.Origin, Probe: k.Probe, Route: k.Route,
		Client: k.Client, Backend: k.Backend, ClientTLS: k.ClientTLS, BackendTLS: k.BackendTLS, TLSFlags: k.TLSFlags(), Time: a.began,
		Request: wire.ReadRequest(wire.HTTP2Head(a.s.Fields)), BodyDone: true, Outcome: wire.Closed, Cause: a.over, Stream: &wire.Stream{ID: a.id},
	}
	s := a.strands[a.id]
	switch {
	case s != nil && s.status != 0:
		x.Response, x.Took, x.Cause = wire.ReadResponse(wire.HTTP2Head(s.fields)), max(a.answered.Sub(a.began), 0), ""
		x.Outcome = x.Answer()
		x.After.Opaque, x.After.Ended = x.Outcome == wire.Switched, x.Outcome == wire.Switched
	case s != nil && s.reset:
		x.Outcome, x.Cause = wire.Reset, wire.CauseServerReset
		x.Stream.Server = wire.StreamSide{End: wire.StreamReset, Code: s.code}
	case s != nil && a.gone != nil && a.gone.Last < s.id:
		x.Outcome = wire.GoneAway
	case a.over == wire.CauseTimeout:
		x.Outcome = wire.Silent
	}
	return x
}
