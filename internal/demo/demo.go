package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
)

// Demo is two lab backends, each with a relay before it, and one audit.
type Demo struct {
	Out    *terminal.Output
	audit  *audit.Audit
	probed struct{ fail, pass int64 } // probes, at all endpoints
}

// site is a backend with a relay in front.
type site struct {
	name    string
	address string // of the relay
	backend *lab.Server
	relay   *proxy.Relay
}

// Run starts both backends and their relays, runs the clients, and probes. With stay it continues
// to serve until ctx ends.
func (d *Demo) Run(ctx context.Context, stay bool) error {
	d.audit = server.NewAudit(config.Defaults(), d.Out.Emit)
	serving, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	var sites []*site
	errc := make(chan error, 2) // one for each relay
	for _, name := range []string{"sound", "unsound"} {
		s, ln, err := d.open(serving, name)
		if err != nil {
			return err
		}
		defer s.backend.Close()
		sites = append(sites, s)
		running.Go(func() { errc <- s.relay.Serve(serving, ln) })
	}
	for i, traffic := range [][]step{correctTraffic(), vulnerableTraffic()} {
		s := sites[i]
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
	if stay {
		d.note("serving on; a signal ends it")
		<-ctx.Done()
	}
	stop()
	running.Wait()
	return errors.Join(<-errc, <-errc)
}

// settle waits briefly for the last connections of the site to end, so that its lines are together.
func (s *site) settle(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	for s.relay.Open() > 0 && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
}

func (d *Demo) open(ctx context.Context, name string) (*site, net.Listener, error) {
	backend, err := lab.Start(name)
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

// note says something between the log lines, in their order.
func (d *Demo) note(text string) { d.Out.Emit(event.Event{Kind: event.Note, Text: text}) }

// Report writes the failures, and then the result.
func (d *Demo) Report(w io.Writer) error {
	found := 0
	for _, f := range d.audit.Findings() {
		if f.Verdict != rules.Fail {
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
		return exit.Unknown("the demo did not show both a sound and an unsafe switch, by traffic and by probes")
	}
	return nil
}
