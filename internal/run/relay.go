package run

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Run is a command and the proxy for its traffic.
type Run struct {
	Flags     *Flags
	Config    config.Config
	Gate      rules.Gate
	Accepting *Accepting
	Program   Program
	Run       string // its ID

	Screen  *terminal.Screen
	held    held // output of reports, held until the command has ended
	reports *Reports
	Options report.Options
	taken   taken
	kept    *recording // nil: the run is not stored

	audit      *audit.Audit
	hops       *server.Hops // nil until the run has begun
	relay      *proxy.Relay
	backends   []*proxy.Backend
	address    string // of the relay
	complaints complaints
	stop       context.CancelFunc // makes the relay drain
	running    sync.WaitGroup
	errc       chan error // the error of the relay; one

	was    ended
	probed []probed // endpoints, in their order
	broken error    // why the results are incomplete
}

// Target returns the target of the run in a form that can be shown: the backend or, if routes have
// backends of their own, all of them.
func (t *Run) Target() string {
	all := []string{t.Config.Backend}
	for i := range t.Config.Routes {
		if b := t.Config.Routes[i].Backend; !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	return strings.TrimSpace(strings.Join(all, " "))
}

// open opens the reports, and starts the relay.
func (t *Run) open(ctx context.Context) error {
	t.audit = server.NewAudit(t.Config, nil)
	t.audit.Each = t.entered
	var routes *server.Routing
	var err error
	if t.relay, routes, err = server.NewRelay(&t.Config, terminal.PlainLog(&t.complaints).Level(zerolog.WarnLevel), t.audit); err != nil {
		return err
	}
	t.backends = routes.Backends()
	about := store.Run{ID: t.Run, Command: "run " + t.Program.Name, Target: t.Target(), Origin: string(wire.OriginLive), Began: time.Now()}
	if t.kept, err = record(ctx, &t.Config, t.Screen, about, t.Flags.Labels); err != nil {
		return err
	}
	t.hops = server.NewHops(&t.Config, t.audit, t.kept.opened(), zerolog.Nop())
	ln, err := server.Listen(ctx, "the proxy", "127.0.0.1:0")
	if err != nil {
		return err
	}
	t.address = ln.Addr().String()
	if t.reports, err = t.openReports(); err != nil {
		ln.Close()
		return err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx)) // a signal is for the command, and its last traffic is still audited
	t.stop, t.errc = stop, make(chan error, 1)
	t.running.Go(func() { t.errc <- t.relay.Serve(serving, ln) })
	return nil
}

// openReports opens the outputs of the -o flags.
func (t *Run) openReports() (*Reports, error) {
	outputs := t.Flags.Outputs
	t.held.to = t.Screen.Stdout
	if len(outputs) == 0 {
		outputs, t.held.to = []string{"text"}, t.Screen.Stderr
	}
	return OpenReports(outputs, terminal.NewScreen(&t.held, t.Screen.Stderr), t.Options, ownFormats{"text": t.newText})
}

// drain waits until all open connections have ended.
func (t *Run) drain() {
	t.stop()
	t.running.Wait()
	select {
	case err := <-t.errc:
		t.broken = errors.Join(t.broken, err)
	default: // the result was received before
	}
	if t.hops != nil {
		t.hops.End(context.Background())
	}
	t.settle()
}

// close closes what the run has opened, at any stage.
func (t *Run) close() {
	t.drain()
	t.kept.close()
	t.reports.Abandon()
	t.held.discard()
}
