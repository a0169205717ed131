package main

import (
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/rulebook"
	"github.com/interlock-proxy/interlock/rules"
)

func rulesCommand() *cobra.Command {
	var (
		asJSON   bool
		markdown string
	)
	cmd := &cobra.Command{
		Use: "rules [ID]", Short: "List the rules, or show one in full", Args: cobra.MaximumNArgs(1),
		Example:           "  interlock rules\n  interlock rules UPGRADE-POST\n  interlock rules --json",
		ValidArgsFunction: completeRules,
		RunE: func(cmd *cobra.Command, args []string) error {
			shown := rules.All()
			if len(args) == 1 {
				r := rules.Find(args[0])
				if r == nil {
					return config.UnknownRule(args[0])
				}
				shown = []*rules.Rule{r}
			}
			w := cmd.OutOrStdout()
			switch {
			case markdown != "" && len(args) == 1:
				return exit.Usage("--markdown writes all rules: leave out %s", args[0])
			case markdown != "":
				return rulebook.WritePages(markdown, shown)
			case asJSON:
				return rulebook.WriteJSON(w, shown)
			case len(args) == 1:
				return rulebook.WriteText(w, shown[0])
			}
			return rulebook.WriteList(w, shown)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&markdown, "markdown", "", "write the reference pages into this `directory`")
	return cmd
}
