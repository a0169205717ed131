package printed

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/interlock-proxy/interlock/rules"
)

// Why returns a diagnosis as one sentence without its period: what was observed, what led to it,
// and how sure that is.
func Why(d *rules.Diagnosis) string {
	text := Text(d.Text)
	if d.Cause != "" {
		text += "; " + within(Cause(d))
	}
	if len(d.Explains) > 0 {
		text += "; explains " + Text(strings.Join(d.Explains, ", "))
	}
	return text
}

// within returns a sentence as it continues another one: an article at its beginning is not
// capitalized.
func within(sentence string) string {
	first, rest, _ := strings.Cut(sentence, " ")
	switch first {
	case "A", "An", "The", "It", "Its", "This", "That", "No", "Nothing", "Nobody", "Something", "Someone", "Either", "One", "Both", "Some", "There", "They", "In", "At", "On":
		return strings.ToLower(first) + " " + rest
	}
	return sentence
}

// Cause returns the cause of a diagnosis with its certainty and what that rests on.
func Cause(d *rules.Diagnosis) string {
	text := d.Cause
	switch {
	case d.Basis != "" && d.Certainty == rules.Certain:
		text += " (" + d.Basis + ")"
	case d.Basis != "":
		text += fmt.Sprintf(" (%v: %s)", d.Certainty, d.Basis)
	case d.Certainty != rules.Certain:
		text += fmt.Sprintf(" (%v)", d.Certainty)
	}
	return Text(text)
}

// Fix returns the first line of what a diagnosis says to change, and where the other lines are.
func Fix(d *rules.Diagnosis) string {
	first, rest, _ := strings.Cut(d.Fix, "\n")
	if rest != "" {
		first += "   (more: " + MoreOf(d) + ")"
	}
	return Text(first)
}

// MoreOf returns the command that prints the entry of a diagnosis in the catalogue.
func MoreOf(d *rules.Diagnosis) string { return "interlock diagnoses " + Text(d.ID) }

// Text returns a sentence with every character that is not printable as \xHH, byte for byte.
// Unlike [ASCII] it keeps letters and signs of other alphabets.
func Text(text string) string {
	if strings.IndexFunc(text, isUnprintable) < 0 && !strings.ContainsRune(text, unicode.ReplacementChar) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		size := len(string(r))
		if r == unicode.ReplacementChar && !strings.HasPrefix(text[i:], string(r)) {
			size = 1 // a byte that is not UTF-8
		} else if !isUnprintable(r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(text[i : i+size]) {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

func isUnprintable(r rune) bool { return !unicode.IsPrint(r) }

// Signs returns a text in ASCII: signs that have a name are named, and other characters become
// question marks.
func Signs(text string) string {
	text = strings.NewReplacer("§", "section ", "±", "+-", "→", "->", "≥", ">=", "≤", "<=", "…", "...", "–", "-").Replace(text)
	return strings.Map(func(r rune) rune {
		if r > '~' {
			return '?'
		}
		return r
	}, text)
}
