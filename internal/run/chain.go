package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Chaining is one run of the command chain, through one hop or several. Of its flags it reads those
// about headers, TLS, time, selection and output.
type Chaining struct {
	Flags     *ProbeFlags
	Via       []string // URLs of hops, each also as NAME=URL
	Listen    string   // where the sink listens; empty: a free port of 127.0.0.1
	Host      string   // the value of Host; empty: that of the URL
	Protected string   // a path that the hops reject; empty: none is known
	Shared    bool     // the hops serve others too
	HTTP      string   // the versions in which the client speaks to the hops: 1.1, 2 or both
	Wait      time.Duration
	Config    config.Config
	Gate      rules.Gate
	Accepting *Accepting
	Options   report.Options
	Screen    *terminal.Screen
	Times     chain.Times // zero: as in use
	Run       string      // the ID of the run
	Began     time.Time

	versions chain.Versions
	probes   []*chain.Probe
	hops     []*passed
	reports  *Reports
	kept     *recording // nil: the run is not stored
}

// passed is a hop that was probed.
type passed struct {
	route   string // its name
	place   place
	hop     chain.Hop
	results []chain.Result // with the states of their findings
	report  chain.Report
	failed  error // why nothing can be said
	gated   int   // findings that make the exit status 1
}

// endpoint is the endpoint of all exchanges through the hop: each request has a path of its own below
// that one.
func (h *passed) endpoint() string { return rules.Template(h.place.target) }

// Do probes the hops one after the other and writes the reports.
func (c *Chaining) Do(ctx context.Context) error {
	if err := c.aim(ctx); err != nil {
		return err
	}
	sink, err := chain.Listen(cmp.Or(c.Listen, "127.0.0.1:0"))
	if err != nil {
		return exit.Usage("--listen: %w", err)
	}
	defer sink.Close()
	c.Options.Gate, c.Options.Quiet, c.Options.Target = &c.Gate, c.Flags.Quiet, HopsOf(c.Via)
	if c.reports, err = OpenReports(c.Flags.Outputs, c.Screen, c.Options, ownFormats{"text": c.newText, "json": c.newJSON}); err != nil {
		return err
	}
	about := store.Run{ID: c.Run, Command: "chain", Target: c.Options.Target, Origin: string(wire.OriginChain), Began: c.Began}
	if c.kept, err = record(ctx, &c.Config, c.Screen, about, c.Flags.Labels); err != nil {
		c.reports.Abandon()
		return err
	}
	defer c.kept.close()
	c.tell("make it forward to http://" + reachable(sink.Addr))
	for _, h := range c.hops {
		c.probe(ctx, h, sink)
	}
	return c.end()
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
	if c.Protected != "" && !chain.IsPath(c.Protected) {
		return exit.Usage("--protected: %q must be a path that the proxy rejects, without a query, such as /admin", c.Protected)
	}
	if c.versions, err = chain.ParseVersions(c.HTTP); err != nil {
		return err
	}
	if c.probes, err = chain.Select(c.Flags.Only, c.Flags.Skip, c.Protected != "", c.versions); err != nil {
		return err
	}
	lines, err := c.Flags.FieldLines()
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(lines, func(f probe.Field) bool { return c.versions != chain.HTTP1 && !chain.InHTTP2(f.Name, f.Value) }); i >= 0 {
		return exit.Usage("-H %s: HTTP/2 does not allow this header; leave it out, or use --http 1.1", lines[i].Name)
	}
	c.Times.Come = c.Flags.Timeout
	for i, via := range c.Via {
		if slices.Contains(c.Via[:i], via) {
			return exit.Usage("--via %s is given twice; to probe it twice, name it twice, as in --via one=URL --via two=URL", via)
		}
		h, err := c.hopOf(ctx, via)
		if err != nil {
			return err
		}
		for _, f := range lines {
			h.hop.Fields = append(h.hop.Fields, [2]string{f.Name, f.Value})
		}
		c.hops = append(c.hops, h)
	}
	var endpoints []string
	for _, h := range c.hops {
		endpoints = append(endpoints, h.endpoint())
	}
	c.Accepting.about(endpoints)
	return nil
}

