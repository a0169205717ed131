package rules

import "strings"

// MatchGlob reports whether text matches a glob, in which * matches any bytes and everything else
// matches itself.
func MatchGlob(glob, text string) bool {
	front, rest, star := strings.Cut(glob, "*")
	text, ok := strings.CutPrefix(text, front)
	if !ok || !star {
		return ok && text == ""
	}
	pieces := strings.Split(rest, "*")
	last := pieces[len(pieces)-1]
	for _, piece := range pieces[:len(pieces)-1] {
		if _, text, ok = strings.Cut(text, piece); !ok {
			return false
		}
	}
	return strings.HasSuffix(text, last)
}
