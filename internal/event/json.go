package event

import (
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// JSON returns a function that writes each event to log as one line of JSON.
func JSON(log zerolog.Logger) func(Event) {
	return func(e Event) { write(&log, &e) }
}

func write(log *zerolog.Logger, e *Event) {
	switch e.Kind {
	case Exchange:
		line := log.Info()
		if e.Ruling.X.Origin.Ours() { // the caller that runs probes reports their results
			line = log.Debug()
		}
		facts(line, e).Msg("exchange")
	case Amended:
		facts(log.Info(), e).Str("before", e.Ruling.Before.Verdict.String()).Msg("exchange amended")
	case Unsafe:
		line := facts(log.Warn(), e)
		if e.Storage != Unasked {
			line = line.Bool("stored", e.Storage == Stored)
		}
		if e.Ruling.X.Blocked {
			line.Msg("blocked switch")
		} else {
			line.Msg("unsafe switch")
		}
	case TunnelClosed:
		writeClosed(log.Info(), e)
	case EvidenceShed:
		log.Warn().Int64("shed", e.Shed.Exchanges).Int64("bytes", e.Shed.Bytes).Msg("evidence shed")
	case Listening:
		l := e.Listen
		log.Info().Str("version", l.Version).Str("instance", l.Instance).Str("listen", l.Listen).
			Str("admin", l.Admin).Str("forward", l.Forward).Str("backend", l.Backend).Msg("listening")
	case ProbeRun:
		writeProbes(log, e.Probes)
	case Stopped:
		writeSums(log, e.Sums)
	case Note:
		log.Info().Str("text", e.Text).Msg("note")
	}
}

// writeClosed writes who ended a tunnel and how.
func writeClosed(line *zerolog.Event, e *Event) {
	if line == nil {
		return // the log does not take this level
	}
	x := e.Ruling.X
	line.Str("exchange", x.ID).Str("route", x.Route).Str("endpoint", plain(e.Ruling.Endpoint)).Str("client", x.Client).Str("cause", string(x.Cause)).
		Int64("clientBytes", x.After.ClientBytes).Int64("serverBytes", x.After.ServerBytes)
	if end := x.After.End; end != nil {
		line.Float64("idle", milliseconds(end.Idle)).Bool("lost", end.Lost)
		writeWord(line, "client", end.Client)
		writeWord(line, "server", end.Server)
	}
	line.Float64("ms", milliseconds(x.After.Open))
	diagnosed(line, e).Msg("tunnel closed")
}

// writeWord writes what one side of a tunnel sent last.
func writeWord(line *zerolog.Event, side string, w wire.Word) {
	if w.Kind == "" {
		return
	}
	line.Str(side+"Last", w.Kind)
	if w.Kind == wire.WordClose || w.Kind == wire.WordGoAway {
		line.Int(side+"Code", w.Code)
		if w.Reason != "" {
			line.Str(side+"Reason", rules.ShownReason(w.Reason))
		}
	}
}

func writeProbes(log *zerolog.Logger, p *Probes) {
	log.Info().Str("run", p.Run).Str("endpoint", p.Endpoint).Str("route", p.Route).Str("backend", p.Backend).
		Int("sent", p.Sent).Int("notSent", p.NotSent).
		Int64("fail", p.Verdicts[rules.Fail]).Int64("warn", p.Verdicts[rules.Warn]).Int64("unclear", p.Verdicts[rules.Unclear]).
		Int64("pass", p.Verdicts[rules.Pass]).Int64("na", p.Verdicts[rules.NotApplicable]).
		Bool("degraded", p.Degraded).Str("gone", p.Gone).Float64("seconds", p.Took.Seconds()).Msg("probe run finished")
}

func writeSums(log *zerolog.Logger, s *Sums) {
	n := s.Counts
	log.Info().Int64("exchanges", n.Exchanges.Load()).Int64("upgrades", n.Upgrades.Load()).
		Int64("fail", s.Verdicts[rules.Fail]).Int64("warn", s.Verdicts[rules.Warn]).Int64("unclear", s.Verdicts[rules.Unclear]).
		Int64("pass", s.Verdicts[rules.Pass]).Int64("unsafe", s.Unsafe).Int("findings", s.Findings).Int("probeFindings", s.OfProbes).
		Int64("opaque", n.Opaque.Load()).Int64("tls", n.TLS.Load()).Int64("http2", n.HTTP2.Load()).Int64("http2Read", n.HTTP2Read.Load()).Int64("http2Only", n.HTTP2Only.Load()).Int64("http3Hints", n.HTTP3.Load()).
		Int64("blindTunnels", n.Tunnels.Load()).Int64("shed", s.Shed).Int64("shedConnections", n.Shed.Load()).
		Int64("missedLines", s.MissedLines).Float64("seconds", s.Up.Seconds()).Msg("stopped")
}

// facts adds the fields of a line about an exchange. Nothing in them is a secret, and no byte in
// them could upset a terminal or a reader of JSON.
func facts(line *zerolog.Event, e *Event) *zerolog.Event {
	if line == nil {
		return nil // the log does not take this level
	}
	r := e.Ruling
	x := r.X
	status := 0
	if x.Response != nil {
		status = x.Response.Status
	}
	line.Str("exchange", x.ID).Str("route", x.Route).Str("client", x.Client).Str("backend", x.Backend).
		Str("method", plain(x.Request.Method)).Str("target", plain(r.Target())).Str("offers", plain(strings.Join(r.Offers(), ", "))).
		Str("protocol", x.Protocol()).Int("status", status).Str("outcome", string(x.Outcome))
	if x.Cause != "" {
		line.Str("cause", string(x.Cause))
	}
	if x.Probe != "" {
		line.Str("probe", x.Probe)
	}
	if x.Elsewhere != "" {
		line.Str("elsewhere", x.Elsewhere)
	}
	if len(x.Altered) > 0 {
		line.Strs("altered", x.Altered)
	}
	if states := states(r); len(states) > 0 {
		line.Strs("states", states)
	}
	if f := r.Worst(); f != nil && f.Verdict < rules.Pass {
		line.Str("problem", plain(f.Detail))
	}
	line.Str("verdict", r.Verdict.String()).Str("severity", r.Severity().String()).Strs("rules", r.Broken()).
		Strs("refs", Refs(r)).Float64("ms", milliseconds(x.Took))
	return diagnosed(line, e)
}

// diagnosed adds the IDs of the diagnoses of an event, and the first one in a sentence.
func diagnosed(line *zerolog.Event, e *Event) *zerolog.Event {
	all := e.Diagnoses()
	if len(all) == 0 {
		return line
	}
	ids := make([]string, 0, len(all))
	for i := range all {
		ids = append(ids, all[i].ID)
	}
	return line.Strs("diagnoses", ids).Str("why", printed.Why(&all[0]))
}

// states are the states of the broken rules, in their order; empty where they have none.
func states(r *rules.Ruling) []string {
	var all []string
	for _, id := range r.Broken() {
		if f := r.Find(id); f.State != "" {
			all = append(all, f.State)
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

// isPlain reports whether wire.Escape leaves a text as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
