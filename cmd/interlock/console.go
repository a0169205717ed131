package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// console turns log lines into lines for people: time, verdict, protocol, request, answer, and what is wrong.
type console struct {
	w     io.Writer
	color bool
	ascii bool
	shown map[string]bool // exchanges whose line was shown when they turned out to be unsafe
}

func newConsole(w io.Writer, ascii bool) *console {
	return &console{
		w: w, ascii: ascii || !utf8Locale(), shown: map[string]bool{},
		color: isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

// utf8Locale tells whether the environment asks for UTF-8.
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// logLine is what a log line may have.
type logLine struct {
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
func (c *console) Write(p []byte) (int, error) {
	var l logLine
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
		text = fmt.Sprintf("%s closed by %s   open %v   %s %s %s %s", c.mark("dim", "·", "."), l.Cause, open,
			c.symbol("↑", "up"), size(l.ClientBytes), c.symbol("↓", "down"), size(l.ServerBytes))
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
func (c *console) exchange(l logLine) string {
	answer := l.Outcome
	if l.Status != 0 {
		answer = fmt.Sprint(l.Status)
	}
	var what []string
	what = append(what, l.Rules...)
	for _, ref := range l.Refs {
		if c.ascii {
			ref = strings.ReplaceAll(ref, "§", "section ")
		}
		what = append(what, ref)
	}
	if len(l.Rules) == 0 {
		what = append(what, l.Outcome)
	}
	return fmt.Sprintf("%s %-5s %-4s %-20s %-8s %s", c.verdict(l), short(l.Protocol), clip(l.Method, 8), clip(l.Target, 60), answer, strings.Join(what, " "))
}

// verdict is the verdict as colour, symbol and word. A warning about a mere fact is shown as information.
func (c *console) verdict(l logLine) string {
	switch {
	case l.Verdict == "fail":
		return c.mark("31", "✖", "x") + " " + c.paint("31", "fail")
	case l.Verdict == "warn" && l.Severity == "info":
		return c.mark("36", "i", "i") + " info"
	case l.Verdict == "warn":
		return c.mark("33", "!", "!") + " " + c.paint("33", "warn")
	case l.Verdict == "unclear":
		return c.mark("35", "?", "?") + " unclear"
	case l.Verdict == "pass":
		return c.mark("32", "✓", "+") + " pass"
	}
	return c.mark("dim", "–", "-") + " n/a "
}

// other is the line of what is no exchange.
func (c *console) other(l logLine, raw []byte) string {
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

func (c *console) mark(color, symbol, plain string) string {
	return c.paint(color, c.symbol(symbol, plain))
}

func (c *console) symbol(symbol, plain string) string {
	if c.ascii {
		return plain
	}
	return symbol
}

func (c *console) arrow() string {
	if c == nil {
		return "->"
	}
	return c.symbol("→", "->")
}

func (c *console) paint(color, text string) string {
	switch {
	case !c.color:
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

func clip(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "~"
}

// size is a number of bytes as people read it.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
