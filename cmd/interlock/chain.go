package main

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

func chainCommand() *cobra.Command {
	f, c := new(run.ProbeFlags), new(run.Chaining)
	var recipe string
	cmd := &cobra.Command{
		Use: "chain --via URL [flags]", Short: "Check what a proxy in between does to upgrades", Args: cobra.NoArgs,
		Long: "Send handshakes through a proxy to a backend of Interlock's own, and compare both sides: what the proxy adds,\n" +
			"removes, lets through too early or sends to the wrong client. The command prints the address to which the proxy\n" +
			"must forward, waits until it does, and begins. Only probe proxies that you own.",
		Example: "  interlock chain --recipe nginx > nginx.conf\n" +
			"  interlock chain --via http://127.0.0.1:8080 --listen 127.0.0.1:9555\n" +
			"  interlock chain --via https://staging.internal/ws --listen 10.0.0.5:9555 --shared\n" +
			"  interlock chain --via old=http://127.0.0.1:8080 --via new=http://127.0.0.1:8081 -o html=chain.html",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Flags, c.Screen = f, terminal.NewScreen(cmd.OutOrStdout(), cmd.ErrOrStderr())
			switch {
			case recipe != "" && len(c.Via) > 0:
				return exit.Usage("--recipe prints a configuration and sends nothing: leave out --via")
			case recipe != "":
				return printRecipe(cmd.OutOrStdout(), recipe, c.Listen)
			case f.List:
				return run.ListChain(cmd.OutOrStdout(), c.Screen.Width())
			}
			if err := prepareChaining(cmd, c); err != nil {
				return err
			}
			return c.Do(cmd.Context())
		},
	}
	s := cmd.Flags()
	s.StringArrayVar(&c.Via, "via", nil, "`URL` of the proxy, or NAME=URL; several are compared")
	s.StringVar(&c.Listen, "listen", "", "`address` of Interlock's backend (default a free port)")
	s.StringVar(&recipe, "recipe", "", "print a minimal configuration of this `proxy` and exit")
	s.StringVar(&c.Host, "host", "", "`value` of the Host header (default that of the URL)")
	s.StringArrayVarP(&f.Fields, "header", "H", nil, "`HEADER` to send, 'Name: value'; @FILE reads a file")
	s.StringSliceVar(&f.Only, "only", nil, "send only these `probes`: IDs or globs, and the controls")
	s.StringSliceVar(&f.Skip, "skip", nil, "do not send these `probes`: IDs or globs")
	s.StringVar(&c.Protected, "protected", "", "`path` that the proxy rejects, to try to reach through it")
	s.StringVar(&c.HTTP, "http", "1.1", "`version` of HTTP to the proxy: 1.1, 2 or both")
	s.BoolVar(&c.Shared, "shared", false, "others use the proxy: leave out what could meet them")
	s.DurationVar(&c.Wait, "wait", time.Minute, "wait up to `duration` until the proxy forwards")
	s.DurationVar(&f.Timeout, "timeout", 3*time.Second, "how long to wait for a response")
	s.StringSliceVar(&f.Authorized, "authorized", nil, "public `host` that you may probe")
	s.BoolVar(&f.List, "list", false, "list the probes and exit")
	s.BoolVarP(&f.Quiet, "quiet", "q", false, "print only the answer")
	s.BoolVarP(&f.Verbose, "verbose", "v", false, "print a line for every probe, passes too")
	tlsFlags(cmd, f)
	s.StringArrayVarP(&f.Outputs, "output", "o", nil, outputUsage)
	asciiFlag(cmd, &f.ASCII)
	gateFlags(cmd)
	acceptFlags(cmd)
	recordFlags(cmd, &f.Labels)
	locationFlag(cmd)
	outputFlag(cmd)
	help.Group(cmd, help.Target, "via", "listen", "recipe", "wait", "authorized")
	help.Group(cmd, help.Send, "host", "header", "only", "skip", "protected", "http", "shared", "list")
	help.Group(cmd, help.Output, "quiet", "verbose")
	help.Group(cmd, help.Credentials, "insecure", "client-cert", "client-key", "ca-cert", "sni")
	help.Group(cmd, help.Limits, "timeout")
	help.Rare(cmd, "sni", "ascii", "rules-as-of", "label")
	completeFixed(cmd, "recipe", recipeNames()...)
	for _, name := range []string{"only", "skip"} {
		complete(cmd, name, completePassages)
	}
	return cmd
}

// prepareChaining reads the flags that a run of chain shares with other runs.
func prepareChaining(cmd *cobra.Command, c *run.Chaining) (err error) {
	c.Run, c.Began = ulid.Make().String(), time.Now()
	if c.Config, c.Gate, err = loadRules(cmd); err != nil {
		return err
	}
	if err := run.CheckPairs("label", "K=V", c.Flags.Labels); err != nil {
		return err
	}
	if c.Accepting, err = loadAccepting(cmd, &c.Config, c.Screen, run.HopsOf(c.Via)); err != nil {
		return err
	}
	c.Options, err = reportOptions(cmd, &c.Config, c.Flags.ASCII)
	return err
}

// completePassages completes the ID of a probe of chain.
func completePassages(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var ids []string
	for _, p := range chain.EveryProbe() {
		ids = append(ids, p.ID+"\t"+p.Label)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

func recipeNames() (names []string) {
	for _, r := range chain.Recipes() {
		names = append(names, r.Name)
	}
	return names
}

// The addresses of recipes: of the proxy, and of its backend unless --listen says so.
const (
	recipeListen = "127.0.0.1:8080"
	recipeSink   = "127.0.0.1:9555"
)

// printRecipe writes the configuration of a proxy that forwards to the sink.
func printRecipe(w io.Writer, name, listen string) error {
	listen = cmp.Or(listen, recipeSink)
	if _, _, err := net.SplitHostPort(listen); err != nil {
		return exit.Usage("--listen: %q must be an address with a port, such as %s", listen, recipeSink)
	}
	all := chain.Recipes()
	i := slices.IndexFunc(all, func(r chain.Recipe) bool { return r.Name == name })
	if i < 0 {
		return exit.Usage("--recipe: no recipe for %q; there are %s", name, strings.Join(recipeNames(), ", "))
	}
	then := fmt.Sprintf("Then: interlock chain --via http://%s --listen %s", recipeListen, listen)
	_, err := io.WriteString(w, all[i].For(recipeListen, listen, then))
	return err
}
