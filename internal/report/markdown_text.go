package report

import "strings"

// escapeMarkdown escapes all markup in a text of our own.
func escapeMarkdown(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '<':
			b.WriteString("&lt;")
		case strings.IndexByte("\\`*_{}[]>#|~&", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return strings.ReplaceAll(b.String(), "\n", "  \n")
}

// code returns printable ASCII as a code span of a table or a paragraph, with no markup in it.
func code(text string) string {
	if text == "" {
		return ""
	}
	ticks := strings.Repeat("`", longest(text)+1)
	if len(ticks) > 1 || strings.HasPrefix(text, " ") {
		text = " " + text + " "
	}
	return ticks + strings.ReplaceAll(text, "|", `\|`) + ticks
}

// fence is printable ASCII as a block of code.
func fence(text, language string) string {
	ticks := strings.Repeat("`", max(3, longest(text)+1))
	return ticks + language + "\n" + strings.TrimSuffix(text, "\n") + "\n" + ticks
}

// longest is the length of the longest run of backquotes.
func longest(text string) int {
	most, n := 0, 0
	for i := range len(text) {
		if n++; text[i] != '`' {
			n = 0
		}
		most = max(most, n)
	}
	return most
}
