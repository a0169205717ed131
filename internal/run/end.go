package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

// end writes the reports and returns the result as an error.
func (t *Run) end(ctx context.Context) error {
	s := &t.reports.Stream.Summary
	s.Notes, s.Probed = append(s.Notes, t.notes()...), s.Probed || t.Flags.Probe
	t.Accepting.sum(s)
	if t.interrupted(ctx) || s.Gone || slices.ContainsFunc(t.probed, func(p probed) bool { return p.failed != nil }) {
		t.kept.stopped()
	}
	t.broken = errors.Join(t.broken, t.kept.end(s), t.reports.Close(), t.held.release())
	if !slices.ContainsFunc(t.Flags.Outputs, isShownText) && len(t.Flags.Outputs) > 0 {
		fmt.Fprintf(t.Screen.Stderr, " %s command=%d\n", s.Result(), t.was.status)
	}
	if t.taken.gated > 0 {
		t.Accepting.hint(t.Flags.Outputs)
	}
	status, why := t.found(ctx)
	if t.was.status != 0 {
		why = append(why, fmt.Sprintf("the command %q %s", t.Program.Name, t.was))
	}
	switch {
	case t.Flags.Exit == ExitByCommand && (t.was.status != 0 || t.broken == nil):
		status = t.was.status
	case t.Flags.Exit == ExitByWorst && status != exit.StatusFound && t.was.status != 0:
		status = t.was.status
	}
	if status == exit.StatusClean && len(why) == 0 {
		return nil
	}
	return exit.Error{Status: status, Err: errors.New(strings.Join(why, "; "))}
}

func isShownText(output string) bool { return output == "text" || output == "text=-" }

// found returns the exit status for the findings, and its reasons.
func (t *Run) found(ctx context.Context) (status int, why []string) {
	if n := t.taken.gated; n > 0 {
		status, why = exit.StatusFound, append(why, FindingsAt(t.Gate, n).Error())
	}
	if t.broken != nil {
		why = append(why, strings.ReplaceAll(t.broken.Error(), "\n", "; "))
	}
	if status == exit.StatusClean {
		if text := t.inconclusive(ctx); text != "" {
			why = append(why, text)
		}
		if len(why) > 0 {
			status = exit.StatusUnknown
		}
	}
	return status, why
}

// inconclusive returns why a run without findings is not a success; empty if it is one.
func (t *Run) inconclusive(ctx context.Context) string {
	s := &t.reports.Stream.Summary
	asked := t.taken.asked
	missing := t.Accepting.uncovered()
	switch {
	case asked == 0 && t.Flags.NoTraffic && missing == nil:
		return ""
	case asked == 0 && t.Flags.NoTraffic:
		return missing.Error()
	case asked == 0 && t.relay.Counts.Exchanges.Load() == 0:
		return fmt.Sprintf("no traffic: the command sent nothing to http://%s, which it gets in INTERLOCK_URL and INTERLOCK_WS_URL; --env NAME=ws://{addr}/path sets a variable of its own", t.address)
	case asked == 0:
		return fmt.Sprintf("no traffic: none of %s asked for an upgrade; --allow-no-traffic takes that as it is", printed.Count(int(t.relay.Counts.Exchanges.Load()), "exchange"))
	case t.taken.local == asked:
		return fmt.Sprintf("the backend %s was never reached; --wait 60s waits until it answers", t.backends[0])
	case s.Conclusive() == 0:
		return fmt.Sprintf("nothing conclusive: %s, %d of them unclear", printed.Count(asked, "upgrade exchange"), s.Verdicts[rules.Unclear])
	case missing != nil:
		return missing.Error()
	case !t.Flags.Probe:
		return ""
	case t.interrupted(ctx):
		return "stopped by a signal: not all was probed"
	case len(t.probed) == 0:
		return "nothing was probed: no endpoint accepted a valid upgrade"
	}
	for i := range t.probed {
		if text := t.probed[i].inconclusive(); text != "" {
			return fmt.Sprintf("probes at %s: %s", printed.Line(t.probed[i].String()), text)
		}
	}
	return ""
}

// inconclusive returns why the probes prove nothing; empty if they do.
func (p *probed) inconclusive() string {
	told := &site{run: &Probing{Flags: &ProbeFlags{Protocols: p.protocols}}, was: p.was}
	if onlyHTTP2(p.was.Controls) {
		told.version = probe.HTTP2
	}
	switch {
	case p.failed != nil:
		return p.failed.Error()
	case crashed(&p.was) != "":
		return crashed(&p.was)
	case p.conclusive == 0:
		text := "none is conclusive"
		if k := told.failedControl(); k != nil {
			text += ": " + k.came()
		}
		return text
	}
	if missing := told.missingSeeds(); len(missing) > 0 {
		return "not sent: " + strings.Join(missing, ", ")
	}
	return ""
}
