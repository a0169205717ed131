package diagnose

import (
	"fmt"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A finish is how a WebSocket tunnel ended. The zero value is none.
type finish struct {
	*wire.End
	kind    string    // the ID of the kind that explains it; empty if it needs no explanation
	by      string    // who ended it: the backend, the client
	own     wire.Word // what that side sent last
	closing wire.Word // the Close frame that decides; Kind is empty if there is none
	closer  string    // who sent it
}

// finish returns how the tunnel of the exchange ended.
func (v *View) finish() *finish {
	if !v.finishKnown {
		v.finishKnown = true
		v.finished = v.finishOf()
	}
	return &v.finished
}

// endsAs returns how the tunnel ended if that kind explains it, else nil.
func (v *View) endsAs(id string) *finish {
	if f := v.finish(); f.kind == id {
		return f
	}
	return nil
}

func (v *View) finishOf() (f finish) {
	x := v.X
	if v.Stage&Over == 0 || x.After.End == nil || x.Blocked || x.Origin.Ours() || len(x.Lossy) > 0 || x.Protocol() != "websocket" {
		return f
	}
	f.End = x.After.End
	f.closing, f.closer = decidingClose(f.End)
	reset := x.Cause == wire.CauseServerReset || x.Cause == wire.CauseClientReset
	switch x.Cause {
	case wire.CauseServer, wire.CauseServerReset:
		f.by, f.own = "the backend", f.Server
	case wire.CauseClient, wire.CauseClientReset:
		f.by, f.own = "the client", f.Client
	default: // we ended it
		return f
	}
	switch {
	case f.Client.Kind == wire.WordAlert && !isTLS(x.After.Client), f.Server.Kind == wire.WordAlert && !isTLS(x.After.Server):
		f.kind = "tunnel-alert" // of TLS from the start, tls-in-tunnel speaks
	case f.closing.Kind != "":
		if !normalCode(f.closing.Code) {
			f.kind = "tunnel-close-code"
		}
	case f.Client.Kind == "" || f.Server.Kind == "":
		// there may have been a Close frame
	case v.Seen.Idle != nil:
		f.kind = "tunnel-idle-timeout"
	case v.Seen.Life != nil:
		f.kind = "tunnel-lifetime"
	case f.Lost:
		f.kind = "tunnel-lost"
	case f.unanswered() != "":
		f.kind = "tunnel-unanswered-ping"
	case timeoutAt(f.Idle) != 0:
		f.kind = "tunnel-idle-timeout"
	case reset:
		f.kind = "tunnel-reset"
	case f.by == "the backend":
		f.kind = "tunnel-no-close"
	}
	return f
}

// isTLS reports whether bytes begin with a TLS record.
func isTLS(b []byte) bool { return len(b) > 1 && b[0] >= 0x14 && b[0] <= 0x17 && b[1] == 3 }

// decidingClose returns the Close frame that says why a tunnel ended, and who sent it. The other
// side repeats its code (RFC 6455 §5.5.1).
func decidingClose(e *wire.End) (w wire.Word, by string) {
	const client, backend, either = "the client", "the backend", "one side"
	c, s := e.Client, e.Server
	switch {
	case c.Kind != wire.WordClose && s.Kind != wire.WordClose:
		return wire.Word{}, ""
	case s.Kind != wire.WordClose:
		return c, client
	case c.Kind != wire.WordClose:
		return s, backend
	case normalCode(c.Code) != normalCode(s.Code):
		if normalCode(c.Code) {
			return s, backend
		}
		return c, client
	case e.First == "client", e.First == "" && s.Reason == "" && c.Reason != "":
		return c, client
	case e.First == "server", s.Reason != "":
		return s, backend
	}
	return s, either
}

// normalCode reports whether a Close frame with that code says that all went well.
func normalCode(code int) bool { return code == 1000 || code == 1001 || code == wire.NoCode }

// bare reports whether the tunnel ended without a Close frame of either side, as far as is known.
func (f *finish) bare() bool {
	return f.End != nil && f.by != "" && f.closing.Kind == "" && f.Client.Kind != "" && f.Server.Kind != ""
}

// unanswered says who sent a ping last that the other side did not answer; empty if neither did.
func (f *finish) unanswered() string {
	const patience = 5 * time.Second
	switch {
	case f.Idle < patience:
		return ""
	case f.Client.Kind == wire.WordPing && (f.First == "server" || f.Server.Kind == wire.WordNothing):
		return "The client"
	case f.Server.Kind == wire.WordPing && (f.First == "client" || f.Client.Kind == wire.WordNothing):
		return "The backend"
	}
	return ""
}

// lasted says how long a tunnel was open, and how long it was idle by then.
func (f *finish) lasted() string {
	const slack = 50 * time.Millisecond
	switch {
	case f.Idle < time.Second:
		return "after " + seconds(f.Open)
	case f.Open-f.Idle < slack:
		return fmt.Sprintf("after %s without a byte", seconds(f.Open))
	}
	return fmt.Sprintf("after %s, the last %s of them without a byte", seconds(f.Open), seconds(f.Idle))
}

// pinged says that pings were sent, as far as the last frames show it: less often than the timeout
// needs.
func (f *finish) pinged() string {
	for _, w := range [...]wire.Word{f.Client, f.Server} {
		if w.Kind == wire.WordPing || w.Kind == wire.WordPong {
			return ", after a " + w.Kind
		}
	}
	return ""
}

// noClose is what a browser makes of a tunnel that ends without a Close frame (RFC 6455 §7.1.5).
const noClose = "without a Close frame: a browser reports code 1006"

// capital returns who did something as the start of a sentence.
func capital(who string) string { return string(who[0]-'a'+'A') + who[1:] }

// seconds is a time as people read it.
func seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 1000*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// reason is the reason of a Close frame as part of a sentence.
func reason(w wire.Word) string {
	if w.Reason == "" {
		return ""
	}
	return " and the reason " + rules.Quote(rules.PublicReason(w.Reason))
}
