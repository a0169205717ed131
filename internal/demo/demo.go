package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
)

// Demo is a relay in front of each of two lab backends, and one audit.
type Demo struct {
	Out   *terminal.Output
	Admin string // where the page is served; empty: there is no page

	audit  *audit.Audit
	began  time.Time
	sites  []*site
	page   *page                      // nil: there is none
	runs   int                        // of probes
	probed struct{ fail, pass int64 } // probes, at all endpoints
	errc   chan error                 // the results of the parts that run in the background
	silent atomic.Bool                // stops the log
}

// site is a backend with a relay in front.
type site struct {
	name    string
	address string // of the relay
	backend *lab.Server
	relay   *proxy.Relay
}

// maxParts is how many parts run in the background: two relays, the page and its store.
const maxParts = 4

// Run starts both backends and their relays, runs the clients, probes, and reports to w. If there
// is a page, it is served until ctx ends.
func (d *Demo) Run(ctx context.Context, w io.Writer) error {
	d.audit = server.NewAudit(config.Defaults(), d.emit)
	d.errc, d.began = make(chan error, maxParts), time.Now()
	serving, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	err := d.run(serving, &running)
	if err == nil {
		err = d.report(w)
	}
	if d.page != nil && err == nil {
		d.page.settle(ctx, d.runs)
		fmt.Fprintf(w, "\n Still running. Open %s to see all of it, Ctrl-C to stop.\n", d.page.url())
		<-ctx.Done()
	}
	stop()
	running.Wait()
	for _, s := range d.sites {
		s.backend.Close()
	}
	close(d.errc)
	for failed := range d.errc {
		err = errors.Join(err, failed)
	}
	return err
}

// run starts everything, and returns when the traffic and the probes are over.
func (d *Demo) run(ctx context.Context, running *sync.WaitGroup) error {
	for _, each := range []struct{ name, lab string }{{"correct", "sound"}, {"vulnerable", "unsound"}} {
		s, ln, err := d.open(ctx, each.name, each.lab)
		if err != nil {
			return err
		}
		d.sites = append(d.sites, s)
		running.Go(func() { d.errc <- s.relay.Serve(ctx, ln) })
	}
	if d.Admin != "" {
		if err := d.openPage(ctx, running); err != nil {
			return err
		}
	}
	for i, traffic := range [][]step{correctTraffic(), vulnerableTraffic()} {
		s := d.sites[i]
		d.note(fmt.Sprintf("%s backend   http://%s %s %s", s.name, s.address, d.Out.Console.Arrow(), s.backend.URL))
		for _, v := range traffic {
			if err := v.make(ctx, s.address); err != nil && !v.fails {
				return fmt.Errorf("%s: %w", v.what, err)
			} else if err == nil && v.fails {
				return fmt.Errorf("%s: the client noticed nothing", v.what)
			}
		}
		s.settle(ctx)
		if err := d.probe(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// emit hands an event to the log until the report begins.
func (d *Demo) emit(e event.Event) {
	if !d.silent.Load() {
		d.Out.Emit(e)
	}
}

// settle waits briefly for the last connections of the site to end, so that its lines are together.
func (s *site) settle(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	for s.relay.Open() > 0 && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
}

// open starts a backend of the lab and a proxy in front of it.
func (d *Demo) open(ctx context.Context, name, kind string) (*site, net.Listener, error) {
	backend, err := lab.Start(kind)
	if err != nil {
		return nil, nil, err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		backend.Close()
		return nil, nil, err
	}
	relay := &proxy.Relay{Backend: &proxy.Backend{Route: name, Addresses: []string{backend.Addr}}, Observe: d.audit.Observe, Log: d.Out.Log}
	return &site{name: name, address: ln.Addr().String(), backend: backend, relay: relay}, ln, nil
}

// note prints a message between the log lines, in order.
func (d *Demo) note(text string) { d.Out.Emit(event.Event{Kind: event.Note, Text: text}) }

// report ends the log, and writes the failures and then the result.
func (d *Demo) report(w io.Writer) error {
	d.silent.Store(true)
	d.Out.Close()
	found := 0
	for _, f := range d.audit.Findings() {
		if f.Verdict != rules.Fail || f.Key.Probe != "" {
			continue
		}
		if found++; found == 1 {
			fmt.Fprintf(w, "\n failures\n")
		}
		fmt.Fprintf(w, "   %-30s %-9s %-24s %s\n", f.Key.Rule, f.Severity, f.Key.Endpoint, f.Detail)
	}
	sums := d.audit.Sums()
	fmt.Fprintf(w, "\n probes: %d failed, %d passed, at the endpoints that the traffic showed\n more about a rule: interlock rules ID\n %s\n",
		d.probed.fail, d.probed.pass, terminal.Result(d.audit))
	if sums.Unsafe == 0 || sums.Verdicts[rules.Pass] == 0 || d.probed.fail == 0 || d.probed.pass == 0 {
		return errors.New("traffic and probes did not show both a valid and an unsafe switch")
	}
	return nil
}
