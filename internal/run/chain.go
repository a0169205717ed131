package run

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// Chaining is one run of the command chain, through one hop or several. Of its flags it reads those
// about headers, TLS, time, selection and output.
type Chaining struct {
	Flags  *ProbeFlags
	Via    []string // URLs of hops
	Listen string   // where the sink listens; empty: a free port of 127.0.0.1
	Host   string   // the value of Host; empty: that of the URL
	Shared bool     // the hops serve others too
	Wait   time.Duration
	Least  rules.Severity // a failure of this severity or above is exit status 1
	Screen *terminal.Screen
	Times  chain.Times // zero: as in use
	Began  time.Time

	probes []*chain.Probe
	hops   []*passed
}

// passed is a hop that was probed.
type passed struct {
	place   place
	hop     chain.Hop
	results []chain.Result
	report  chain.Report
	failed  error // why nothing can be said
	gated   int   // failures that make the exit status 1
}

// Do probes the hops one after the other. Write writes the reports.
func (c *Chaining) Do(ctx context.Context, write func() error) error {
	if err := c.aim(ctx); err != nil {
		return err
	}
	sink, err := chain.Listen(cmp.Or(c.Listen, "127.0.0.1:0"))
	if err != nil {
		return exit.Usage("--listen: %w", err)
	}
	defer sink.Close()
	c.tell("make it forward to http://" + reachable(sink.Addr))
	for _, h := range c.hops {
		if err := c.probe(ctx, h, sink); err != nil {
			return err
		}
	}
	if err := write(); err != nil {
		return err
	}
	return c.result()
}

// reachable is an address of the sink that a hop can connect to.
func reachable(address string) string {
	host, port, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("ADDRESS-OF-THIS-HOST", port)
	}
	return address
}

// tell writes a line to the standard error.
func (c *Chaining) tell(text string) {
	if !c.Flags.Quiet {
		c.Screen.Complain(text)
	}
}

// aim resolves the URLs and reads the flags.
func (c *Chaining) aim(ctx context.Context) (err error) {
	if len(c.Via) == 0 {
		return exit.Usage("name the proxy with --via, such as --via http://127.0.0.1:8080; interlock chain --list lists the probes")
	}
	if c.Flags.Timeout <= 0 || c.Wait < 0 {
		return exit.Usage("--timeout must be more than 0, and --wait not less than 0")
	}
	if c.probes, err = chain.Select(c.Flags.Only, c.Flags.Skip); err != nil {
		return err
	}
	lines, err := c.Flags.FieldLines()
	if err != nil {
		return err
	}
	c.Times.Come = c.Flags.Timeout
	for _, url := range c.Via {
		h := new(passed)
		if h.place, err = parsePlace(url); err != nil {
			return err
		}
		if strings.Contains(h.place.target, "?") {
			return exit.Usage("--via %s: a query is not possible here, as each request has a path of its own below this one", h.place)
		}
		ips, err := h.place.find(ctx, c.Flags.Authorized)
		if err != nil {
			return err
		}
		h.hop = chain.Hop{Address: h.place.choose(ctx, ips), Host: h.place.host, Path: h.place.target}
		if c.Host != "" {
			h.hop.Host = c.Host
		}
		if h.hop.TLS, err = c.Flags.tlsConfig(h.place); err != nil {
			return err
		}
		for _, f := range lines {
			h.hop.Fields = append(h.hop.Fields, [2]string{f.Name, f.Value})
		}
		c.hops = append(c.hops, h)
	}
	return nil
}

// probe sends the probes through a hop, once that forwards to the sink. Its error is about us.
func (c *Chaining) probe(ctx context.Context, h *passed, sink *chain.Sink) error {
	if err := chain.Await(ctx, &h.hop, sink, c.Wait); err != nil {
		if ctx.Err() != nil {
			return exit.Unknown("stopped by a signal: %s did not forward a request yet", h.place)
		}
		h.failed = err
		return nil
	}
	step, done := func(int, int) {}, func() {}
	if !c.Flags.Quiet {
		step, done = c.Screen.Steps("probes through " + h.place.String())
	}
	settings := chain.Settings{Times: c.Times, Shared: c.Shared, Route: h.place.host}
	var err error
	h.report, err = chain.Run(ctx, &h.hop, sink, settings, c.probes, func(r chain.Result) {
		h.results = append(h.results, r)
		step(len(h.results), len(c.probes))
		for _, m := range r.Marks {
			if m.Verdict == rules.Fail && m.Severity >= c.Least {
				h.gated++
			}
		}
	})
	done()
	if ctx.Err() != nil {
		h.failed = errors.New("stopped by a signal")
		return nil
	}
	h.failed = err
	return nil
}

// result returns the result as an error.
func (c *Chaining) result() error {
	gated, why := 0, []string{}
	for _, h := range c.hops {
		if gated += h.gated; h.failed != nil {
			why = append(why, fmt.Sprintf("%s: %v", h.place, h.failed))
		}
	}
	if gated > 0 {
		why = append([]string{FindingsAt(rules.Gate{Least: c.Least}, gated).Error()}, why...)
		return exit.Error{Status: exit.StatusFound, Err: errors.New(strings.Join(why, "; "))}
	}
	if len(why) > 0 {
		return exit.Unknown("%s", strings.Join(why, "\n"))
	}
	return nil
}

// ListChain lists the probes of chain.
func ListChain(w io.Writer, width int) error {
	rows := [][]string{{"PROBE", "RISK", "NEEDS", "WHAT IT SENDS, AND WHAT A CORRECT PROXY DOES"}}
	for _, p := range chain.Probes() {
		needs := "-"
		if p.Needs == chain.NeedsTunnel {
			needs = "tunnel"
		}
		rows = append(rows, []string{p.ID, p.Risk.String(), needs, p.Label + ": " + strings.ToLower(p.Want[:1]) + p.Want[1:]})
	}
	var b bytes.Buffer
	writeTable(&b, rows, width)
	fmt.Fprintf(&b, "\n%s. RISK state: a backend other than the sink might do what the request says.\n", printed.Count(len(rows)-1, "probe"))
	_, err := w.Write(b.Bytes())
	return err
}
