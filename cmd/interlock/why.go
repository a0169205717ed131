package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

func whyCommand() *cobra.Command {
	f := new(run.ProbeFlags)
	cmd := &cobra.Command{
		Use: "why URL|FILE|-", Short: "Find out why a WebSocket cannot be opened", Args: cobra.ExactArgs(1),
		Long: "Find out why a WebSocket cannot be opened, step by step as an engineer would, and what to change.\n" +
			"A file or - for the standard input is a paste: the output of curl -v, headers from browser devtools, or a recording.",
		Example: "  interlock why wss://chat.example/ws\n" +
			"  interlock why http://127.0.0.1:3000/chat --origin https://app.example\n" +
			"  interlock why h2c://127.0.0.1:3000/chat\n" +
			"  interlock why paste.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			a := run.Asking{Flags: f, Screen: terminal.NewScreen(cmd.OutOrStdout(), cmd.ErrOrStderr())}
			return a.About(cmd.Context(), args[0], cmd.InOrStdin())
		},
	}
	s := cmd.Flags()
	s.StringArrayVarP(&f.Fields, "header", "H", nil, "`HEADER` to send, 'Name: value'; @FILE reads a file")
	s.StringVar(&f.Cookie, "cookie", "", "`value` of the Cookie header")
	s.StringVar(&f.Subprotocol, "subprotocol", "", "`value` of the Sec-WebSocket-Protocol header")
	s.StringVar(&f.Origin, "origin", "", "`value` of the Origin header (default that of the URL)")
	s.StringVar(&f.HTTP, "http", "", "`version` of HTTP: 1.1, 2, both (default as offered)")
	s.DurationVar(&f.Timeout, "timeout", 5*time.Second, "how long to wait in each step")
	tlsFlags(cmd, f)
	s.StringArrayVarP(&f.Outputs, "output", "o", nil, "report as `FORMAT[=FILE]`: text, json (default text)")
	asciiFlag(cmd, &f.ASCII)
	outputFlag(cmd, "text", "json")
	completeFixed(cmd, "http", probe.Versions()...)
	help.Group(cmd, help.Send, "header", "cookie", "subprotocol", "origin", "http")
	help.Group(cmd, help.Credentials, "insecure", "client-cert", "client-key", "ca-cert", "sni")
	help.Group(cmd, help.Limits, "timeout")
	help.Rare(cmd, "sni", "ascii")
	return cmd
}

// tlsFlags adds the flags about TLS to a command that connects to a URL.
func tlsFlags(cmd *cobra.Command, f *run.ProbeFlags) {
	s := cmd.Flags()
	s.BoolVar(&f.Insecure, "insecure", false, "do not verify the TLS certificate")
	s.StringVar(&f.Cert, "client-cert", "", "PEM `file` with the client certificate")
	s.StringVar(&f.Key, "client-key", "", "PEM `file` with its private key")
	s.StringVar(&f.CA, "ca-cert", "", "PEM `file` with the authorities to trust")
	s.StringVar(&f.SNI, "sni", "", "`name` to send in SNI (default the host of the URL)")
}
