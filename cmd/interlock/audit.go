package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

func auditCommand() *cobra.Command {
	var (
		ascii   bool
		outputs []string
		keys    string
		follow  bool
	)
	cmd := &cobra.Command{
		Use: "audit FILE|DIR|-...", Short: "Audit recorded traffic: pcap, HAR, transcripts", Args: cobra.MinimumNArgs(1),
		Long: "Audit pcap and pcapng captures, HAR files, .wire transcripts and pastes of curl -v or browser devtools by the\n" +
			"rules for live traffic. TLS in captures is decrypted with --keylog. Files may be compressed with gzip. Of a directory, all files with these names are read:\n" +
			strings.Join(run.Recordings(), " ") + ", alone or with .gz.",
		Example: "  interlock audit traffic.pcapng\n  interlock audit --keylog keys.log traffic.pcapng\n  interlock audit -o text -o json=rulings.json browser.har capture.pcap.gz\n  interlock audit --baseline last captures/\n  tcpdump -i any -U -w - tcp port 8080 | interlock audit -",
		RunE: func(cmd *cobra.Command, args []string) error {
			files, passed, err := recordings(args, follow)
			if err != nil {
				return err
			}
			secrets, err := run.OpenSecrets(keys, follow || slices.Contains(files, run.StandardInput))
			if err != nil {
				return err
			}
			c, gate, err := loadRules(cmd)
			if err != nil {
				return err
			}
			screen := terminal.NewScreen(cmd.OutOrStdout(), cmd.ErrOrStderr())
			accepting, err := loadAccepting(cmd, &c, screen, "")
			if err != nil {
				return err
			}
			options, err := reportOptions(cmd, &c, ascii)
			if err != nil {
				return err
			}
			options.Gate = &gate
			r, err := run.OpenReports(outputs, screen, options, nil)
			if err != nil {
				return err
			}
			j := run.Judging{Config: c, Gate: gate, Accepting: accepting, Outputs: outputs, Reports: r, Screen: screen, Secrets: secrets}
			for _, name := range files {
				switch {
				case follow:
					j.Follow(cmd.Context(), name)
				case name == run.StandardInput:
					j.Input(cmd.Context())
				default:
					j.File(cmd.Context(), name)
				}
			}
			j.Note(passed...)
			return j.End()
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&outputs, "output", "o", nil, outputUsage)
	f.StringVar(&keys, "keylog", "", "decrypt TLS in captures with the secrets in `FILE`")
	f.BoolVar(&follow, "follow", false, "judge packets as they are captured, over rotation")
	help.Group(cmd, help.Target, "follow", "keylog")
	gateFlags(cmd)
	acceptFlags(cmd)
	locationFlag(cmd)
	asciiFlag(cmd, &ascii)
	outputFlag(cmd)
	return cmd
}

// recordings returns the files to read, with notes on those that are not.
func recordings(args []string, follow bool) (files, notes []string, err error) {
	if follow {
		return args, nil, run.CheckFollowed(args)
	}
	return run.RecordedIn(args)
}

// outputUsage describes -o of most commands.
const outputUsage = "report as `FORMAT[=FILE]`, repeatable (default text)"

// outputFlag puts -o in its place, with the formats to complete.
func outputFlag(cmd *cobra.Command, formats ...string) {
	if len(formats) == 0 {
		for _, f := range report.Formats() {
			formats = append(formats, f.Name)
		}
	}
	help.Group(cmd, help.Output, "output")
	complete(cmd, "output", func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if strings.Contains(typed, "=") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return formats, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
}

// asciiFlag adds the flag for terminals without symbols.
func asciiFlag(cmd *cobra.Command, ascii *bool) {
	cmd.Flags().BoolVar(ascii, "ascii", false, "print ASCII only")
	help.Group(cmd, help.Output, "ascii")
}
