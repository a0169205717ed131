package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// end writes the reports and says how it all ended.
func (t *trial) end(ctx context.Context) error {
	s := &t.reports.stream.Summary
	s.Notes, s.Probed = append(s.Notes, t.notes()...), s.Probed || t.flags.probe
	t.accepting.sum(s)
	t.broken = errors.Join(t.broken, t.kept.end(s), t.reports.close(), t.held.release())
	if !slices.ContainsFunc(t.flags.outputs, isShownText) && len(t.flags.outputs) > 0 {
		fmt.Fprintf(t.screen.stderr, " %s command=%d\n", s.Result(), t.was.status)
	}
	if t.taken.gated > 0 {
		t.accepting.hint(t.flags.outputs)
	}
	status, why := t.found(ctx)
	if t.was.status != 0 {
		why = append(why, fmt.Sprintf("the command %q %s", t.program.name, t.was))
	}
	switch {
	case t.flags.exit == exitByCommand && (t.was.status != 0 || t.broken == nil):
		status = t.was.status
	case t.flags.exit == exitByWorst && status != exitFound && t.was.status != 0:
		status = t.was.status
	}
	if status == exitClean && len(why) == 0 {
		return nil
	}
	return exitError{status, errors.New(strings.Join(why, "; "))}
}

func isShownText(output string) bool { return output == "text" || output == "text=-" }

// found is what the rulings come to, as an exit status, and why.
func (t *trial) found(ctx context.Context) (status int, why []string) {
	if n := t.taken.gated; n > 0 {
		status, why = exitFound, append(why, fmt.Sprintf("findings at %v or over: %d", t.gate.Least, n))
	}
	if t.broken != nil {
		why = append(why, strings.ReplaceAll(t.broken.Error(), "\n", "; "))
	}
	if status == exitClean {
		if text := t.inconclusive(ctx); text != "" {
			why = append(why, text)
		}
		if len(why) > 0 {
			status = exitUnknown
		}
	}
	return status, why
}

// inconclusive is why a run that found nothing says nothing all the same; empty if it does.
func (t *trial) inconclusive(ctx context.Context) string {
	s := &t.reports.stream.Summary
	asked := t.taken.asked
	missing := t.accepting.uncovered()
	switch {
	case asked == 0 && t.flags.noTraffic && missing == nil:
		return ""
	case asked == 0 && t.flags.noTraffic:
		return missing.Error()
	case asked == 0 && t.relay.Counts.Exchanges.Load() == 0:
		return fmt.Sprintf("no traffic: the command sent nothing to http://%s, which it gets in INTERLOCK_URL and INTERLOCK_WS_URL; --env NAME=ws://{addr}/path sets a variable of its own", t.address)
	case asked == 0:
		return fmt.Sprintf("no traffic: none of %s asked for an upgrade; --allow-no-traffic takes that as it is", count(int(t.relay.Counts.Exchanges.Load()), "exchange"))
	case t.taken.local == asked:
		return fmt.Sprintf("the backend %s was never reached; --wait 60s waits until it answers", t.backends[0])
	case s.Conclusive() == 0:
		return fmt.Sprintf("nothing conclusive: %s, %d of them unclear", count(asked, "upgrade exchange"), s.Verdicts[rules.Unclear])
	case missing != nil:
		return missing.Error()
	case !t.flags.probe:
		return ""
	case t.interrupted(ctx):
		return "stopped by a signal: not all was probed"
	case len(t.probed) == 0:
		return "nothing was probed: no endpoint switched soundly"
	}
	for i := range t.probed {
		if text := t.probed[i].inconclusive(); text != "" {
			return fmt.Sprintf("probes at %s: %s", shown(t.probed[i].String()), text)
		}
	}
	return ""
}

// inconclusive is why the probes say nothing; empty if they do.
func (p *probed) inconclusive() string {
	told := &probing{flags: &probeFlags{protocols: p.protocols}, was: p.was}
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
