package report

import (
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// cited are the references of a finding.
func cited(refs []rules.Ref) string {
	all := make([]string, 0, len(refs))
	for _, r := range refs {
		all = append(all, r.String())
	}
	return strings.Join(all, ", ")
}

// fault returns the party at fault, and others that may be.
func fault(f *rules.Finding) string {
	if f.Attribution != "" {
		return printed.ASCII(f.Attribution)
	}
	return f.Party.String()
}

// answered returns the status of the response or, without one, the outcome.
func answered(x *wire.Exchange) string {
	if x.Response != nil {
		return strconv.Itoa(x.Response.Status)
	}
	return string(x.Outcome)
}

// more returns the command that prints a rule in full.
func more(r *rules.Rule) string { return "interlock rules " + r.ID }

// page is the address of the page of a rule.
func page(r *rules.Rule) string {
	if rules.Find(r.ID) == nil {
		return "" // a rule of another release
	}
	return "https://github.com/interlock-proxy/interlock/blob/main/docs/rules/" + r.ID + ".md"
}

// flat is a text of a rule in one line.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
