package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// trial is a command and the proxy that its traffic goes through.
type trial struct {
	flags     *runFlags
	config    config
	gate      rules.Gate
	accepting *accepting
	program   program
	run       string // its name

	screen  *screen
	held    held // what goes to the standard output or error when the command has ended
	reports *reports
	options report.Options
	taken   taken
	kept    *recording // nil: the run is not kept

	ledger     *audit.Audit
	relay      *proxy.Relay
	backends   []*proxy.Backend
	address    string // of the relay
	complaints complaints
	stop       context.CancelFunc // lets the relay drain
	running    sync.WaitGroup
	errc       chan error // what the relay ended with; one

	was    ended
	probed []probed // endpoints, in their order
	broken error    // what kept us from telling it all
}

// newTrial looks at all that can be wrong before anything starts.
func newTrial(cmd *cobra.Command, f *runFlags, args []string) (*trial, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, usage("name the command to run, as in interlock run --backend http://127.0.0.1:3000 -- npm test")
	}
	t := &trial{flags: f, run: ulid.Make().String(), screen: newScreen(cmd.OutOrStdout(), cmd.ErrOrStderr())}
	var err error
	if t.config, t.gate, err = loadTrial(cmd); err != nil {
		return nil, err
	}
	if t.accepting, err = loadAccepting(cmd, &t.config, t.screen); err != nil {
		return nil, err
	}
	if t.options, err = reportOptions(cmd, &t.config, f.ascii); err != nil {
		return nil, err
	}
	t.program, err = findProgram(cmd, args)
	return t, err
}

// open opens the reports, and starts the relay.
func (t *trial) open(ctx context.Context) error {
	t.ledger = newAudit(t.config, zerolog.Nop())
	t.ledger.Each = t.entered
	var routes *routing
	var err error
	if t.relay, routes, err = newRelay(&t.config, zerolog.New(&t.complaints).Level(zerolog.WarnLevel), t.ledger); err != nil {
		return err
	}
	t.backends = routes.backends()
	about := store.Run{ID: t.run, Command: "run " + t.program.name, Origin: string(wire.OriginLive), Began: time.Now()}
	if t.kept, err = record(ctx, &t.config, t.screen, about, t.flags.labels); err != nil {
		return err
	}
	ln, err := listen(ctx, "the proxy", "127.0.0.1:0")
	if err != nil {
		return err
	}
	t.address = ln.Addr().String()
	if t.reports, err = t.openReports(); err != nil {
		ln.Close()
		return err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx)) // a signal is for the command, whose last words are traffic too
	t.stop, t.errc = stop, make(chan error, 1)
	t.running.Go(func() { t.errc <- t.relay.Serve(serving, ln) })
	return nil
}

// openReports opens what the -o flags ask for.
func (t *trial) openReports() (*reports, error) {
	outputs := t.flags.outputs
	t.held.to = t.screen.stdout
	if len(outputs) == 0 {
		outputs, t.held.to = []string{"text"}, t.screen.stderr
	}
	return openReports(outputs, newScreen(&t.held, t.screen.stderr), t.options, ownFormats{"text": t.newText})
}

// drain lets what is under way come to an end, and waits for it.
func (t *trial) drain() {
	t.stop()
	t.running.Wait()
	select {
	case err := <-t.errc:
		t.broken = errors.Join(t.broken, err)
	default: // it was taken before
	}
	t.settle()
}

// close ends what the trial has opened, wherever it ended.
func (t *trial) close() {
	t.drain()
	t.kept.close()
	t.reports.abandon()
	t.held.discard()
}
