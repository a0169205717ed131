package terminal

import (
	"io"
	"os"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// Console writes for people. Its marks are for whatever else is shown to them.
type Console struct {
	w       io.Writer
	columns func() int // of the terminal; 0 if there is none
	Color   bool
	ASCII   bool
}

// NewConsole writes to w, in colour where w is a terminal that can show it.
func NewConsole(w io.Writer, ascii bool) *Console {
	return &Console{
		w: w, columns: func() int { return columns(w) }, ASCII: ascii || !UTF8Locale(),
		Color: IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

// UTF8Locale reports whether the environment asks for UTF-8.
func UTF8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// Verdict is the verdict as colour, symbol and word. A warning about a mere fact is shown as
// information.
func (c *Console) Verdict(v rules.Verdict, s rules.Severity) string {
	switch {
	case v == rules.Fail:
		color := "31"
		if s == rules.Critical {
			color = "31;1"
		}
		return c.Mark(color, "✖", "x") + " " + c.paint(color, "fail")
	case v == rules.Warn && s == rules.Info:
		return c.Mark("36", "i", "i") + " info"
	case v == rules.Warn:
		return c.Mark("33", "!", "!") + " " + c.paint("33", "warn")
	case v == rules.Unclear:
		return c.Mark("35", "?", "?") + " unclear"
	case v == rules.Pass:
		return c.Mark("32", "✓", "+") + " pass"
	}
	return c.Mark("dim", "–", "-") + " n/a "
}

// Symbol is the symbol of a verdict alone, in its colour.
func (c *Console) Symbol(v rules.Verdict) string {
	switch v {
	case rules.Fail:
		return c.Mark("31;1", "✖", "x")
	case rules.Warn:
		return c.Mark("33", "!", "!")
	case rules.Unclear:
		return c.Mark("35", "?", "?")
	case rules.Pass:
		return c.Mark("32", "✓", "+")
	}
	return c.Mark("dim", "–", "-")
}

// Mark is a symbol in a colour, or the plain text in its place where symbols outside of ASCII are
// not wanted.
func (c *Console) Mark(color, symbol, plain string) string {
	return c.paint(color, c.symbol(symbol, plain))
}

func (c *Console) symbol(symbol, plain string) string {
	if c.ASCII {
		return plain
	}
	return symbol
}

// Arrow points from a listener to its backend.
func (c *Console) Arrow() string {
	if c == nil {
		return "->"
	}
	return c.symbol("→", "->")
}

func (c *Console) paint(color, text string) string {
	switch {
	case !c.Color:
		return text
	case color == "dim":
		return "\x1b[2m" + text + "\x1b[0m"
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
