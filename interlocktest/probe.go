package interlocktest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Probe sends probes to a server and fails t if an answer violates a rule. The target is one of
//
//   - an [http.Handler], or a function like [http.HandlerFunc]: it is served on a loopback address
//   - a started [*httptest.Server], with TLS or without
//   - a URL such as http://127.0.0.1:8080/ws, https:// or h2c:// (HTTP/2 without TLS), or a host and port
//
// Each probe is a subtest named by its ID. It fails if a rule that an RFC requires fails with the severity
// of [MinSeverity] or a higher one; the failure shows up to 24 lines of what was sent and received. Warnings,
// milder failures, and answers that decide nothing are logged. A probe that does not apply to the server, or is left out by [Skip] or [SkipRule], is skipped with the reason. All probes that
// go test -run selects are sent before the first subtest starts, at most 16 at a time to a loopback
// address. For most handlers that takes less than two seconds; a server is waited for up to two seconds
// for each answer.
//
// If the server does not accept a valid handshake, t fails once, and no probe is sent: its rejections
// would prove nothing. An https target is also probed in HTTP/2 if it chooses that by ALPN and offers
// WebSockets over HTTP/2 (RFC 8441), an h2c target in HTTP/2 only.
//
// Probe ends t at a target or an option that is not valid. When it returns, no connection, no server
// and no goroutine of it is left. Calls for different targets may run in parallel.
func Probe(t *testing.T, target any, options ...Option) {
	t.Helper()
	c, err := read(options)
	if err != nil {
		t.Fatalf("interlocktest: %v", err)
	}
	to, version, stop, err := c.open(t.Context(), target, func(line string) {
		t.Helper()
		t.Log(line)
	})
	defer stop()
	if err != nil {
		t.Fatalf("interlocktest: %v", err)
	}
	s := &session{config: c, target: to, version: version, results: map[string]*rules.Ruling{}, unsent: map[string]string{}}
	s.audit.Options.Origins = c.origins
	s.audit.Each = func(r *rules.Ruling) { s.results[r.X.Probe] = r }
	all := c.chosen(to.Base)
	if s.send(t, slices.DeleteFunc(wanted(all, t.Name(), runPattern()), func(p *rules.Probe) bool { return c.skipped(p.ID) != "" })); s.lost {
		return
	}
	for _, p := range all {
		if p.HTTP2() && !s.known(p) && (s.http2 != "" || len(probe.Speaking([]*rules.Probe{p}, version, to.TLS != nil)) == 0) {
			continue
		}
		t.Run(p.ID, func(t *testing.T) {
			t.Helper()
			s.tell(t, p)
		})
	}
}

// A session is a call of Probe.
type session struct {
	config
	target  probe.Target
	version probe.HTTP
	audit   audit.Audit
	results map[string]*rules.Ruling // by probe
	unsent  map[string]string        // why a probe was not sent, by its ID
	report  probe.Report             // of the last run
	http2   string                   // why there are no probes in HTTP/2; empty: there are
	lost    bool                     // t has failed for a reason of which no subtest can tell
}

// known reports whether the session can say something about a probe.
func (s *session) known(p *rules.Probe) bool {
	return s.results[p.ID] != nil || s.unsent[p.ID] != "" || s.skipped(p.ID) != ""
}

// send sends probes, all on connections of their own, and judges the answers.
func (s *session) send(t *testing.T, probes []*rules.Probe) {
	t.Helper()
	if len(probes) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	again := rules.History{First: func(string) bool { return false }}
	settings := probe.Settings{
		HTTP: s.version, Run: "go-test", UserAgent: audit.Agent + version.String(),
		Fails: func(x *wire.Exchange) bool {
			return rules.Classify(rules.Case{X: x, Options: &s.audit.Options, Seen: again}).Verdict == rules.Fail
		},
	}
	var refused *probe.Control
	report, err := probe.Run(ctx, s.target, settings, probes, s.audit.Observe, func(p probe.Progress) {
		if p.Controls == nil || refused != nil {
			return
		}
		if refused = s.refused(p.Controls); refused != nil {
			cancel()
		}
	})
	s.report = report
	for _, n := range report.NotSent {
		s.unsent[n.Probe.ID] = n.Reason
	}
	s.http2 = cmp.Or(s.http2, report.HTTP2)
	switch {
	case refused != nil:
		s.lost = true
		t.Error(s.notAccepted(refused))
	case err != nil:
		s.lost = true
		t.Errorf("interlocktest: %v", err)
	case report.Gone:
		t.Errorf("the server does not answer any more; the last probes before that: %v", report.Suspects)
	case report.Degraded:
		t.Errorf("the server accepted a valid handshake before the probes and rejects it after them; since then were sent: %v", report.Suspects)
	}
	if s.http2 != "" {
		t.Logf("probes in HTTP/2 are left out: %s", s.http2)
	}
}

// refused returns the control that decides whether rejections count, if the server does not accept it;
// otherwise nil.
func (s *session) refused(controls []probe.Control) *probe.Control {
	decisive := "websocket"
	switch {
	case s.version == probe.HTTP2:
		decisive = rules.HTTP2WebSocket
	case s.protocols == nil || slices.Contains(s.protocols, "websocket"):
	case slices.Contains(s.protocols, "h2c"):
		decisive = "h2c"
	default:
		return nil
	}
	for i := range controls {
		if c := &controls[i]; c.Protocol == decisive && !c.Accepted {
			return c
		}
	}
	return nil
}

// tell reports the result of a probe to its subtest. A probe that go test selects and was not expected
// to be is sent first.
func (s *session) tell(t *testing.T, p *rules.Probe) {
	t.Helper()
	if reason := s.skipped(p.ID); reason != "" {
		t.Skip(reason)
	}
	if !s.known(p) {
		s.send(t, []*rules.Probe{p})
	}
	r := s.results[p.ID]
	if r == nil {
		t.Skipf("not sent: %s", cmp.Or(s.unsent[p.ID], s.http2, "the run ended before it"))
	}
	gate, excused := rules.Gate{Least: s.least}, ""
	for i := range r.Findings {
		f := &r.Findings[i]
		switch reason := s.excused(f.Rule.ID); {
		case f.Verdict >= rules.Pass:
		case gate.Holds(f) && reason != "":
			excused = fmt.Sprintf("%s (%s, %s): %s", f.Detail, f.Rule.ID, f.Severity, reason)
		case gate.Holds(f):
			t.Error(failure(r, f, t.Name()))
		default:
			t.Logf("%s: %s (%s, %s)", f.Verdict, f.Detail, f.Rule.ID, f.Severity)
		}
	}
	if excused != "" {
		t.Skip(excused)
	}
	if r.Verdict == rules.NotApplicable && !rules.IsPlain(p.ID) {
		t.Skipf("not applicable: %s", s.notApplicable(p, r))
	}
}

// notApplicable says why the answer to a probe decides nothing.
func (s *session) notApplicable(p *rules.Probe, r *rules.Ruling) string {
	for i := range s.report.Controls {
		c := &s.report.Controls[i]
		if c.Protocol == cmp.Or(p.Control, "websocket") && !c.Accepted {
			return fmt.Sprintf("the server accepts no valid %s handshake (%s got %s), so a rejection proves nothing", offered(c), c.Probe, answer(c.Exchange))
		}
	}
	return "the rule does not apply to this answer (" + answer(r.X) + ")"
}
