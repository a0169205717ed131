package site

import (
	"fmt"
	"html"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// A badge is the picture that a project may show: how many probes passed of those that have a result.
type badge struct {
	Text, Title string
	Width       int
}

func badgeOf(s *server) badge {
	n := s.Total
	b := badge{
		Text:  fmt.Sprintf("%d/%d", n.Pass, n.Judged()),
		Title: fmt.Sprintf("%s %s passed %d of %d probes of Interlock", printed.Text(s.Name), printed.Text(s.Version), n.Pass, n.Judged()),
	}
	b.Width = badgeLabel + badgeLetter*len(b.Text) + badgeGap
	return b
}

// The widths of the parts of a badge.
const (
	badgeLabel  = 82
	badgeLetter = 7
	badgeGap    = 16
)

// SVG draws the badge. Its colours do not depend on the result.
func (b badge) SVG() string {
	title := html.EscapeString(b.Title)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="20" viewBox="0 0 %[1]d 20" role="img" aria-label="%[2]s">
<title>%[2]s</title>
<clipPath id="round"><rect width="%[1]d" height="20" rx="3"/></clipPath>
<g clip-path="url(#round)"><rect width="%[3]d" height="20" fill="#2b343c"/><rect x="%[3]d" width="%[4]d" height="20" fill="#0b62b8"/></g>
<g fill="none" stroke="#fff" stroke-width="1.5" stroke-linecap="round"><path d="M5 14h12" opacity=".6"/><path d="M6 14c4 0 4-7 9-7"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"><text x="22" y="14" textLength="%[5]d" lengthAdjust="spacingAndGlyphs">Interlock</text><text x="%[6]d" y="14" textLength="%[7]d" lengthAdjust="spacingAndGlyphs">%[8]s</text></g>
</svg>
`, b.Width, title, badgeLabel, b.Width-badgeLabel, badgeLabel-28, badgeLabel+badgeGap/2, badgeLetter*len(b.Text), html.EscapeString(b.Text))
}
