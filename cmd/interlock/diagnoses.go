package main

import (
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/rulebook"
)

func diagnosesCommand() *cobra.Command {
	var output, markdown string
	cmd := &cobra.Command{
		Use: "diagnoses [ID]", Short: "List the diagnoses, or show one in full", Args: cobra.MaximumNArgs(1),
		Long: "List what Interlock can say about why an upgrade failed, who ended a tunnel, or which hop changed a message.\n" +
			"With an ID, show the causes of that diagnosis and what to change.",
		Example:           "  interlock diagnoses\n  interlock diagnoses stripped-upgrade\n  interlock diagnoses -o json",
		ValidArgsFunction: completeDiagnoses,
		RunE: func(cmd *cobra.Command, args []string) error {
			shown := diagnose.All()
			if len(args) == 1 {
				k := diagnose.Find(args[0])
				if k == nil {
					return rulebook.UnknownDiagnosis(args[0])
				}
				shown = []*diagnose.Kind{k}
			}
			w := cmd.OutOrStdout()
			switch {
			case markdown != "" && len(args) == 1:
				return exit.Usage("--markdown writes all diagnoses: leave out %s", args[0])
			case markdown != "":
				return rulebook.WriteDiagnosesPages(markdown, shown)
			case output == "json":
				return rulebook.WriteDiagnosesJSON(w, shown)
			case output != "text":
				return exit.Usage("-o: must be text or json, not %q", output)
			case len(args) == 1:
				return rulebook.WriteDiagnosis(w, shown[0])
			}
			return rulebook.WriteDiagnoses(w, shown)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`format`: text, json")
	cmd.Flags().StringVar(&markdown, "markdown", "", "write the reference pages into this `directory`")
	completeFixed(cmd, "output", "text", "json")
	return cmd
}

// completeDiagnoses completes the ID of a diagnosis.
func completeDiagnoses(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, k := range diagnose.All() {
		ids = append(ids, k.ID+"\t"+k.Title)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
