package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// probeFlags are the flags of the command.
type probeFlags struct {
	fields                      []string
	cookie, subprotocol, origin string
	only, skip, protocols       []string
	concurrency                 int
	rate                        float64
	timeout                     time.Duration
	insecure                    bool
	cert, key, ca, sni          string
	risky, unsafeMethods, exact bool
	authorized, labels          []string
	handshakeCmd                string
	list                        bool
	show, direct                string
	seedCompat, ascii           bool
	admin, adminToken, endpoint string
	asRecorded                  bool
	outputs                     []string
}

func probeCommand() *cobra.Command {
	f := new(probeFlags)
	cmd := &cobra.Command{
		Use: "probe URL", Short: "send malformed upgrade requests to an endpoint, and judge what it answers", Args: cobra.MaximumNArgs(1),
		Long: "Send sound handshakes with one thing wrong each, and judge every answer by the rules. A refusal counts only where a sound\n" +
			"handshake is accepted. Probe only what is yours: docs/safety.md says what probes can do to a backend.",
		Example: "  interlock probe http://127.0.0.1:3000/chat\n" +
			"  interlock probe --admin http://127.0.0.1:9426 --endpoint /chat\n" +
			"  interlock probe https://staging.internal/chat -H @credentials --origin https://staging.internal -o text -o json=probes.json\n" +
			"  interlock probe --show UPGRADE-POST",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := newProbing(cmd, f)
			switch {
			case err != nil:
				return err
			case f.list:
				return p.list(cmd.OutOrStdout())
			case f.show != "":
				return p.shows(cmd.OutOrStdout(), args)
			case f.admin != "" || f.endpoint != "":
				if len(args) > 0 || f.admin == "" || f.endpoint == "" {
					return usage("--admin and --endpoint belong together, and stand for the URL")
				}
				if err := onlyWithURL(cmd); err != nil {
					return err
				}
				return p.doRemote(cmd.Context())
			case f.asRecorded:
				return usage("--as-recorded goes with --admin and --endpoint: only a running interlock serve has recorded handshakes")
			case len(args) == 0:
				return usage("name the endpoint, such as http://127.0.0.1:3000/chat; interlock probe --list lists the probes")
			}
			return p.do(cmd.Context(), args[0])
		},
	}
	addProbeFlags(cmd, f)
	gateFlags(cmd)
	acceptFlags(cmd)
	recordFlags(cmd, &f.labels)
	locationFlag(cmd)
	for _, name := range []string{"only", "skip", "show"} {
		if err := cmd.RegisterFlagCompletionFunc(name, completeProbes); err != nil {
			panic(err) // the flag is not there: a mistake in the program
		}
	}
	return cmd
}

// addProbeFlags adds the flags to the command.
func addProbeFlags(cmd *cobra.Command, f *probeFlags) {
	s := cmd.Flags()
	s.StringArrayVarP(&f.fields, "field", "H", nil, "field line of every request, 'Name: value', several times; @FILE reads lines from a file")
	s.StringVar(&f.cookie, "cookie", "", "value of Cookie")
	s.StringVar(&f.subprotocol, "subprotocol", "", "value of Sec-WebSocket-Protocol")
	s.StringVar(&f.origin, "origin", "", "value of Origin")
	s.StringSliceVar(&f.only, "only", nil, "IDs of probes or globs such as UPGRADE-H2C-*; others are not sent")
	s.StringSliceVar(&f.skip, "skip", nil, "IDs of probes or globs; these are not sent")
	s.StringSliceVar(&f.protocols, "protocol", nil, "families of probes: "+strings.Join(families(), ", ")+" (default all)")
	s.IntVar(&f.concurrency, "concurrency", 0, "probes under way at a time (default 16 to a loopback address, else 1)")
	s.Float64Var(&f.rate, "rate", 0, "connections a second (default no limit to a loopback address, else 10)")
	s.DurationVar(&f.timeout, "timeout", 2*time.Second, "until the head of an answer is there")
	s.BoolVar(&f.insecure, "insecure", false, "take any certificate")
	s.StringVar(&f.cert, "cert", "", "file with the certificate of the client, in PEM")
	s.StringVar(&f.key, "key", "", "file with its key, in PEM")
	s.StringVar(&f.ca, "ca", "", "file with the authorities to trust, in PEM (default the system's)")
	s.StringVar(&f.sni, "sni", "", "name to ask for in TLS (default the host of the URL)")
	s.BoolVar(&f.risky, "risky", false, "send what is known to end servers, beyond loopback too")
	s.BoolVar(&f.unsafeMethods, "unsafe-methods", false, "send PUT, DELETE, PATCH and content, beyond loopback too")
	s.BoolVar(&f.exact, "exact", false, "no User-Agent that says who is probing")
	s.StringSliceVar(&f.authorized, "authorized", nil, "host at a public address that is yours to probe")
	s.StringVar(&f.handshakeCmd, "handshake-cmd", "", "shell command that prints a request head, or field lines, for each handshake: where they can be used once")
	s.BoolVar(&f.list, "list", false, "list the probes that would be sent, and send nothing")
	s.StringVar(&f.show, "show", "", "show what the probe of that ID sends, and send nothing")
	s.BoolVar(&f.seedCompat, "seed-compat", false, "send the five upgrade tests of Http11Probe to the byte, and score them as it does")
	s.StringVar(&f.direct, "direct", "", "URL of the backend without what stands in between: failures are sent to both, to see whose fault they are")
	s.StringVar(&f.admin, "admin", "", "admin address of a running interlock serve, which is to probe an endpoint that it has learned")
	s.StringVar(&f.adminToken, "admin-token-file", "", "file with its token ("+variable("admin-token-file")+")")
	s.StringVar(&f.endpoint, "endpoint", "", "that endpoint, such as /chat")
	s.BoolVar(&f.asRecorded, "as-recorded", false, "with --admin: use the credentials of the handshake that was recorded")
	s.StringArrayVarP(&f.outputs, "output", "o", nil, "FORMAT[=FILE], several times: "+formatNames()+"; - is the standard output (default text)")
	s.BoolVar(&f.ascii, "ascii", false, "no symbols outside ASCII")
}

