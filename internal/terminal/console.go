package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// Console turns log lines into lines for people: time, verdict, protocol, request, answer, and what is wrong.
type Console struct {
	w     io.Writer
	Color bool
	ASCII bool
	shown map[string]bool // exchanges whose line was shown when they turned out to be unsafe
}

// NewConsole writes lines for people to w, in colour where w is a terminal that can show it.
func NewConsole(w io.Writer, ascii bool) *Console {
	return &Console{
		w: w, ASCII: ascii || !UTF8Locale(), shown: map[string]bool{},
		Color: IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

// UTF8Locale tells whether the environment asks for UTF-8.
func UTF8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// LogLine is what a log line may have.
type LogLine struct {
	Level    string    `json:"level"`
	Time     time.Time `json:"time"`
	Message  string    `json:"message"`
	Exchange string    `json:"exchange"`
	Client   string    `json:"client"`
	Route    string    `json:"route"`
	Method   string    `json:"method"`
	Target   string    `json:"target"`
	Protocol string    `json:"protocol"`
	Status   int       `json:"status"`
	Outcome  string    `json:"outcome"`
	Cause    string    `json:"cause"`
	Verdict  string    `json:"verdict"`
	Severity string    `json:"severity"`
	Rules    []string  `json:"rules"`
	Refs     []string  `json:"refs"`
	Err      string    `json:"err"`
	Text     string    `json:"text"`

	Milliseconds float64 `json:"ms"`
	ClientBytes  int64   `json:"clientBytes"`
	ServerBytes  int64   `json:"serverBytes"`
}

// Write takes one log line.
func (c *Console) Write(p []byte) (int, error) {
	var l LogLine
	if err := json.Unmarshal(p, &l); err != nil {
		return c.w.Write(p)
	}
	text := ""
	switch l.Message {
	case "exchange", "unsafe switch":
		if l.Message == "exchange" && c.shown[l.Exchange] {
			delete(c.shown, l.Exchange)
			return len(p), nil
		}
		if l.Message == "unsafe switch" {
			c.shown[l.Exchange] = true
		}
		text = c.exchange(l)
	case "tunnel closed":
		open := time.Duration(l.Milliseconds * float64(time.Millisecond)).Round(time.Millisecond)
		text = fmt.Sprintf("%s closed by %s   open %v   %s %s %s %s", c.Mark("dim", "·", "."), l.Cause, open,
			c.symbol("↑", "up"), Size(l.ClientBytes), c.symbol("↓", "down"), Size(l.ServerBytes))
	case "note":
		_, err := fmt.Fprintf(c.w, "\n %s\n", l.Text)
		return len(p), err
	case "listening":
		return len(p), nil // the banner has said it
	default:
		text = c.other(l, p)
	}
	_, err := fmt.Fprintf(c.w, " %s %s\n", l.Time.Local().Format("15:04:05.000"), text)
	return len(p), err
}

// exchange is the line of an exchange.
func (c *Console) exchange(l LogLine) string {
	answer := l.Outcome
	if l.Status != 0 {
		answer = fmt.Sprint(l.Status)
	}
	var what []string
	what = append(what, l.Rules...)
	for _, ref := range l.Refs {
		if c.ASCII {
			ref = strings.ReplaceAll(ref, "§", "section ")
		}
		what = append(what, ref)
	}
	if len(l.Rules) == 0 {
		what = append(what, l.Outcome)
	}
	return fmt.Sprintf("%s %-5s %-4s %-20s %-8s %s", c.Verdict(l), short(l.Protocol), Clip(l.Method, 8), Clip(l.Target, 60), answer, strings.Join(what, " "))
}

// Verdict is the verdict as colour, symbol and word. A warning about a mere fact is shown as information.
func (c *Console) Verdict(l LogLine) string {
	switch {
	case l.Verdict == "fail":
		return c.Mark("31", "✖", "x") + " " + c.paint("31", "fail")
	case l.Verdict == "warn" && l.Severity == "info":
		return c.Mark("36", "i", "i") + " info"
	case l.Verdict == "warn":
		return c.Mark("33", "!", "!") + " " + c.paint("33", "warn")
	case l.Verdict == "unclear":
		return c.Mark("35", "?", "?") + " unclear"
	case l.Verdict == "pass":
		return c.Mark("32", "✓", "+") + " pass"
	}
	return c.Mark("dim", "–", "-") + " n/a "
}

// other is the line of what is no exchange.
func (c *Console) other(l LogLine, raw []byte) string {
	var facts map[string]any
	if err := json.Unmarshal(raw, &facts); err != nil {
		return l.Message
	}
	text := l.Message
	if l.Level == "error" {
		text = c.paint("31", "error: "+l.Message)
	}
	if l.Err != "" {
		text += ": " + l.Err
	}
	if l.Message == "stopped" {
		text += fmt.Sprintf("   exchanges %v   upgrades %v   unsafe %v   findings %v   not audited: opaque %v, TLS %v, h2 %v, blind tunnels %v",
			facts["exchanges"], facts["upgrades"], facts["unsafe"], facts["findings"], facts["opaque"], facts["tls"], facts["http2"], facts["blindTunnels"])
	}
	return text
}

// Mark is a symbol in a colour, or the plain text in its place where symbols outside of ASCII are not wanted.
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

func short(protocol string) string {
	if protocol == "websocket" {
		return "ws"
	}
	return protocol
}

// Clip cuts text to that many characters, the last of which says that it was cut.
func Clip(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "~"
}
