package audit

import (
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// lines says which lines a report of an exchange is worth.
type lines struct {
	exchange bool // it has been judged
	amended  bool // it has been judged before, and was better then
	unsafe   bool // it has turned out to be unsafe
	closed   bool // its tunnel is over
	shed     bool // it could not be kept as evidence
}

func (a *Audit) log(r *rules.Ruling, l lines) {
	switch {
	case l.unsafe && a.Store != nil:
		a.Store(r, func(stored bool) { a.facts(a.Log.Warn(), r).Bool("stored", stored).Msg(unsafeMessage(r)) })
	case l.unsafe:
		a.facts(a.Log.Warn(), r).Msg(unsafeMessage(r))
	}
	switch {
	case l.exchange && probed(r.X): // who runs the probes says what came of them
		a.facts(a.Log.Debug(), r).Msg("exchange")
	case l.exchange:
		a.facts(a.Log.Info(), r).Msg("exchange")
	case l.amended && !probed(r.X):
		a.facts(a.Log.Info(), r).Str("before", r.Before.Verdict.String()).Msg("exchange amended")
	}
	if l.closed && !probed(r.X) {
		x := r.X
		a.Log.Info().Str("exchange", x.ID).Str("route", x.Route).Str("client", x.Client).Str("cause", string(x.Cause)).
			Int64("clientBytes", x.After.ClientBytes).Int64("serverBytes", x.After.ServerBytes).
			Float64("ms", milliseconds(x.After.Open)).Msg("tunnel closed")
	}
	if l.shed {
		a.logShed()
	}
}

func unsafeMessage(r *rules.Ruling) string {
	if r.X.Blocked {
		return "blocked switch"
	}
	return "unsafe switch"
}

// facts are the fields of a line about an exchange. Nothing in them is a secret, and nothing is a byte that a terminal or
// a reader of JSON could stumble over.
func (a *Audit) facts(e *zerolog.Event, r *rules.Ruling) *zerolog.Event {
	x := r.X
	status := 0
	if x.Response != nil {
		status = x.Response.Status
	}
	e = e.Str("exchange", x.ID).Str("route", x.Route).Str("client", x.Client).Str("backend", x.Backend).
		Str("method", plain(x.Request.Method)).Str("target", plain(r.Target())).Str("offers", plain(strings.Join(r.Offers(), ", "))).
		Str("protocol", x.Protocol()).Int("status", status).Str("outcome", string(x.Outcome))
	if x.Cause != "" {
		e = e.Str("cause", string(x.Cause))
	}
	if x.Probe != "" {
		e = e.Str("probe", x.Probe)
	}
	if x.Elsewhere != "" {
		e = e.Str("elsewhere", x.Elsewhere)
	}
	if len(x.Altered) > 0 {
		e = e.Strs("altered", x.Altered)
	}
	if states := statesOf(r); len(states) > 0 {
		e = e.Strs("states", states)
	}
	return e.Str("verdict", r.Verdict.String()).Str("severity", r.Severity().String()).Strs("rules", r.Broken()).
		Strs("refs", citations(r)).Float64("ms", milliseconds(x.Took))
}

// statesOf are the states of the broken rules, in their order; empty where they have none.
func statesOf(r *rules.Ruling) []string {
	var all []string
	for _, id := range r.Broken() {
		if f := r.Find(id); f.State != "" {
			all = append(all, f.State)
		}
	}
	return all
}

// citations are the sections that the broken rules rest on, each once.
func citations(r *rules.Ruling) []string {
	var all []string
	for _, id := range r.Broken() {
		for _, ref := range r.Find(id).Refs {
			all = remember(all, ref.String(), maxVersions)
		}
	}
	return all
}

// plain is text from the wire in printable ASCII, cut where it is long.
func plain(s string) string {
	const most = 512
	if len(s) > most {
		return wire.Escape([]byte(s[:most])) + "..."
	}
	if isPlain(s) {
		return s
	}
	return wire.Escape([]byte(s))
}

// isPlain tells whether wire.Escape leaves a text as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// logShed says, at most once a minute, that evidence was shed.
func (a *Audit) logShed() {
	a.mu.Lock()
	now := time.Now()
	due := now.Sub(a.shedAt) >= time.Minute
	if due {
		a.shedAt = now
	}
	shed, bytes := a.sums.Shed, a.evidence
	a.mu.Unlock()
	if due {
		a.Log.Warn().Int64("shed", shed).Int64("bytes", bytes).Msg("evidence shed")
	}
}
