package printed

import "github.com/interlock-proxy/interlock/rules"

// A Mark shows a verdict by colour, symbol and word. Each of these is enough to tell it.
type Mark struct {
	Name   string // as the contracts write it
	Symbol string // one character
	Plain  string // the symbol in ASCII
	Word   string // at most seven letters
	Color  string // of a terminal
}

// MarkOf returns the mark of a verdict.
func MarkOf(v rules.Verdict) Mark {
	m := [...]Mark{
		rules.Fail:          {Symbol: "✖", Plain: "x", Word: "fail", Color: "31"},
		rules.Warn:          {Symbol: "!", Plain: "!", Word: "warn", Color: "33"},
		rules.Unclear:       {Symbol: "?", Plain: "?", Word: "unclear", Color: "35"},
		rules.Pass:          {Symbol: "✓", Plain: "+", Word: "pass", Color: "32"},
		rules.NotApplicable: {Symbol: "–", Plain: "-", Word: "n/a", Color: "2"},
	}[v]
	m.Name = v.String()
	return m
}

// Info returns the mark of a warning that only states a fact.
func Info() Mark { return Mark{Name: "warn", Symbol: "i", Plain: "i", Word: "info", Color: "36"} }
