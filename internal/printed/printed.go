// Package printed formats numbers and text for people, in the same form on terminals, in reports
// and on pages.
package printed

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/interlock-proxy/interlock/wire"
)

// Count returns a number and a noun, in the plural unless the number is one: 1 probe, 1,234 probes.
func Count[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Thousands(int64(n)) + " " + noun + "s"
}

// Thousands returns a number with commas, such as 1,234.
func Thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Size returns a number of bytes with a unit, such as 1.5 MB.
func Size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, units := float64(n), "kMGTP"
	for f >= 999.95 && len(units) > 1 {
		if f /= 1000; f < 999.95 {
			break
		}
		units = units[1:]
	}
	return fmt.Sprintf("%.1f %cB", f, units[0])
}

// Cut returns at most that many characters of a text. Where it leaves some out, the last one is a
// tilde.
func Cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "~"
}

// Start returns a text of at most that many bytes as it is, and the whole characters at the start
// of a longer one with "..." after them.
func Start(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.ToValidUTF8(text[:most], "\ufffd") + "..."
}

// Escaped returns text from the wire in the notation of transcripts, cut to that many characters.
func Escaped(text string, most int) string {
	return Cut(wire.Escape([]byte(text[:min(len(text), most+1)])), most)
}

// Line returns text from the wire in the notation of transcripts, short enough for a line of a
// terminal.
func Line(text string) string { return Escaped(text, 200) }

// ASCII returns a text with every byte that is not printable ASCII as \xHH. Unlike [wire.Escape] it
// leaves backslashes alone: it is for sentences in which values are escaped already.
func ASCII(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; ' ' <= c && c <= '~' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// Protocol returns the name of a protocol as columns have it: ws for websocket.
func Protocol(name string) string {
	if name == "websocket" {
		return "ws"
	}
	return name
}

// Wrap breaks a text at its spaces into lines of at most width characters. A longer word has a line of its own.
func Wrap(text string, width int) (lines []string) {
	line, length := "", 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		if length > 0 && length+1+n > width {
			lines = append(lines, line)
			line, length = "", 0
		}
		if length > 0 {
			line, length = line+" ", length+1
		}
		line, length = line+word, length+n
	}
	return append(lines, line)
}
