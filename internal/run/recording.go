package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// recording stores a run of a command. A nil recording does nothing.
type recording struct {
	store  *store.Store
	writer *store.Writer
	run    store.Run
	screen *terminal.Screen
	stop   context.CancelFunc // stops the writer after the last ruling
	done   chan error         // the result of writing, sent once
}

// CheckPairs reports whether values of a flag are of the form NAME=VALUE.
func CheckPairs(flag, form string, pairs []string) error {
	for _, pair := range pairs {
		if name, _, ok := strings.Cut(pair, "="); !ok || name == "" || strings.ContainsFunc(pair, isControl) {
			return exit.Usage("--%s: %q must have the form %s", flag, pair, form)
		}
	}
	return nil
}

// record begins to store a run. It returns nil if the store is memory, or if the default store
// cannot be used. The caller calls close.
func record(ctx context.Context, c *config.Config, screen *terminal.Screen, run store.Run, labels []string) (*recording, error) {
	if c.Store == "memory" {
		return nil, nil
	}
	s, err := config.OpenStore(ctx, c, store.Options{})
	if err != nil && c.Store == "" {
		screen.Complain(fmt.Sprintf("this run is not kept: %v", err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	run.Version, run.Instance, run.Labels = version.String(), c.Instance, map[string]string{}
	for _, pair := range labels {
		key, value, _ := strings.Cut(pair, "=")
		run.Labels[key] = value
	}
	writing, stop := context.WithCancel(context.WithoutCancel(ctx)) // a run that a signal ends is also stored
	k := &recording{store: s, run: run, screen: screen, stop: stop, done: make(chan error, 1)}
	k.writer = &store.Writer{Store: s, Limits: c.Retention.Limits(), FindingsOnly: c.Evidence.Keep == config.KeepNone}
	k.writer.Begin(run)
	go func() { k.done <- k.writer.Run(writing) }()
	return k, nil
}

// opened returns the store, or nil if the run is not stored.
func (k *recording) opened() *store.Store {
	if k == nil {
		return nil
	}
	return k.store
}

// stopped records that the run did not complete.
func (k *recording) stopped() {
	if k != nil {
		k.run.Stopped = true
	}
}

// write stores a ruling.
func (k *recording) write(r *rules.Ruling) {
	if k != nil {
		k.writer.Write(r)
	}
}

// result stores a result of a probe without an exchange.
func (k *recording) result(r store.Result) {
	if k != nil {
		k.writer.Result(r)
	}
}

// notSent stores which probes were not sent to an endpoint, and why.
func (k *recording) notSent(was *probe.Report, backend, route, endpoint string) {
	if k == nil {
		return
	}
	for _, n := range was.NotSent {
		k.writer.Result(store.Result{
			Run: k.run.ID, Backend: backend, Route: route, Endpoint: endpoint, Probe: n.Probe.ID, Rule: n.Probe.Rule().ID, Verdict: "not-sent",
			Reason: n.Reason, Time: time.Now(),
		})
	}
}

// end stores the results of the run. An error says what was not stored.
func (k *recording) end(s *report.Summary) error {
	if k == nil {
		return nil
	}
	v := &s.Verdicts
	k.run.Ended = time.Now()
	k.run.Summary = map[string]int64{
		"fail": v[rules.Fail], "warn": v[rules.Warn], "unclear": v[rules.Unclear], "pass": v[rules.Pass], "not-applicable": v[rules.NotApplicable],
		"not-sent": s.NotSent, "accepted": s.Accepted, "new": s.New, "fixed": s.Fixed, "not-seen": s.NotSeen,
	}
	k.writer.End(k.run)
	return k.finish()
}

// close ends a recording without results, and reports what was not stored.
func (k *recording) close() {
	if err := k.finish(); err != nil {
		k.screen.Complain(err.Error())
	}
}

// finish waits until everything is written. The error says what is not.
func (k *recording) finish() error {
	if k == nil || k.store == nil {
		return nil
	}
	k.stop()
	err := <-k.done
	if err != nil {
		err = errors.New(wire.Escape([]byte(err.Error())))
	}
	if shed := k.writer.State().Shed; shed > 0 {
		k.screen.Complain(fmt.Sprintf("exchanges that the store does not have, as they came too fast: %d; all findings are counted", shed))
	}
	if closed := k.store.Close(); closed != nil {
		k.screen.Complain(closed.Error())
	}
	k.store = nil
	return err
}
