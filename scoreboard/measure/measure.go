// Package measure starts the servers of recipes, one at a time, and sends them the probes of the
// scoreboard.
package measure

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/scoreboard/recipe"
	"github.com/interlock-proxy/interlock/scoreboard/results"
	"github.com/interlock-proxy/interlock/scoreboard/scope"
	"github.com/interlock-proxy/interlock/wire"
)

// concurrency is how many probes are sent at a time.
const concurrency = 8

// All measures the servers of recipes, one after the other. Say gets a line for people about each.
// The error is that of ctx, or says which servers are left out of the results because probes ended
// them; anything else that is wrong with a server is part of the result.
func All(ctx context.Context, recipes []*recipe.Recipe, interlock string, say func(string)) (*results.Run, error) {
	var unpublished []string
	run := &results.Run{
		Schema: results.Schema, Date: time.Now().UTC().Format(time.DateOnly), Interlock: interlock,
		Platform: runtime.GOOS + "/" + runtime.GOARCH, LeftOut: scope.LeftOut(), Failed: []results.Failed{}, Servers: []results.Server{},
	}
	for _, r := range recipes {
		began := time.Now()
		s, err := One(ctx, r, say)
		if ctx.Err() != nil {
			return run, ctx.Err()
		}
		if errors.Is(err, errEnded) {
			say(fmt.Sprintf("%s: not published: %v", r.ID, err))
			unpublished = append(unpublished, r.ID)
			continue
		}
		if err != nil {
			say(fmt.Sprintf("%s: %v", r.ID, err))
			run.Failed = append(run.Failed, results.Failed{ID: r.ID, Name: r.Name, Error: firstOf(err)})
			continue
		}
		say(fmt.Sprintf("%s %s: %s in %s", r.ID, s.Version, summary(s), time.Since(began).Round(time.Second)))
		run.Servers = append(run.Servers, *s)
	}
	if len(unpublished) > 0 {
		return run, fmt.Errorf("not published, because probes ended them: %q", unpublished)
	}
	return run, nil
}

// One measures the server of a recipe.
func One(ctx context.Context, r *recipe.Recipe, say func(string)) (*results.Server, error) {
	installed, err := r.Installed(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "scoreboard-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil { // for servers that do not run as root
		return nil, err
	}
	p, err := prepare(ctx, r, dir)
	if err != nil {
		return nil, err
	}
	s := &results.Server{
		ID: r.ID, Name: r.Name, Version: installed, Language: r.Language, Source: r.Version.Source(), Home: r.Home,
		Recipe: filepath.Join("recipes", r.ID, recipe.File), Note: r.Note,
	}
	s.Cells, s.Controls, err = p.rounds(ctx, say)
	return s, err
}

// rounds sends every probe twice, each time to a server that was started for it, and a third time if
// any cells differ. The majority counts. The third time all are sent, too, because some findings are
// made once, at the first probe that shows them.
func (p *prepared) rounds(ctx context.Context, say func(string)) ([]results.Cell, []results.Control, error) {
	probes := scope.Probes()
	first, controls, err := p.round(ctx, probes, say)
	if err != nil {
		return nil, nil, err
	}
	second, _, err := p.round(ctx, probes, say)
	if err != nil {
		return nil, nil, err
	}
	differs := func(id string) bool { return first[id] != nil && second[id] != nil && !Same(first[id], second[id]) }
	third := map[string]*results.Cell{}
	if slices.ContainsFunc(probes, func(q *rules.Probe) bool { return differs(q.ID) }) {
		if third, _, err = p.round(ctx, probes, say); err != nil {
			return nil, nil, err
		}
	}
	var cells []results.Cell
	for _, q := range probes {
		a, b, c := first[q.ID], second[q.ID], third[q.ID]
		if a == nil || b == nil {
			continue
		}
		if c != nil && differs(q.ID) {
			say(fmt.Sprintf("%s: %s differs: %s, %s, %s", p.ID, q.ID, brief(a), brief(b), brief(c)))
			if !Same(a, c) {
				a = c // it is like b, or all three differ
			}
		}
		cells = append(cells, *a)
	}
	return cells, controls, nil
}

// errEnded means that probes ended a server. What ends a server is not published: the operator is told,
// and the results do not have the server.
var errEnded = errors.New("it stopped answering during the probes")

// round starts the server, sends probes, and ends it.
func (p *prepared) round(ctx context.Context, probes []*rules.Probe, say func(string)) (map[string]*results.Cell, []results.Control, error) {
	s, err := p.start(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer s.stop()
	cells, report, err := p.send(ctx, s.addr, probes)
	if err != nil {
		return nil, nil, err
	}
	if !s.running() || report.Gone || len(report.Crashes) > 0 {
		for _, c := range report.Crashes {
			say(fmt.Sprintf("%s: stopped answering at %q", p.ID, c.Candidates))
		}
		return nil, nil, fmt.Errorf("%w\n%s", errEnded, s.said)
	}
	controls, err := accepted(&report)
	return cells, controls, err
}

// handshake is the valid handshake of a recipe.
func handshake(r *recipe.Recipe, addr string) *rules.Handshake {
	key := make([]byte, 16)
	_, _ = rand.Read(key)
	h := rules.NewHandshake("http", addr, r.Endpoint, base64.StdEncoding.EncodeToString(key))
	if r.Subprotocol != "" {
		probe.SetFields(h, []probe.Field{{Name: "Sec-WebSocket-Protocol", Value: r.Subprotocol}})
	}
	return h
}

// send sends probes to an address and judges the answers.
func (p *prepared) send(ctx context.Context, addr string, probes []*rules.Probe) (map[string]*results.Cell, probe.Report, error) {
	cells := map[string]*results.Cell{}
	a := audit.Audit{Each: func(r *rules.Ruling) {
		if r.X.Probe != "" {
			cells[r.X.Probe] = cellOf(r)
		}
	}}
	again := rules.History{First: func(string) bool { return false }}
	settings := probe.Settings{
		HTTP: probe.HTTP1, Run: "scoreboard", Concurrency: concurrency, UserAgent: audit.Agent + version.String(),
		Fails: func(x *wire.Exchange) bool {
			return rules.Classify(rules.Case{X: x, Options: &a.Options, Seen: again}).Verdict == rules.Fail
		},
	}
	report, err := probe.Run(ctx, probe.Target{Address: addr, Base: handshake(p.Recipe, addr)}, settings, probes, a.Observe, nil)
	return cells, report, err
}

// accepted returns the controls of a run, and an error if no valid WebSocket handshake was accepted.
func accepted(report *probe.Report) (controls []results.Control, err error) {
	err = errors.New("no valid handshake was sent")
	for i := range report.Controls {
		c := &report.Controls[i]
		one := results.Control{Probe: c.Probe, Protocol: c.Protocol, Accepted: c.Accepted}
		if c.Exchange != nil && c.Exchange.Response != nil {
			one.Status = c.Exchange.Response.Status
		}
		if c.Protocol == "websocket" {
			err = nil
			if !c.Accepted {
				err = fmt.Errorf("it does not accept a valid handshake: status %d %s", one.Status, c.Flaw)
			}
		}
		controls = append(controls, one)
	}
	if err == nil && report.Degraded {
		err = fmt.Errorf("it rejects valid handshakes after the probes; suspects: %q", report.Suspects)
	}
	return controls, err
}
