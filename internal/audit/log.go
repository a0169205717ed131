package audit

import (
	"time"

	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/rules"
)

// lines says which events a report of an exchange is worth.
type lines struct {
	exchange bool // it has been judged
	amended  bool // it has been judged before, and was better then, or without its other side
	unsafe   bool // it has turned out to be unsafe
	closed   bool // its tunnel is over
	shed     bool // it could not be kept as evidence
}

// tell emits the events of a report.
func (a *Audit) tell(r *rules.Ruling, l lines) {
	switch {
	case l.unsafe && a.Store != nil:
		a.Store(r, func(stored bool) {
			storage := event.NotStored
			if stored {
				storage = event.Stored
			}
			a.emit(event.Event{Kind: event.Unsafe, Ruling: r, Storage: storage})
		})
	case l.unsafe:
		a.emit(event.Event{Kind: event.Unsafe, Ruling: r})
	}
	switch {
	case l.exchange:
		a.emit(event.Event{Kind: event.Exchange, Ruling: r})
	case l.amended && !r.X.Origin.Ours():
		a.emit(event.Event{Kind: event.Amended, Ruling: r})
	}
	if l.closed && !r.X.Origin.Ours() {
		a.emit(event.Event{Kind: event.TunnelClosed, Ruling: r})
	}
	if l.shed {
		a.tellShed()
	}
}

func (a *Audit) emit(e event.Event) {
	if a.Emit != nil {
		a.Emit(e)
	}
}

// tellShed says, at most once a minute, that evidence was shed.
func (a *Audit) tellShed() {
	a.mu.Lock()
	now := time.Now()
	due := now.Sub(a.shedAt) >= time.Minute
	if due {
		a.shedAt = now
	}
	shed := event.Shed{Exchanges: a.sums.Shed, Bytes: a.evidence}
	a.mu.Unlock()
	if due {
		a.emit(event.Event{Kind: event.EvidenceShed, Shed: shed})
	}
}
