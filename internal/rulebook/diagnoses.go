package rulebook

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// contractKind is an entry of the catalogue of diagnoses as other programs read it.
type contractKind struct {
	ID     string          `json:"id"`
	Family diagnose.Family `json:"family"`
	Title  string          `json:"title"`
	Why    string          `json:"why"`
	Refs   []rules.Ref     `json:"refs"`
	Rules  []string        `json:"rules"`
	Causes []contractCause `json:"causes"`
}

type contractCause struct {
	Text      string           `json:"text"`
	Certainty rules.Certainty  `json:"certainty"`
	Marked    bool             `json:"marked"` // a mark in the exchange points to it
	Fix       []contractRemedy `json:"fix"`
}

type contractRemedy struct {
	Product string `json:"product"` // empty: any
	Change  string `json:"change"`
}

// WriteDiagnosesJSON writes entries of the catalogue as an array of JSON.
func WriteDiagnosesJSON(w io.Writer, shown []*diagnose.Kind) error {
	all := make([]contractKind, 0, len(shown))
	for _, k := range shown {
		is := contractKind{ID: k.ID, Family: k.Family, Title: k.Title, Why: k.Why, Refs: append([]rules.Ref{}, k.Refs...), Rules: append([]string{}, k.Rules...)}
		for i := range k.Causes {
			c := &k.Causes[i]
			fix := make([]contractRemedy, 0, len(c.Fix))
			for _, r := range c.Fix {
				fix = append(fix, contractRemedy(r))
			}
			is.Causes = append(is.Causes, contractCause{c.Text, c.Certainty, c.Mark != nil, fix})
		}
		all = append(all, is)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

// byFamily returns entries in the order of the documentation.
func byFamily(all []*diagnose.Kind) []*diagnose.Kind {
	families := diagnose.Families()
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b *diagnose.Kind) int {
		return slices.Index(families, a.Family) - slices.Index(families, b.Family)
	})
	return sorted
}

// WriteDiagnoses writes a table of entries.
func WriteDiagnoses(w io.Writer, all []*diagnose.Kind) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DIAGNOSIS\tFAMILY\tWHAT IS OBSERVED")
	for _, k := range byFamily(all) {
		fmt.Fprintf(table, "%s\t%s\t%s\n", k.ID, k.Family, k.Title)
	}
	return table.Flush()
}

// WriteDiagnosis writes an entry in full.
func WriteDiagnosis(w io.Writer, k *diagnose.Kind) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\nfamily    %s\n", k.ID, k.Title, k.Family)
	for i, ref := range k.Refs {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s  %s\n", ref, ref.Text)
		if to := link(ref); to != "" {
			fmt.Fprintf(&b, "  %s\n", to)
		}
	}
	fmt.Fprintf(&b, "\nwhy\n%s\n\ncauses\n", terminal.Fold(k.Why, 100))
	for i := range k.Causes {
		c := &k.Causes[i]
		fmt.Fprintf(&b, "%s\n%s\n", terminal.Fold(c.Text, 100), terminal.Fold("  "+rests(c), 100))
		if other := sameFix(k, i); other != "" {
			fmt.Fprintf(&b, "    - as above: %s\n", other)
			continue
		}
		for _, r := range c.Fix {
			for j, line := range strings.Split(r.String(), "\n") {
				mark := "    - "
				if j > 0 {
					mark = "      "
				}
				fmt.Fprintf(&b, "%s%s\n", mark, line)
			}
		}
	}
	if len(k.Rules) > 0 {
		fmt.Fprintf(&b, "\nrelated rules\n")
	}
	for _, id := range k.Rules {
		fmt.Fprintf(&b, "  %s  %s\n", id, titleOf(id))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sameFix returns an earlier cause that asks for the same changes as a cause with several; empty if
// there is none.
func sameFix(k *diagnose.Kind, i int) string {
	for j := range k.Causes[:i] {
		if c := &k.Causes[j]; len(c.Fix) > 1 && slices.Equal(c.Fix, k.Causes[i].Fix) {
			return c.Text
		}
	}
	return ""
}

// rests says how certain a cause is, and what that rests on.
func rests(c *diagnose.Cause) string {
	text := c.Certainty.String()
	if c.Mark != nil {
		return text + ": something in the exchange points to it, and is quoted"
	}
	if c.Certainty == rules.Certain {
		return text
	}
	return text + ": nothing in the exchange points to another cause"
}

// titleOf is what a rule requires; empty if there is no such rule.
func titleOf(id string) string {
	if r := rules.Find(id); r != nil {
		return r.Title
	}
	return ""
}

// UnknownDiagnosis is the error for an ID that the catalogue does not have. It names entries that it
// may have been meant for.
func UnknownDiagnosis(id string) error {
	if r := rules.Find(id); r != nil {
		return exit.Usage("%s is a rule; interlock rules %[1]s shows it", r.ID)
	}
	lower := strings.ToLower(id)
	var ids, parts []string
	for _, k := range diagnose.All() {
		ids = append(ids, k.ID)
		if len(lower) > 2 && strings.Contains(k.ID, lower) {
			parts = append(parts, k.ID)
		}
	}
	near := config.Nearest(lower, ids)
	if len(near) == 0 {
		near = parts[:min(len(parts), 3)]
	}
	if len(near) > 0 {
		return exit.Usage("no diagnosis %q; did you mean %s?", id, strings.Join(near, " or "))
	}
	if strings.HasPrefix(id, "walk-") {
		return exit.Usage("%q is a diagnosis that only interlock why makes; docs/why.md explains them", id)
	}
	return exit.Usage("no diagnosis %q; interlock diagnoses lists them", id)
}