// hopOf returns the hop that a value of --via names.
func (c *Chaining) hopOf(ctx context.Context, via string) (*passed, error) {
	h := new(passed)
	name, url := nameOf(via)
	var err error
	if h.place, err = parsePlace(url); err != nil {
		return nil, err
	}
	if strings.Contains(h.place.target, "?") {
		return nil, exit.Usage("--via %s: a query is not possible here, as each request has a path of its own below this one", h.place)
	}
	ips, err := h.place.find(ctx, slices.Concat(c.Flags.Authorized, c.Config.Probes.Authorized))
	if err != nil {
		return nil, err
	}
	h.hop = chain.Hop{Address: h.place.choose(ctx, ips), Host: cmp.Or(c.Host, h.place.host), Path: h.place.target, Protected: c.Protected, TLSFlags: c.Flags.tlsFlags(h.place)}
	if h.hop.TLS, err = c.Flags.tlsConfig(h.place); err != nil {
		return nil, err
	}
	h.route = cmp.Or(name, h.place.host)
	for n := 2; slices.ContainsFunc(c.hops, func(other *passed) bool { return other.route == h.route }); n++ {
		h.route = fmt.Sprintf("%s-%d", cmp.Or(name, h.place.host), n)
	}
	return h, nil
}

// named matches the name of a hop in a value of --via.
var named = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]{0,63})=(.*)$`)

// nameOf divides NAME=URL. The name is empty where there is none.
func nameOf(via string) (name, url string) {
	if m := named.FindStringSubmatch(via); m != nil {
		return m[1], m[2]
	}
	return "", via
}

// HopsOf names the hops of these values of --via, as a run that is kept is known by. It is empty where
// one of them is none.
func HopsOf(vias []string) string {
	var urls []string
	for _, via := range vias {
		_, url := nameOf(via)
		urls = append(urls, url)
	}
	return TargetOf(urls)
}

// probe sends the probes through a hop, once that forwards to the sink.
func (c *Chaining) probe(ctx context.Context, h *passed, sink *chain.Sink) {
	if h.failed = chain.Await(ctx, &h.hop, sink, c.Wait); ctx.Err() != nil {
		h.failed = errors.New("stopped by a signal: it did not forward a request yet")
	}
	if h.failed != nil {
		return
	}
	step, done := func(int, int) {}, func() {}
	if !c.Flags.Quiet {
		step, done = c.Screen.Steps("probes through " + h.place.String())
	}
	options := c.rules(h)
	settings := chain.Settings{
		Times: c.Times, Shared: c.Shared, Route: h.route, Options: &options, Step: step,
		NewID: func(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() },
	}
	h.report, h.failed = chain.Run(ctx, &h.hop, sink, settings, c.probes, func(r chain.Result) {
		c.enter(h, r)
	})
	done()
	if h.failed == nil && c.versions == chain.HTTP2 && !h.report.HTTP2 {
		h.failed = errors.New("it does not speak HTTP/2, by prior knowledge or in TLS; try --http 1.1")
	}
	if ctx.Err() != nil {
		h.failed = errors.New("stopped by a signal")
	}
}

// rules are the options of the rulebook for what is sent through a hop: the values of the user's own
// headers are secret on both sides.
func (c *Chaining) rules(h *passed) rules.Options {
	o := c.Config.RuleOptions()
	o.Full = false
	o.Redact.Names = slices.Clone(o.Redact.Names)
	for _, f := range h.hop.Fields {
		if !wire.EqualFold(f[0], "Host") {
			o.Redact.Names = append(o.Redact.Names, f[0])
		}
	}
	return o
}

// enter adds a result to the reports and the store.
func (c *Chaining) enter(h *passed, r chain.Result) {
	ruling := r.Ruling
	ruling.Run, ruling.Instance, ruling.Endpoint = c.Run, c.Config.Instance, h.endpoint()
	ruling.Diagnoses = diagnose.Of(ruling)
	r.Ruling = c.Accepting.enter(ruling)
	for i := range r.Ruling.Findings {
		if c.Gate.Holds(&r.Ruling.Findings[i]) {
			h.gated++
		}
	}
	h.results = append(h.results, r)
	if len(r.Near.Request.Raw) > 0 {
		c.kept.write(r.Ruling)
	} else {
		c.kept.result(c.result(h, r.Probe, r.Verdict.String(), r.Why))
	}
	c.reports.Stream.Write(r.Ruling)
	c.reports.Pass()
}

// result is the result of a probe without an exchange.
func (c *Chaining) result(h *passed, p *chain.Probe, verdict, reason string) store.Result {
	return store.Result{
		Run: c.Run, Backend: h.hop.Address, Route: h.route, Endpoint: h.endpoint(), Probe: p.ID, Rule: p.Rule, Verdict: verdict, Reason: reason, Time: time.Now(),
	}
}