// families are the protocols that probes are for.
func families() []string { return []string{"websocket", "h2c", "tls", "masque", "other"} }

// probing is one run of the command.
type probing struct {
	flags     *probeFlags
	config    config
	gate      rules.Gate
	accepting *accepting
	screen    *screen
	reports   *reports
	options   report.Options
	kept      *recording // nil: the run is not kept
	run       string     // its name
	began     time.Time
	width     int // of the terminal; 0: there is none

	place  place
	target probe.Target
	probes []*rules.Probe
	direct *direct // nil: none was named

	unmet  bool // the target cannot be probed at all
	tally  tally
	met    []probe.Control // what the sound handshakes got before the first probe
	was    probe.Report
	faults map[string]string // whose fault a failure is, by ID of the probe
	faulty []string          // these IDs, in their order
}

// newProbing looks at all flags that mean something without a target.
func newProbing(cmd *cobra.Command, f *probeFlags) (*probing, error) {
	c, gate, err := loadRules(cmd)
	if err != nil {
		return nil, err
	}
	if err := checkPairs("label", "K=V", f.labels); err != nil {
		return nil, err
	}
	p := &probing{
		flags: f, config: c, gate: gate, screen: newScreen(cmd.OutOrStdout(), cmd.ErrOrStderr()), run: ulid.Make().String(), began: time.Now(),
	}
	p.width = p.screen.width()
	if p.accepting, err = loadAccepting(cmd, &c, p.screen); err != nil {
		return nil, err
	}
	if p.options, err = reportOptions(cmd, &c, f.ascii); err != nil {
		return nil, err
	}
	for i, name := range f.protocols {
		if !slices.Contains(families(), name) {
			return nil, usage("--protocol: %q is none of %s", f.protocols[i], strings.Join(families(), ", "))
		}
	}
	if f.concurrency < 0 || f.rate < 0 || f.timeout <= 0 {
		return nil, usage("--concurrency, --rate and --timeout must not be less than 0, and the last one not 0")
	}
	if f.seedCompat {
		p.probes, err = seedProbes(f)
		return p, err
	}
	p.probes, err = selectProbes(rules.Probes(), f.only, f.skip)
	return p, err
}

// do probes the endpoint of that URL.
func (p *probing) do(ctx context.Context, url string) error {
	if err := p.aim(ctx, url); err != nil {
		return err
	}
	p.accepting.about(rules.Template(p.place.target))
	if err := p.aimDirect(ctx); err != nil {
		return err
	}
	var err error
	document := &report.ProbeRun{Run: p.run, Time: p.began}
	p.reports, err = openReports(p.flags.outputs, p.screen, p.options, ownFormats{
		"text": p.newText,
		"json": func(w io.Writer, _ report.Options) (report.Writer, error) {
			return report.NewProbeJSON(w, document), nil
		},
	})
	if err != nil {
		return err
	}
	if p.kept, err = record(ctx, &p.config, p.screen, store.Run{ID: p.run, Command: "probe", Origin: string(wire.OriginProbe), Began: p.began}, p.flags.labels); err != nil {
		p.reports.abandon()
		return err
	}
	defer p.kept.close()
	p.announce()
	p.was, err = p.send(ctx, p.target, p.probes, p.entered)
	if err == nil && p.direct != nil {
		err = p.compare(ctx)
	}
	p.document(document)
	return p.end(err)
}

// aim finds out what is to be probed and whether it may be, and makes the base of the probes.
func (p *probing) aim(ctx context.Context, url string) error {
	var err error
	if p.place, err = parsePlace(url); err != nil {
		return err
	}
	if p.target, err = p.at(ctx, p.place); err != nil {
		return err
	}
	key := "AAAAAAAAAAAAAAAAAAAAAA==" // each request gets a fresh one
	base := rules.NewHandshake(p.place.scheme, p.place.host, p.place.target, key)
	identity, err := identityFields(ctx, &p.config.Probes.Identity, p.screen.stderr)
	if err != nil {
		return err
	}
	setFields(base, identity)
	if err := p.flags.dress(base); err != nil {
		return err
	}
	p.target.Base = base
	if p.flags.handshakeCmd != "" {
		p.target.Handshake = supply(base, p.flags.handshakeCmd, p.screen.stderr)
	}
	return nil
}

// at is the target at a place, without a base.
func (p *probing) at(ctx context.Context, where place) (probe.Target, error) {
	var t probe.Target
	config, err := p.flags.tlsConfig(where)
	if err != nil {
		return t, err
	}
	ips, err := where.find(ctx, slices.Concat(p.flags.authorized, p.config.Probes.Authorized))
	if err != nil {
		return t, err
	}
	return probe.Target{Address: where.choose(ctx, ips), TLS: config, Route: "default"}, nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
