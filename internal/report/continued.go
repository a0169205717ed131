package report

import "strings"

// Continued is a command in lines of at most width bytes where its words allow it. Each but the
// last ends in a backslash, so that a shell reads them as one.
func Continued(words []string, width int) (lines []string) {
	line := ""
	for _, word := range words {
		for _, part := range pieces(word, width-2) {
			if line != "" && len(line)+1+len(part)+2 > width {
				lines = append(lines, line+` \`)
				line = ""
			}
			line = strings.TrimPrefix(line+" "+part, " ")
		}
	}
	return append(lines, line)
}

// pieces cuts an argument of printf between quotation marks into several, which print the same:
// where there is a space, or else before an escape or a letter. What follows the argument, such as
// a semicolon, stays with the last one.
func pieces(word string, width int) (all []string) {
	end := strings.LastIndexByte(word, '\'')
	if len(word) <= width || word[0] != '\'' || end == 0 {
		return []string{word}
	}
	text, rest := word[1:end], word[end+1:]
	for len(text)+2+len(rest) > width {
		n := max(width-2, 8)
		if n >= len(text) {
			break
		}
		if i := strings.LastIndexByte(text[:n], ' '); i > 0 {
			n = i + 1
		} else if i := strings.LastIndexByte(text[max(0, n-5):n], '\\'); i >= 0 && n-5+i > 0 {
			n = max(0, n-5) + i
		}
		all = append(all, "'"+text[:n]+"'")
		text = text[n:]
	}
	return append(all, "'"+text+"'"+rest)
}
