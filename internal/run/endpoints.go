package run

import (
	"context"
	"fmt"
	"slices"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// maxProbed is the maximum number of endpoints that are probed, counted per protocol. Probing one
// takes seconds.
const maxProbed = 50

// probed is an endpoint that was probed with a handshake from the command's traffic.
type probed struct {
	learned    *audit.Learned
	protocols  []string // the families of the probes that were sent; nil: all
	http       probe.HTTP
	was        probe.Report
	verdicts   [rules.NotApplicable + 1]int64
	conclusive int   // probes with a conclusive result
	failed     error // why the run did not complete
}

// String returns its name.
func (p *probed) String() string {
	text := p.learned.Endpoint + " (" + p.learned.Protocol + ")"
	if p.learned.Route != "default" {
		text = p.learned.Route + " " + text
	}
	return text
}

// probe probes every endpoint that accepted an upgrade in the command's traffic.
func (t *Run) probe(ctx context.Context) {
	by := &server.Prober{Audit: t.audit}
	by.Use(&t.Config, t.backends)
	for _, p := range t.endpoints() {
		if t.interrupted(ctx) {
			return
		}
		t.taken.mu.Lock()
		t.taken.probing = p
		t.taken.mu.Unlock()
		p.failed = t.probeOne(ctx, by, p)
		t.probed = append(t.probed, *p)
	}
}

// probeOne probes one endpoint.
func (t *Run) probeOne(ctx context.Context, by *server.Prober, p *probed) error {
	b := by.Backend(p.learned)
	if b == nil {
		return fmt.Errorf("%s is none of the backends", p.learned.Backend)
	}
	r := &server.LearnedRun{
		Prober: by, Ask: web.Ask{Endpoint: p.learned.Endpoint, HTTP: t.Flags.HTTP, Credentials: t.Config.Probes.Credentials},
		Learned: p.learned, Probes: rules.Probes(), Backend: b,
	}
	target, err := r.Target(ctx)
	if err != nil {
		return err
	}
	settings := r.Settings(t.Run)
	settings.Protocols = p.protocols
	step, done := t.Screen.Steps("probes at " + printed.Line(p.String()))
	defer done()
	p.was, err = probe.Run(ctx, target, settings, r.Probes, func(x *wire.Exchange) { t.audit.Enter(x, t.Run) }, func(now probe.Progress) {
		step(now.Done, now.Total)
	})
	p.http = settings.HTTP
	t.kept.notSent(&p.was, target.Address, p.learned.Route, p.learned.Endpoint)
	t.reports.Stream.Summary.NotSent += int64(len(p.was.NotSent))
	t.reports.Stream.Summary.Gone = t.reports.Stream.Summary.Gone || p.was.Gone
	return err
}

// endpoints returns the endpoints to probe: one for each protocol that an endpoint switched to,
// with the most recent handshake. If there are two, the h2c probes use the h2c handshake and all
// others the other one.
func (t *Run) endpoints() []*probed {
	type place struct{ route, endpoint, protocol string }
	last := map[place]*probed{}
	var all []*probed
	for _, l := range t.audit.Learned() {
		at := place{l.Route, l.Endpoint, l.Protocol}
		switch is := last[at]; {
		case l.Protocol != "websocket" && l.Protocol != "h2c":
			t.note(fmt.Sprintf("%s switches to what probes do not know: %s", l.Endpoint, l.Protocol))
		case is == nil:
			last[at] = &probed{learned: &l}
			all = append(all, last[at])
		case l.Seen.After(is.learned.Seen):
			is.learned = &l
		}
	}
	for _, p := range all {
		at := place{p.learned.Route, p.learned.Endpoint, "h2c"}
		switch {
		case p.learned.Protocol == "h2c" && last[place{at.route, at.endpoint, "websocket"}] != nil:
			p.protocols = []string{"h2c"}
		case p.learned.Protocol == "websocket" && last[at] != nil:
			p.protocols = slices.DeleteFunc(config.Families(), func(name string) bool { return name == "h2c" })
		}
	}
	if n := len(all) - maxProbed; n > 0 {
		t.note(fmt.Sprintf("%s switched and were not probed: %d are the most", printed.Count(n, "endpoint"), maxProbed))
		all = all[:maxProbed]
	}
	return all
}

// note records what was not audited.
func (t *Run) note(text string) {
	if notes := &t.reports.Stream.Summary.Notes; !slices.Contains(*notes, text) {
		*notes = append(*notes, text)
	}
}
