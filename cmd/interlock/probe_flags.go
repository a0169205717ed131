package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/run"
)

// addProbeFlags adds the flags to the command.
func addProbeFlags(cmd *cobra.Command, f *run.ProbeFlags) {
	s := cmd.Flags()
	s.StringArrayVarP(&f.Fields, "header", "H", nil, "`HEADER` to send, 'Name: value'; @FILE reads a file")
	s.StringVar(&f.Cookie, "cookie", "", "`value` of the Cookie header")
	s.StringVar(&f.Subprotocol, "subprotocol", "", "`value` of the Sec-WebSocket-Protocol header")
	s.StringVar(&f.Origin, "origin", "", "`value` of the Origin header")
	s.StringArrayVar(&f.Protected, "protected", nil, "`path` that requires a login, to compare with an offer")
	s.StringArrayVar(&f.Identities, "identity", nil, "NAME=@`FILE` with the headers of a user; give two")
	s.StringSliceVar(&f.Only, "only", nil, "send only these `probes`: IDs or globs")
	s.StringSliceVar(&f.Skip, "skip", nil, "do not send these `probes`: IDs or globs")
	s.StringSliceVar(&f.Protocols, "protocol", nil, "send only probes for these `protocols`")
	s.StringVar(&f.HTTP, "http", "", "`version` of HTTP (default 1.1, https: 2 too where offered)")
	s.IntVar(&f.Concurrency, "concurrency", 0, "probes at a time (default 16 to loopback, else 1)")
	s.Float64Var(&f.Rate, "rate-limit", 0, "connections a second (default 10, loopback: no limit)")
	s.DurationVar(&f.Timeout, "timeout", 2*time.Second, "how long to wait for a response")
	s.DurationVar(&f.WaitBackend, "wait-backend", 5*time.Second, "how long to wait for a crashed backend to return")
	s.IntVar(&f.ServerPID, "server-pid", 0, "process `ID` of a local backend: report its leaks")
	tlsFlags(cmd, f)
	s.BoolVar(&f.Risky, "risky", false, "send probes that can crash servers, beyond loopback too")
	s.BoolVar(&f.UnsafeMethods, "unsafe-methods", false, "send PUT, DELETE, PATCH and bodies, beyond loopback too")
	s.BoolVar(&f.Exact, "exact", false, "do not add a User-Agent header")
	s.StringSliceVar(&f.Authorized, "authorized", nil, "public `host` that you may probe")
	s.StringVar(&f.H2CPath, "h2c-path", "", "`PATH` behind a login to ask for in h2c tunnels")
	s.StringVar(&f.Canary, "canary", "", "`ADDR` of ours that the target can reach, to catch SSRF")
	s.StringVar(&f.HandshakeCmd, "handshake-cmd", "", "shell `command` that prints a fresh handshake each time")
	s.BoolVar(&f.List, "list", false, "list the probes and exit")
	s.StringVar(&f.Show, "show", "", "show what this `probe` sends and exit")
	s.BoolVar(&f.SeedCompat, "seed-compat", false, "send the five tests of Http11Probe, scored as there")
	s.StringVar(&f.Direct, "direct", "", "`URL` of the backend without the proxies in between")
	s.StringVar(&f.Admin, "admin", "", "`URL` of a running serve that sends the probes")
	s.StringVar(&f.AdminToken, "admin-token-file", "", "`file` with the token of that serve")
	s.StringVar(&f.Endpoint, "endpoint", "", "with --admin: the `path` to probe, such as /chat")
	s.BoolVar(&f.AsRecorded, "as-recorded", false, "with --admin: use the credentials of the recorded client")
	s.StringArrayVarP(&f.Outputs, "output", "o", nil, outputUsage)
	s.StringVar(&f.Targets, "targets", "", "`file` with URLs to probe, one a line; - reads stdin")
	s.StringVar(&f.Route, "route", "", "with --admin: the `route` of the endpoint")
	s.BoolVarP(&f.Quiet, "quiet", "q", false, "print only the answer and the result")
	s.BoolVarP(&f.Verbose, "verbose", "v", false, "print a line for every probe, passes too")
	s.StringVar(&f.Severity, "severity", "info", "show or list only this `severity` or above")
	asciiFlag(cmd, &f.ASCII)
}

// groupProbeFlags puts all flags of the command under headings, and completes their values.
func groupProbeFlags(cmd *cobra.Command) {
	outputFlag(cmd)
	help.Group(cmd, help.Output, "quiet", "verbose", "severity")
	help.Variable(cmd, "admin-token-file")
	help.Group(cmd, help.Target, "targets", "admin", "endpoint", "route", "direct", "authorized", "canary", "h2c-path")
	help.Group(cmd, help.Send, "header", "cookie", "subprotocol", "origin", "only", "skip", "protocol", "http", "list", "show",
		"risky", "unsafe-methods", "exact", "handshake-cmd", "seed-compat", "server-pid")
	help.Group(cmd, help.Credentials, "protected", "identity", "admin-token-file", "as-recorded", "insecure", "client-cert", "client-key", "ca-cert", "sni")
	help.Group(cmd, help.Limits, "concurrency", "rate-limit", "timeout", "wait-backend")
	help.Rare(cmd, "canary", "h2c-path", "protected", "identity", "route", "cookie", "subprotocol", "exact", "handshake-cmd", "seed-compat", "as-recorded", "sni", "client-cert", "client-key", "rules-as-of", "show", "unsafe-methods", "label", "ascii", "server-pid", "wait-backend")
	for _, name := range []string{"only", "skip", "show"} {
		complete(cmd, name, completeProbes)
	}
	completeFixed(cmd, "protocol", config.Families()...)
	completeFixed(cmd, "http", probe.Versions()...)
	completeFixed(cmd, "severity", severities()...)
	oldNames(cmd, map[string]string{"field": "header", "rate": "rate-limit", "cert": "client-cert", "key": "client-key", "ca": "ca-cert"})
}

// oldNames lets flags be given by the names that they had before, for one release.
func oldNames(cmd *cobra.Command, names map[string]string) {
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if is, ok := names[name]; ok {
			return pflag.NormalizedName(is)
		}
		return pflag.NormalizedName(name)
	})
}
