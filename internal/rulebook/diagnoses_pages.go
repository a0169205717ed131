package rulebook

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/diagnose"
)

// WriteDiagnosesPages writes the reference of diagnoses: a page for each entry, and their index. It
// removes pages of former entries.
func WriteDiagnosesPages(dir string, all []*diagnose.Kind) error {
	return writePages(dir, "*.md", diagnosesPages(all))
}

func diagnosesPages(all []*diagnose.Kind) map[string]string {
	pages := map[string]string{"README.md": diagnosesIndex(all)}
	for _, k := range all {
		pages[k.ID+".md"] = diagnosisPage(k)
	}
	return pages
}

func diagnosesIndex(all []*diagnose.Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Diagnoses\n\nA [verdict](../verdicts.md) says what the RFCs say about an exchange. A diagnosis says why an upgrade failed, who ended a tunnel, or\n"+
		"which hop changed a message. It never changes a verdict, a gate or an exit status.\n\n"+
		"%d diagnoses. Written by `interlock diagnoses --markdown docs/diagnoses`; a test holds it to the code.\n", len(all))
	family := diagnose.Family("")
	for _, k := range byFamily(all) {
		if k.Family != family {
			family = k.Family
			fmt.Fprintf(&b, "\n## %s\n\n| diagnosis | what is observed |\n|---|---|\n", family)
		}
		fmt.Fprintf(&b, "| [%s](%s.md) | %s |\n", k.ID, k.ID, cell(plainly(k.Title)))
	}
	b.WriteString("\nThe observation is certain: the bytes show it. Of each cause a diagnosis says how sure it is: **certain** (the bytes prove it), **likely**\n" +
		"(something in the exchange points to it, such as a header that a product adds; it is quoted), or **possible**.\n")
	return b.String()
}

func diagnosisPage(k *diagnose.Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n\nFamily: %s.\n", k.ID, plainly(k.Title), k.Family)
	switch k.Over {
	case diagnose.OnlyHTTP2:
		b.WriteString("HTTP/2 only.\n")
	case diagnose.EveryVersion:
		b.WriteString("HTTP/1.1 and HTTP/2.\n")
	}
	for i, ref := range k.Refs {
		if i == 0 {
			b.WriteByte('\n')
		}
		name := ref.String()
		if to := link(ref); to != "" {
			name = "[" + name + "](" + to + ")"
		}
		fmt.Fprintf(&b, "- %s: %s\n", name, plainly(ref.Text))
	}
	fmt.Fprintf(&b, "\n## Why\n\n%s\n\n## Causes and what to change\n", plainly(k.Why))
	for i := range k.Causes {
		c := &k.Causes[i]
		fmt.Fprintf(&b, "\n### %s\n\n%s.\n\n", plainly(c.Text), capital(rests(c)))
		if other := sameFix(k, i); other != "" {
			fmt.Fprintf(&b, "As above: %s.\n", plainly(other))
			continue
		}
		for _, r := range c.Fix {
			b.WriteString("- " + remedy(&r) + "\n")
		}
	}
	for i, id := range k.Rules {
		if i == 0 {
			b.WriteString("\n## Related rules\n\n")
		}
		fmt.Fprintf(&b, "- [%s](../rules/%s.md): %s\n", id, id, plainly(titleOf(id)))
	}
	return b.String()
}

// remedy is what to change in one product: configuration as code, a sentence as text.
func remedy(r *diagnose.Remedy) string {
	name := ""
	if r.Product != "" {
		name = "**" + plainly(r.Product) + "**: "
	}
	switch {
	case strings.Contains(r.Change, "\n"):
		return name + "\n\n  ```\n  " + strings.ReplaceAll(r.Change, "\n", "\n  ") + "\n  ```"
	case strings.ContainsAny(r.Change, "{}$=<>*_") && !strings.Contains(r.Change, "`"):
		return name + "`" + r.Change + "`"
	}
	return name + plainly(r.Change)
}

// plainly is a text that Markdown shows as it is.
func plainly(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `_`, `\_`, `<`, `\<`, "`", "\\`", `[`, `\[`).Replace(text)
}
