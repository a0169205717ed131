package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

func auditCommand() *cobra.Command {
	var (
		ascii   bool
		outputs []string
	)
	cmd := &cobra.Command{
		Use: "audit FILE|DIR...", Short: "judge recorded traffic: .wire transcripts, HAR, pcap and pcapng", Args: cobra.MinimumNArgs(1),
		Long: "Judge recorded traffic by the same rules as live traffic: transcripts, HAR files, pcap and pcapng captures, gzipped or not.\n" +
			"The format of a file is recognized by its content. A capture of any length is read in bounded memory. In a directory and\n" +
			"those in it, files are read whose names end with " + strings.Join(run.Recordings(), ", ") + ", or one of these and .gz.",
		Example: "  interlock audit traffic.pcapng\n  interlock audit -o text -o json=rulings.json browser.har capture.pcap.gz",
		RunE: func(cmd *cobra.Command, args []string) error {
			files, passed, err := run.RecordedIn(args)
			if err != nil {
				return err
			}
			c, gate, err := loadRules(cmd)
			if err != nil {
				return err
			}
			screen := terminal.NewScreen(cmd.OutOrStdout(), cmd.ErrOrStderr())
			accepting, err := loadAccepting(cmd, &c, screen)
			if err != nil {
				return err
			}
			options, err := reportOptions(cmd, &c, ascii)
			if err != nil {
				return err
			}
			r, err := run.OpenReports(outputs, screen, options, nil)
			if err != nil {
				return err
			}
			j := run.Judging{Config: c, Gate: gate, Accepting: accepting, Outputs: outputs, Reports: r, Screen: screen}
			for _, name := range files {
				j.File(cmd.Context(), name)
			}
			j.Note(passed...)
			return j.End()
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&outputs, "output", "o", nil, "FORMAT[=FILE], several times: "+formatNames()+"; - is the standard output (default text)")
	gateFlags(cmd)
	acceptFlags(cmd)
	locationFlag(cmd)
	f.BoolVar(&ascii, "ascii", false, "no symbols outside ASCII")
	return cmd
}

func formatNames() string {
	text := ""
	for i, f := range report.Formats() {
		if i > 0 {
			text += ", "
		}
		text += f.Name
	}
	return text
}
