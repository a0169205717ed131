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
	HandshakeCmd, Targets, HTTP string
	List, Quiet, Verbose        bool
	Severity, Route             string
	Show, Direct                string
	SeedCompat, ASCII           bool
	Canary, H2CPath             string
	Admin, AdminToken, Endpoint string
	AsRecorded                  bool
	WaitBackend                 time.Duration
	ServerPID                   int
	Outputs                     []string
	Protected, Identities       []string
}

// Probing is one run of the command, over one endpoint or several.
type Probing struct {
	Flags     *ProbeFlags
	Config    config.Config
	Gate      rules.Gate
	Accepting *Accepting
	Screen    *terminal.Screen
	Probes    []*rules.Probe
	Options   report.Options
	Run       string // the ID of the run
	Began     time.Time

	reports *Reports
	kept    *recording // nil: the run is not stored
	sites   []*site    // endpoints, which are probed one after the other
	current *site      // the endpoint that is being probed, or was last
}

// Do probes the endpoints of these URLs.
func (p *Probing) Do(ctx context.Context, urls []string) error {
	for _, url := range urls {
		s, err := p.aim(ctx, url)
		if err != nil {
			return err
		}
		p.sites = append(p.sites, s)
	}
	if err := p.local(ctx); err != nil {
		return err
	}
	p.tellApart()
	p.Accepting.about(p.templates())
	if err := p.aimDirect(ctx); err != nil {
		return err
	}
	document := &report.ProbeRun{Run: p.Run, Time: p.Began, Command: p.Options.Command, Version: p.Options.Version}
	err := p.openReports(func(w io.Writer, _ report.Options) (report.Writer, error) {
		return report.NewProbeJSON(w, document), nil
	})
	if err != nil {
		return err
	}
	about := store.Run{ID: p.Run, Command: "probe", Target: TargetOf(urls), Origin: string(wire.OriginProbe), Began: p.Began}
	if p.kept, err = record(ctx, &p.Config, p.Screen, about, p.Flags.Labels); err != nil {
		p.reports.Abandon()
		return err
	}
	defer p.kept.close()
	for _, s := range p.sites {
		p.announce(s)
	}
	for _, s := range p.sites {
		s.failed = s.probe(ctx)
		document.Endpoints = append(document.Endpoints, s.document())
	}
	return p.end()
}

// openReports opens the outputs of the -o flags. document opens the writer for the document of the
// run.
func (p *Probing) openReports(document func(io.Writer, report.Options) (report.Writer, error)) (err error) {
	p.Options.Gate, p.Options.Quiet = &p.Gate, p.Flags.Quiet
	p.reports, err = OpenReports(p.Flags.Outputs, p.Screen, p.Options, ownFormats{"text": p.newText, "json": document})
	return err
}

// templates are the endpoints of all sites.
func (p *Probing) templates() (all []string) {
	for _, s := range p.sites {
		all = append(all, s.template())
	}
	return all
}

// tellApart gives sites with different hosts the host as their route, so that findings at the same
// path of two hosts stay separate.
func (p *Probing) tellApart() {
	for _, s := range p.sites {
		if s.place.host != p.sites[0].place.host || s.place.scheme != p.sites[0].place.scheme {
			for _, s := range p.sites {
				s.target.Route = s.place.host
			}
			return
		}
	}
}

// aim determines the targets, checks whether they may be probed, and makes the bases of the probes.
func (p *Probing) aim(ctx context.Context, url string) (*site, error) {
	s := &site{run: p}
	var err error
	if s.place, err = parsePlace(url); err != nil {
		return nil, err
	}
	if s.target, err = p.at(ctx, s.place); err != nil {
		return nil, err
	}
	key := "AAAAAAAAAAAAAAAAAAAAAA==" // a placeholder; each request gets a fresh key
	base := rules.NewHandshake(s.place.scheme, s.place.host, s.place.target, key)
	identity, err := server.IdentityFields(ctx, &p.Config.Probes.Identity, p.Screen.Stderr)
	if err != nil {
		return nil, err
	}
	probe.SetFields(base, identity)
	if err := p.Flags.dress(base); err != nil {
		return nil, err
	}
	s.target.Base, s.target.Inside = base, p.Flags.H2CPath
	if err := p.identify(s); err != nil {
		return nil, err
	}
	if err := s.speaking(); err != nil {
		return nil, err
	}
	if p.Flags.HandshakeCmd != "" {
		s.target.Handshake = probe.Supply(s.target.Base, p.Flags.HandshakeCmd, p.Screen.Stderr)
	}
	return s, nil
}

// at returns the target for a place, without a base.
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
	return probe.Target{Address: where.choose(ctx, ips), TLS: config, TLSFlags: p.Flags.tlsFlags(where), Route: "default"}, nil
}
