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
		Use: "probe URL...", Short: "Send malformed handshakes to endpoints and check the answers", Args: cobra.ArbitraryArgs,
		Long: "Send handshakes to an endpoint, each valid except for one defect, and check every answer against the rules. " +
			"A rejection counts as a pass only if a valid handshake is accepted before and after it. Only probe backends that you own.",
		Example: "  interlock probe http://127.0.0.1:3000/chat\n" +
			"  interlock probe --admin http://127.0.0.1:9426 --endpoint /chat\n" +
			"  interlock probe https://staging.internal/chat -H @credentials --origin https://staging.internal\n" +
			"  interlock probe --targets urls.txt -o html=report.html",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			aimed := !f.List && f.Show == "" && f.Admin == "" && f.Endpoint == "" && !f.AsRecorded && f.Route == ""
			urls := args
			var err error
			if aimed {
				if urls, err = run.Targets(args, f.Targets, cmd.InOrStdin()); err != nil {
					return err
				}
			}
			p, err := newProbing(cmd, f, run.TargetOf(urls))
			switch {
			case err != nil:
				return err
			case f.List:
				return p.List(cmd.OutOrStdout(), p.Screen.Width())
			case f.Show != "":
				return p.Shows(cmd.OutOrStdout(), args)
			case f.Admin != "" || f.Endpoint != "":
				if len(args) > 0 || f.Targets != "" || f.Admin == "" || f.Endpoint == "" {
					return exit.Usage("use --admin and --endpoint together, without a URL")
				}
				if err := onlyWithURL(cmd); err != nil {
					return err
				}
				return p.DoRemote(cmd.Context())
			case f.AsRecorded:
				return exit.Usage("--as-recorded requires --admin and --endpoint: only a running interlock serve has recorded handshakes")
			case f.Route != "":
				return exit.Usage("--route requires --admin and --endpoint: only a running interlock serve has routes")
			}
			if len(urls) > 1 && (f.Direct != "" || f.HandshakeCmd != "" || len(f.Identities) > 0 || f.ServerPID != 0) {
				return exit.Usage("--direct, --handshake-cmd, --identity and --server-pid require a single URL")
			}
			if p.Probes = probe.Possible(p.Probes, len(f.Identities)); len(p.Probes) == 0 {
				return exit.Usage("these probes need two identities: give --identity NAME=@FILE for each")
			}
			return p.Do(cmd.Context(), urls)
		},
	}
	addProbeFlags(cmd, f)
	gateFlags(cmd)
	acceptFlags(cmd)
	recordFlags(cmd, &f.Labels)
	locationFlag(cmd)
	groupProbeFlags(cmd)
	return cmd
}

// newProbing looks at all flags that mean something without a target, which is only needed to find earlier runs of the same.
func newProbing(cmd *cobra.Command, f *run.ProbeFlags, target string) (*run.Probing, error) {
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
	if p.Accepting, err = loadAccepting(cmd, &c, p.Screen, target); err != nil {
		return nil, err
	}
	if p.Options, err = reportOptions(cmd, &c, f.ASCII); err != nil {
		return nil, err
	}
	for i, name := range f.Protocols {
		if !slices.Contains(config.Families(), name) {
			return nil, exit.Usage("--protocol: must be one of %s, not %q", strings.Join(config.Families(), ", "), f.Protocols[i])
		}
	}
	if p.Options.Least, err = rules.ParseSeverity(f.Severity); err != nil {
		return nil, exit.Usage("--severity: %w", err)
	}
	if err := run.CheckHTTP(f.HTTP); err != nil {
		return nil, err
	}
	if f.Concurrency < 0 || f.Rate < 0 || f.Timeout <= 0 {
		return nil, exit.Usage("--concurrency, --rate-limit and --timeout must not be less than 0, and --timeout not 0")
	}
	if err := run.CheckCanary(f.Canary); err != nil {
		return nil, err
	}
	if f.H2CPath != "" && (f.H2CPath[0] != '/' || strings.ContainsAny(f.H2CPath, " \t\r\n#")) {
		return nil, exit.Usage("--h2c-path: must be a path such as /admin, not %q", f.H2CPath)
	}
	if f.WaitBackend <= 0 {
		return nil, exit.Usage("--wait-backend must be more than 0, not %v", f.WaitBackend)
	}
	if cmd.Flags().Changed("server-pid") {
		if f.ServerPID <= 0 {
			return nil, exit.Usage("--server-pid must be the ID of a process, not %d", f.ServerPID)
		}
		if _, err := probe.UsageOf(f.ServerPID); err != nil {
			return nil, exit.Usage("--server-pid %d: cannot read what this process has in use: %v", f.ServerPID, err)
		}
	}
	if f.SeedCompat {
		p.Probes, err = run.SeedProbes(f)
		return p, err
	}
	p.Probes, err = probe.Select(rules.Probes(), f.Only, f.Skip)
	return p, err
}

// onlyWithURL rejects flags about sending probes from here: a running Interlock sends probes of its
// own learned handshakes and configuration.
func onlyWithURL(cmd *cobra.Command) error {
	for _, name := range []string{"header", "cookie", "subprotocol", "origin", "concurrency", "rate-limit", "timeout", "insecure", "client-cert", "client-key", "ca-cert", "sni",
		"exact", "authorized", "handshake-cmd", "canary", "h2c-path", "direct", "seed-compat", "targets", "protected", "identity", "wait-backend", "server-pid"} {
		if cmd.Flags().Changed(name) {
			return exit.Usage("--%s requires a URL: with --admin, the running Interlock probes with its own configuration", name)
		}
	}
	if only, _ := cmd.Flags().GetStringSlice("protocol"); len(only) > 1 {
		return exit.Usage("--protocol: give one protocol with --admin, that of the learned handshake")
	}
	return nil
}

// completeProbes completes the ID of a probe.
func completeProbes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var ids []string
	for _, p := range rules.Probes() {
		ids = append(ids, p.ID+"\t"+p.Label)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
