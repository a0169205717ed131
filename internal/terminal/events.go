package terminal

import (
	"fmt"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
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
		c.exchange(&e, "", "")
		return
	case event.Amended:
		if !e.Ruling.Unsafe || e.Ruling.Before.Unsafe { // the line about the unsafe switch says it otherwise
			c.exchange(&e, "", "amended, was "+e.Ruling.Before.Verdict.String())
		}
		return
	case event.Unsafe:
		stored := ""
		if e.Storage == event.NotStored {
			stored = "not stored yet"
		}
		c.exchange(&e, unsafeText(e.Ruling), stored)
		return
	case event.TunnelClosed:
		c.lines(append([]string{c.closed(e.Ruling.X)}, c.why(e.Diagnoses())...)...)
		return
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
	c.lines(text)
}

func clock() string { return time.Now().Format("15:04:05.000") }

// exchange writes the line of an exchange. If a rule is broken, a second one has the rest of what the log has in JSON. Then
// comes what explains it.
func (c *Console) exchange(e *event.Event, unsafe, more string) {
	r := e.Ruling
	x := r.X
	answer := string(x.Outcome)
	if x.Response != nil && x.Response.Status != 0 {
		answer = fmt.Sprint(x.Response.Status)
	}
	f := r.Worst()
	broken := f != nil && f.Verdict < rules.Pass
	what := string(x.Outcome)
	if broken {
		what = f.Detail + " (" + strings.Join(r.Broken(), ", ") + ")"
	}
	target := 60
	if width := c.columns(); width > 0 {
		target = min(max(width-targetLeaves, 20), target)
	}
	text := fmt.Sprintf("%s %-5s %-4s %-20s %-8s ", c.Verdict(r.Verdict, r.Severity()), printed.Protocol(x.Protocol()),
		printed.Escaped(x.Request.Method, 8), printed.Escaped(r.Target(), target), answer)
	if unsafe != "" {
		text += c.paint("31;1", unsafe) + ": "
	}
	text += printed.ASCII(what)
	if more != "" {
		text += "   " + more
	}
	lines := []string{text}
	if broken {
		lines = append(lines, c.paint("dim", c.facts(r)))
	}
	c.lines(append(lines, c.why(e.Diagnoses())...)...)
}

// targetLeaves is how many columns a line needs beside its target.
const targetLeaves = 56

// facts are what the line of an exchange has no room for.
func (c *Console) facts(r *rules.Ruling) string {
	x := r.X
	all := []string{"  " + r.Severity().String()}
	for _, ref := range event.Refs(r) {
		if c.ASCII {
			ref = strings.ReplaceAll(ref, "§", "section ")
		}
		all = append(all, ref)
	}
	all = append(all, named("client", x.Client, "route", x.Route, "backend", x.Backend, "probe", x.Probe, "altered", strings.Join(x.Altered, ", "), "exchange", x.ID)...)
	return strings.Join(all, "   ")
}

// named are those of some names and values whose value is not empty.
func named(pairs ...string) (all []string) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, pairs[i]+" "+printed.ASCII(pairs[i+1]))
		}
	}
	return all
}

// unsafeText says that a switch is unsafe, and its consequence.
func unsafeText(r *rules.Ruling) string {
	text := "UNSAFE switch"
	if p := r.X.Response; p != nil && p.Status == 101 {
		text = "UNSAFE 101"
	}
	switch {
	case r.X.Blocked && r.X.Stream != nil:
		text += ", blocked (its connection was closed)"
	case r.X.Blocked:
		text += ", blocked (the client got a 502)"
	}
	return text
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
	return fmt.Sprintf("stopped   requests answered %d   upgrades %d   unsafe %d   findings %d   not audited: opaque %d, TLS %d, h2 %d, rejected h2 clients %d, blind tunnels %d",
		n.Exchanges.Load(), n.Upgrades.Load(), s.Unsafe, s.Findings, n.Opaque.Load(), n.TLS.Load(), n.HTTP2.Load(), n.HTTP2Only.Load(), n.Tunnels.Load())
}
