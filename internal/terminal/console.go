package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// Console writes for people. Its marks are for whatever else is shown to them.
type Console struct {
	w       io.Writer
	columns func() int // of the terminal; 0 if there is none
	Color   bool
	ASCII   bool

	mu    sync.Mutex
	fixed map[string]bool // fixes that were shown
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
	m := printed.MarkOf(v)
	switch {
	case v == rules.Fail && s == rules.Critical:
		m.Color += ";1"
	case v == rules.Warn && s == rules.Info:
		m = printed.Info()
	}
	word := fmt.Sprintf("%-4s", m.Word)
	if v == rules.Fail || v == rules.Warn && s > rules.Info {
		word = c.paint(m.Color, word)
	}
	return c.Mark(m.Color, m.Symbol, m.Plain) + " " + word
}

// Symbol is the symbol of a verdict alone, in its colour.
func (c *Console) Symbol(v rules.Verdict) string {
	m := printed.MarkOf(v)
	if v == rules.Fail {
		m.Color += ";1"
	}
	return c.Mark(m.Color, m.Symbol, m.Plain)
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
