package ui

import (
	"github.com/interlock-proxy/interlock/rules"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// A mark shows a verdict by colour, symbol and word. Each of these is enough to tell it.
type mark struct{ rules.Verdict }

// Class is the class of the verdict in the style sheet.
func (m mark) Class() string {
	if m.Verdict == rules.NotApplicable {
		return "na"
	}
	return m.Verdict.String()
}

// Symbol is one character.
func (m mark) Symbol() string { return printed.MarkOf(m.Verdict).Symbol }

// Word returns the short word that the command line also uses.
func (m mark) Word() string { return printed.MarkOf(m.Verdict).Word }

// marks are those of all verdicts, worst first.
func marks() (all []mark) {
	for v := rules.Fail; v <= rules.NotApplicable; v++ {
		all = append(all, mark{v})
	}
	return all
}

// parseMark returns the mark of a verdict in the words of the contracts; ok is false for other
// words, such as not-sent.
func parseMark(word string) (m mark, ok bool) {
	for _, m := range marks() {
		if m.String() == word {
			return m, true
		}
	}
	return mark{rules.NotApplicable}, false
}
