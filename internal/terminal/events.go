package terminal

import (
	"fmt"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Emit writes an event as a line for people, if they need one. It may be called by many goroutines
// if writing may.
func (c *Console) Emit(e event.Event) {
	text := ""
	switch e.Kind {
	case event.Exchange:
		if e.Ruling.X.Origin.Ours() || e.Ruling.Unsafe { // an unsafe one has its line as such
			return
		}
		text = c.exchange(e.Ruling)
	case event.Amended:
		if e.Ruling.Unsafe {
			return
		}
		text = c.exchange(e.Ruling) + "   amended, was " + e.Ruling.Before.Verdict.String()
	case event.Unsafe:
		text = c.exchange(e.Ruling) + "   " + c.paint("31", unsafeText(&e))
	case event.TunnelClosed:
		text = c.closed(e.Ruling.X)
	case event.EvidenceShed:
		text = fmt.Sprintf("evidence shed: %s had no room in memory; their findings are counted", printed.Count(int(e.Shed.Exchanges), "exchange"))
	case event.ProbeRun:
		text = probesText(e.Probes)
	case event.Stopped:
		text = stoppedText(e.Sums)
	case event.Note:
		fmt.Fprintf(c.w, "\n %s\n", e.Text)
		return
	case event.Listening: // the banner has said it
		return
	}
	c.line(text)
}

// line writes a line after the time of day. There is no one to report a failed write to.
func (c *Console) line(text string) { fmt.Fprintf(c.w, " %s %s\n", clock(), text) }

func clock() string { return time.Now().Format("15:04:05.000") }

// exchange is the line of an exchange.
func (c *Console) exchange(r *rules.Ruling) string {
	x := r.X
	answer := string(x.Outcome)
	if x.Response != nil && x.Response.Status != 0 {
		answer = fmt.Sprint(x.Response.Status)
	}
	what := string(x.Outcome)
	if f := r.Worst(); f != nil && f.Verdict < rules.Pass {
		what = f.Detail + " (" + strings.Join(r.Broken(), ", ") + ")"
	}
	return fmt.Sprintf("%s %-5s %-4s %-20s %-8s %s", c.Verdict(r.Verdict, r.Severity()), printed.Protocol(x.Protocol()),
		printed.Escaped(x.Request.Method, 8), printed.Escaped(r.Target(), 60), answer, printed.ASCII(what))
}

// unsafeText describes an unsafe switch and its consequence.
func unsafeText(e *event.Event) string {
	text := "unsafe switch"
	if p := e.Ruling.X.Response; p != nil && p.Status == 101 {
		text = "unsafe 101"
	}
	if e.Ruling.X.Blocked {
		text += ", blocked: the client got a 502"
	}
	if e.Storage == event.NotStored {
		text += ", not stored yet"
	}
	return text
}

// closed is the line of a tunnel that is over.
func (c *Console) closed(x *wire.Exchange) string {
	return fmt.Sprintf("%s closed by %s   open %v   %s %s %s %s", c.Mark("dim", "·", "."), x.Cause,
		x.After.Open.Round(time.Millisecond), c.symbol("↑", "up"), printed.Size(x.After.ClientBytes), c.symbol("↓", "down"), printed.Size(x.After.ServerBytes))
}

func probesText(p *event.Probes) string {
	text := fmt.Sprintf("probe run finished at %s   sent %d   fail %d   warn %d   unclear %d   pass %d", printed.Line(p.Endpoint), p.Sent,
		p.Verdicts[rules.Fail], p.Verdicts[rules.Warn], p.Verdicts[rules.Unclear], p.Verdicts[rules.Pass])
	if p.NotSent > 0 {
		text += fmt.Sprintf("   not sent %d", p.NotSent)
	}
	if p.Gone != "" {
		text += "   the backend was gone after " + p.Gone
	}
	return text
}

func stoppedText(s *event.Sums) string {
	n := s.Counts
	return fmt.Sprintf("stopped   exchanges %d   upgrades %d   unsafe %d   findings %d   not audited: opaque %d, TLS %d, h2 %d, blind tunnels %d",
		n.Exchanges.Load(), n.Upgrades.Load(), s.Unsafe, s.Findings, n.Opaque.Load(), n.TLS.Load(), n.HTTP2.Load(), n.Tunnels.Load())
}
