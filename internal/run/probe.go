package run

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// ProbeFlags are the flags of the command.
type ProbeFlags struct {
	Fields                      []string
	Cookie, Subprotocol, Origin string
	Only, Skip, Protocols       []string
	Concurrency                 int
	Rate                        float64
	Timeout                     time.Duration
	Insecure                    bool
	Cert, Key, CA, SNI          string
	Risky, UnsafeMethods, Exact bool
	Authorized, Labels          []string
	HandshakeCmd                string
	List                        bool
	Show, Direct                string
	SeedCompat, ASCII           bool
	Admin, AdminToken, Endpoint string
	AsRecorded                  bool
	Outputs                     []string
}

// Probing is one run of the command.
type Probing struct {
	Flags     *ProbeFlags
	Config    config.Config
	Gate      rules.Gate
	Accepting *Accepting
	Screen    *terminal.Screen
	reports   *Reports
	Options   report.Options
	kept      *recording // nil: the run is not kept
	Run       string     // its name
	Began     time.Time
	Width     int // of the terminal; 0: there is none

	place  place
	target probe.Target
	Probes []*rules.Probe
	direct *direct // nil: none was named

	unmet  bool // the target cannot be probed at all
	tally  tally
	met    []probe.Control // what the sound handshakes got before the first probe
	was    probe.Report
	faults map[string]string // whose fault a failure is, by ID of the probe
	faulty []string          // these IDs, in their order
}

// Do probes the endpoint of that URL.
func (p *Probing) Do(ctx context.Context, url string) error {
	if err := p.aim(ctx, url); err != nil {
		return err
	}
	p.Accepting.about(rules.Template(p.place.target))
	if err := p.aimDirect(ctx); err != nil {
		return err
	}
	var err error
	document := &report.ProbeRun{Run: p.Run, Time: p.Began}
	p.reports, err = OpenReports(p.Flags.Outputs, p.Screen, p.Options, ownFormats{
		"text": p.newText,
		"json": func(w io.Writer, _ report.Options) (report.Writer, error) {
			return report.NewProbeJSON(w, document), nil
		},
	})
	if err != nil {
		return err
	}
	if p.kept, err = record(ctx, &p.Config, p.Screen, store.Run{ID: p.Run, Command: "probe", Origin: string(wire.OriginProbe), Began: p.Began}, p.Flags.Labels); err != nil {
		p.reports.Abandon()
		return err
	}
	defer p.kept.close()
	p.announce()
	p.was, err = p.send(ctx, p.target, p.Probes, p.entered)
	if err == nil && p.direct != nil {
		err = p.compare(ctx)
	}
	p.document(document)
	return p.end(err)
}

// aim finds out what is to be probed and whether it may be, and makes the base of the probes.
func (p *Probing) aim(ctx context.Context, url string) error {
	var err error
	if p.place, err = parsePlace(url); err != nil {
		return err
	}
	if p.target, err = p.at(ctx, p.place); err != nil {
		return err
	}
	key := "AAAAAAAAAAAAAAAAAAAAAA==" // each request gets a fresh one
	base := rules.NewHandshake(p.place.scheme, p.place.host, p.place.target, key)
	identity, err := server.IdentityFields(ctx, &p.Config.Probes.Identity, p.Screen.Stderr)
	if err != nil {
		return err
	}
	probe.SetFields(base, identity)
	if err := p.Flags.dress(base); err != nil {
		return err
	}
	p.target.Base = base
	if p.Flags.HandshakeCmd != "" {
		p.target.Handshake = probe.Supply(base, p.Flags.HandshakeCmd, p.Screen.Stderr)
	}
	return nil
}

// at is the target at a place, without a base.
func (p *Probing) at(ctx context.Context, where place) (probe.Target, error) {
	var t probe.Target
	config, err := p.Flags.tlsConfig(where)
	if err != nil {
		return t, err
	}
	ips, err := where.find(ctx, slices.Concat(p.Flags.Authorized, p.Config.Probes.Authorized))
	if err != nil {
		return t, err
	}
	return probe.Target{Address: where.choose(ctx, ips), TLS: config, Route: "default"}, nil
}
