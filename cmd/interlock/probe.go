package main

import (
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

func probeCommand() *cobra.Command {
	f := new(run.ProbeFlags)
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
			case f.List:
				return p.List(cmd.OutOrStdout())
			case f.Show != "":
				return p.Shows(cmd.OutOrStdout(), args)
			case f.Admin != "" || f.Endpoint != "":
				if len(args) > 0 || f.Admin == "" || f.Endpoint == "" {
					return exit.Usage("--admin and --endpoint belong together, and stand for the URL")
				}
				if err := onlyWithURL(cmd); err != nil {
					return err
				}
				return p.DoRemote(cmd.Context())
			case f.AsRecorded:
				return exit.Usage("--as-recorded goes with --admin and --endpoint: only a running interlock serve has recorded handshakes")
			case len(args) == 0:
				return exit.Usage("name the endpoint, such as http://127.0.0.1:3000/chat; interlock probe --list lists the probes")
			}
			return p.Do(cmd.Context(), args[0])
		},
	}
	addProbeFlags(cmd, f)
	gateFlags(cmd)
	acceptFlags(cmd)
	recordFlags(cmd, &f.Labels)
	locationFlag(cmd)
	for _, name := range []string{"only", "skip", "show"} {
		if err := cmd.RegisterFlagCompletionFunc(name, completeProbes); err != nil {
			panic(err) // the flag is not there: a mistake in the program
		}
	}
	return cmd
}

// addProbeFlags adds the flags to the command.
func addProbeFlags(cmd *cobra.Command, f *run.ProbeFlags) {
	s := cmd.Flags()
	s.StringArrayVarP(&f.Fields, "field", "H", nil, "field line of every request, 'Name: value', several times; @FILE reads lines from a file")
	s.StringVar(&f.Cookie, "cookie", "", "value of Cookie")
	s.StringVar(&f.Subprotocol, "subprotocol", "", "value of Sec-WebSocket-Protocol")
	s.StringVar(&f.Origin, "origin", "", "value of Origin")
	s.StringSliceVar(&f.Only, "only", nil, "IDs of probes or globs such as UPGRADE-H2C-*; others are not sent")
	s.StringSliceVar(&f.Skip, "skip", nil, "IDs of probes or globs; these are not sent")
	s.StringSliceVar(&f.Protocols, "protocol", nil, "families of probes: "+strings.Join(config.Families(), ", ")+" (default all)")
	s.IntVar(&f.Concurrency, "concurrency", 0, "probes under way at a time (default 16 to a loopback address, else 1)")
	s.Float64Var(&f.Rate, "rate", 0, "connections a second (default no limit to a loopback address, else 10)")
	s.DurationVar(&f.Timeout, "timeout", 2*time.Second, "until the head of an answer is there")
	s.BoolVar(&f.Insecure, "insecure", false, "take any certificate")
	s.StringVar(&f.Cert, "cert", "", "file with the certificate of the client, in PEM")
	s.StringVar(&f.Key, "key", "", "file with its key, in PEM")
	s.StringVar(&f.CA, "ca", "", "file with the authorities to trust, in PEM (default the system's)")
	s.StringVar(&f.SNI, "sni", "", "name to ask for in TLS (default the host of the URL)")
	s.BoolVar(&f.Risky, "risky", false, "send what is known to end servers, beyond loopback too")
	s.BoolVar(&f.UnsafeMethods, "unsafe-methods", false, "send PUT, DELETE, PATCH and content, beyond loopback too")
	s.BoolVar(&f.Exact, "exact", false, "no User-Agent that says who is probing")
	s.StringSliceVar(&f.Authorized, "authorized", nil, "host at a public address that is yours to probe")
	s.StringVar(&f.HandshakeCmd, "handshake-cmd", "", "shell command that prints a request head, or field lines, for each handshake: where they can be used once")
	s.BoolVar(&f.List, "list", false, "list the probes that would be sent, and send nothing")
	s.StringVar(&f.Show, "show", "", "show what the probe of that ID sends, and send nothing")
	s.BoolVar(&f.SeedCompat, "seed-compat", false, "send the five upgrade tests of Http11Probe to the byte, and score them as it does")
	s.StringVar(&f.Direct, "direct", "", "URL of the backend without what stands in between: failures are sent to both, to see whose fault they are")
	s.StringVar(&f.Admin, "admin", "", "admin address of a running interlock serve, which is to probe an endpoint that it has learned")
	s.StringVar(&f.AdminToken, "admin-token-file", "", "file with its token ("+config.Variable("admin-token-file")+")")
	s.StringVar(&f.Endpoint, "endpoint", "", "that endpoint, such as /chat")
	s.BoolVar(&f.AsRecorded, "as-recorded", false, "with --admin: use the credentials of the handshake that was recorded")
	s.StringArrayVarP(&f.Outputs, "output", "o", nil, "FORMAT[=FILE], several times: "+formatNames()+"; - is the standard output (default text)")
	s.BoolVar(&f.ASCII, "ascii", false, "no symbols outside ASCII")
}

// newProbing looks at all flags that mean something without a target.
func newProbing(cmd *cobra.Command, f *run.ProbeFlags) (*run.Probing, error) {
	c, gate, err := loadRules(cmd)
	if err != nil {
		return nil, err
	}
	if err := run.CheckPairs("label", "K=V", f.Labels); err != nil {
		return nil, err
	}
	p := &run.Probing{
		Flags: f, Config: c, Gate: gate, Screen: terminal.NewScreen(cmd.OutOrStdout(), cmd.ErrOrStderr()), Run: ulid.Make().String(), Began: time.Now(),
	}
	p.Width = p.Screen.Width()
	if p.Accepting, err = loadAccepting(cmd, &c, p.Screen); err != nil {
		return nil, err
	}
	if p.Options, err = reportOptions(cmd, &c, f.ASCII); err != nil {
		return nil, err
	}
	for i, name := range f.Protocols {
		if !slices.Contains(config.Families(), name) {
			return nil, exit.Usage("--protocol: %q is none of %s", f.Protocols[i], strings.Join(config.Families(), ", "))
		}
	}
	if f.Concurrency < 0 || f.Rate < 0 || f.Timeout <= 0 {
		return nil, exit.Usage("--concurrency, --rate and --timeout must not be less than 0, and the last one not 0")
	}
	if f.SeedCompat {
		p.Probes, err = run.SeedProbes(f)
		return p, err
	}
	p.Probes, err = probe.Select(rules.Probes(), f.Only, f.Skip)
	return p, err
}

// onlyWithURL refuses flags that say how probes are sent from here: what a running Interlock sends is made of what it has
// learned and of its own configuration.
func onlyWithURL(cmd *cobra.Command) error {
	for _, name := range []string{"field", "cookie", "subprotocol", "origin", "concurrency", "rate", "timeout", "insecure", "cert", "key", "ca", "sni",
		"exact", "authorized", "handshake-cmd", "direct", "seed-compat"} {
		if cmd.Flags().Changed(name) {
			return exit.Usage("--%s goes with a URL: with --admin it is the running Interlock that probes, as its own configuration says", name)
		}
	}
	if only, _ := cmd.Flags().GetStringSlice("protocol"); len(only) > 1 {
		return exit.Usage("--protocol: with --admin it is the one protocol of the handshake that was learned")
	}
	return nil
}

// completeProbes completes the ID of a probe.
func completeProbes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var ids []string
	for _, p := range rules.Probes() {
		ids = append(ids, p.ID+"\t"+p.Title)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
