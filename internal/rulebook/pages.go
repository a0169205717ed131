package rulebook

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
)

// WritePages writes the reference: a page for each rule, and their index. It removes pages of
// former rules.
func WritePages(dir string, all []*rules.Rule) error {
	pages := map[string]string{"README.md": indexPage(all)}
	for _, r := range all {
		pages[r.ID+".md"] = rulePage(r)
	}
	return writePages(dir, "UPGRADE-*.md", pages)
}

// writePages writes files into a directory, and removes other files that match a pattern.
func writePages(dir, pattern string, pages map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return exit.Usage("write the reference: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return exit.Usage("write the reference: %w", err)
	}
	for _, name := range old {
		if _, ok := pages[filepath.Base(name)]; !ok {
			if err := os.Remove(name); err != nil {
				return exit.Usage("write the reference: %w", err)
			}
		}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // pages are public
			return exit.Usage("write the reference: %w", err)
		}
	}
	return nil
}

func indexPage(all []*rules.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The rulebook\n\n%d rules with %d probes. Written by `interlock rules --markdown docs/rules`; a test holds it to the code.\n\n", len(all), len(rules.Probes()))
	b.WriteString("| rule | what must hold | level | party | refused | switched |\n|---|---|---|---|---|---|\n")
	for _, r := range all {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s | %s | %s | %s |\n", r.ID, r.ID, cell(r.Title), r.Level, r.Party, atRefusal(r), r.Severity.Switched)
	}
	b.WriteString("\nLevel: what the cited sentence says; advice if none does. Party: who violates the rule; if a server switches on a client's\nmistake, the server is at fault. Severity: when the server refused, and when it switched; a dash if a refusal is not a finding.\nA critical rule that fails in an exchange in which the server switched makes the switch **unsafe**.\n")
	if len(undecided) > 0 {
		b.WriteString("\n## What no rule decides\n\nThe following cannot be judged from the bytes of one connection.\n\n| name | why not |\n|---|---|\n")
		for _, u := range undecided {
			fmt.Fprintf(&b, "| %s | %s |\n", u.name, cell(u.why))
		}
	}
	return b.String()
}

func rulePage(r *rules.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n\n", r.ID, r.Title)
	refused := atRefusal(r)
	if refused == "–" {
		refused = "– (a refusal is not a finding)"
	}
	fmt.Fprintf(&b, "| level | party | severity when refused | when switched | since |\n|---|---|---|---|---|\n| %s | %s | %s | %s | %s |\n\n",
		r.Level, r.Party, refused, r.Severity.Switched, r.Since)
	for _, ref := range r.Refs {
		fmt.Fprintf(&b, "- [%s](%s): %s\n", ref, link(ref), ref.Text)
	}
	b.WriteString("\n## What a finding says\n\n")
	for _, sentence := range sentences(r) {
		fmt.Fprintf(&b, "- %s\n", sentence)
	}
	fmt.Fprintf(&b, "\n## Why\n\n%s\n\n## Fix\n\n", r.Why)
	for line := range strings.SplitSeq(r.Fix, "\n") {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	if text, ok := r.Example(); ok {
		fmt.Fprintf(&b, "\n## Broken\n\n```\n%s```\n", text)
	}
	if len(r.Probes) > 0 {
		b.WriteString("\n## What its probes send\n")
	}
	for i := range r.Probes {
		p := &r.Probes[i]
		fmt.Fprintf(&b, "\n### %s\n\n%s. %s.\n\n```\n%s```\n", p.ID, capital(p.Label), capital(probeFacts(p)), probeBytes(p, exampleBase()))
	}
	return b.String()
}

// cell escapes text for a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// link is where a reference can be read; empty if only its name is known.
func link(ref rules.Ref) string {
	switch {
	case strings.HasPrefix(ref.RFC, "draft"):
		return "https://datatracker.ietf.org/doc/" + ref.RFC
	case strings.Trim(ref.RFC, "0123456789") != "":
		return ""
	}
	return "https://www.rfc-editor.org/rfc/rfc" + ref.RFC + "#section-" + ref.Section
}

// undecided lists requirements of the catalogue that cannot be judged from the bytes of one connection.
var undecided = []struct{ name, why string }{
	{"UPGRADE-1XX-DROPPED", "Whether a proxy dropped a 1xx response is visible only on both sides of it, and only if the proxy did not ask for the 100 itself."},
	{"Random keys", "RFC 6455 §4.1 requires random keys; one connection shows only whether a key was used before (UPGRADE-WS-KEY-REUSED)."},
	{"Intended foreign origins", "RFC 6455 §10.2; only the configuration (public_origins) or a probe tells."},
	{"TLS in front", "RFC 6455 §10.6; whether TLS was terminated in front of Interlock is known only if a header says so (UPGRADE-WS-CLEARTEXT)."},
	{"TLS that a client insists on", "RFC 2817 §3.2; it cannot be seen from outside. An offer on a request with credentials is reported as information (UPGRADE-TLS-MANDATORY)."},
	{"A CONNECT without an Upgrade header", "RFC 9931 §8; it is not an upgrade exchange and is not recorded, so UPGRADE-CONNECT-REJECT-OPEN covers only those with one."},
	{"TLS clients that send no server name", "RFC 6455 §4.1 requires SNI; an exchange records whether the client used TLS, not which name it asked for."},
	{"A body that is read as frames", "Bodies are not recorded; Interlock judges how the tunnel starts after the body (UPGRADE-H2C-BODY, UPGRADE-101-BEFORE-BODY)."},
}
