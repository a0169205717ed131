package ui

import (
	"fmt"
	"strings"
	"time"
)

// text returns content with printable ASCII as it is and everything else as a visible escape. It
// cannot change the direction of writing, be invisible, or look like something else.
func text(content any) string {
	s := fmt.Sprint(content)
	plain := true
	for i := range len(s) {
		plain = plain && ' ' <= s[i] && s[i] <= '~'
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case ' ' <= c && c <= '~':
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// clip is text, cut where it is long.
func clip(most int, content any) string {
	s := text(content)
	if len(s) > most {
		return s[:most-1] + "…"
	}
	return s
}

// ago returns how long ago a time was.
func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := time.Since(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return fmt.Sprintf("%d days ago", d/(24*time.Hour))
}

// clock is a time of today, or a day and a time.
func clock(t time.Time) string {
	t = t.Local()
	if now := time.Now(); t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05.000")
	}
	return t.Format("Jan 2 15:04:05")
}
