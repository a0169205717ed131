// Package rulebook shows the rules to people: as a list, one rule in full, and as the pages of docs/rules.
package rulebook

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// contractRule is a rule as other programs read it.
type contractRule struct {
	*rules.Rule
	Probes []string `json:"probes"` // their IDs
}

// WriteJSON writes rules as an array of JSON.
func WriteJSON(w io.Writer, shown []*rules.Rule) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(asContract(shown))
}

func asContract(shown []*rules.Rule) []contractRule {
	all := make([]contractRule, 0, len(shown))
	for _, r := range shown {
		ids := make([]string, 0, len(r.Probes))
		for _, p := range r.Probes {
			ids = append(ids, p.ID)
		}
		all = append(all, contractRule{Rule: r, Probes: ids})
	}
	return all
}

// WriteList writes a table of rules.
func WriteList(w io.Writer, all []*rules.Rule) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RULE\tLEVEL\tPARTY\tREFUSED\tSWITCHED\tWHAT MUST HOLD")
	for _, r := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Level, r.Party, atRefusal(r), r.Severity.Switched, r.Title)
	}
	return table.Flush()
}

// atRefusal is the severity of a rule where the server has refused, a dash where that is not a finding.
func atRefusal(r *rules.Rule) string {
	if s, ok := r.AtRefusal(); ok {
		return s.String()
	}
	return "–"
}

// WriteText writes a rule in full, with what its probes send.
func WriteText(w io.Writer, r *rules.Rule) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", r.ID, r.Title)
	fmt.Fprintf(&b, "level     %s, %s\n", r.Level, r.Party)
	if s, ok := r.AtRefusal(); ok {
		fmt.Fprintf(&b, "severity  %s when refused, %s when switched\n", s, r.Severity.Switched)
	} else {
		fmt.Fprintf(&b, "severity  %s when switched; a refusal is not a finding\n", r.Severity.Switched)
	}
	fmt.Fprintf(&b, "since     %s\n\n", r.Since)
	for _, ref := range r.Refs {
		fmt.Fprintf(&b, "%s  %s\n  %s\n", ref, ref.Text, link(ref))
	}
	fmt.Fprintf(&b, "\nfindings say\n")
	for _, sentence := range sentences(r) {
		fmt.Fprintf(&b, "%s\n", terminal.Fold(sentence, 100))
	}
	fmt.Fprintf(&b, "\nwhy\n%s\n\nfix\n%s\n", terminal.Fold(r.Why, 100), terminal.Fold(r.Fix, 100))
	if text, ok := r.Example(); ok {
		fmt.Fprintf(&b, "\nbroken\n")
		for line := range strings.Lines(text) {
			fmt.Fprintf(&b, "  %s", line)
		}
	}
	if len(r.Probes) > 0 {
		fmt.Fprintf(&b, "\nwhat its probes send\n")
	}
	for i := range r.Probes {
		p := &r.Probes[i]
		fmt.Fprintf(&b, "\n  %s   %s\n%s\n", p.ID, p.Label, terminal.Fold(probeFacts(p), 100))
		for line := range strings.Lines(probeBytes(p, exampleBase())) {
			fmt.Fprintf(&b, "  %s", line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sentences returns the problems of a rule, with dots in place of values.
func sentences(r *rules.Rule) []string {
	var all []string
	for _, s := range append([]string{r.Problem.Switched, r.Problem.Refused}, r.Sightings()...) {
		if s = strings.ReplaceAll(s, "%s", "…"); s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
