package lab

import (
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// A careless parser is the strict parser after a repair: each of these functions corrects one fault
// of a head as a careless parser would read it. Lines end in CR LF.

// assumeHTTP11 makes the request line end in HTTP/1.1, whatever version it has.
func assumeHTTP11(head string) string {
	line, fields, _ := strings.Cut(head, "\r\n")
	words := strings.SplitN(line, " ", 3)
	if len(words) < 2 {
		return head
	}
	return words[0] + " " + words[1] + " HTTP/1.1\r\n" + fields
}

// assumeChat sets the target to /chat if it has no path.
func assumeChat(head string) string {
	line, fields, _ := strings.Cut(head, "\r\n")
	words := strings.Split(line, " ")
	if len(words) != 3 {
		return head
	}
	if u, err := url.ParseRequestURI(words[1]); err == nil && strings.HasPrefix(u.Path, "/") {
		return head
	}
	return words[0] + " /chat " + words[2] + "\r\n" + fields
}

// breakAtCR treats a bare CR as the end of a line.
func breakAtCR(head string) string {
	return strings.ReplaceAll(strings.ReplaceAll(head, "\r\n", "\r"), "\r", "\r\n")
}

// trimNames removes white space between a header's name and its colon.
func trimNames(head string) string {
	return eachField(head, func(name, value string) string { return strings.TrimRight(name, " \t") + ":" + value })
}

// trimLines removes white space at the beginning of lines.
func trimLines(head string) string {
	return eachLine(head, func(line string) string { return strings.TrimLeft(line, " \t") })
}

// skipLines drops lines that are not headers.
func skipLines(head string) string {
	return eachLine(head, func(line string) string {
		if name, _, ok := strings.Cut(line, ":"); ok && httpguts.ValidHeaderFieldName(name) {
			return line
		}
		return "X-Skipped:"
	})
}

// dropControls leaves out control bytes.
func dropControls(head string) string {
	return eachLine(head, func(line string) string {
		return strings.Map(func(c rune) rune {
			if c < ' ' && c != '\t' {
				return -1
			}
			return c
		}, line)
	})
}

// dashNames replaces underscores in names of headers by dashes, as servers do that pass headers on
// by CGI (RFC 9110 §17.10).
func dashNames(head string) string {
	return eachField(head, func(name, value string) string { return strings.ReplaceAll(name, "_", "-") + ":" + value })
}

// chooseLength picks one meaning of an ambiguous length (RFC 9112 §6.3): it drops lengths of
// chunked content, takes the first of several, and ignores a sign.
func chooseLength(head string) string {
	seen := strings.Contains(lower(head), "\r\ntransfer-encoding: chunked\r\n")
	return eachField(head, func(name, value string) string {
		switch {
		case lower(name) != "content-length":
			return name + ":" + value
		case seen:
			return "X-Length:" + value
		}
		seen = true
		return name + ":" + strings.Replace(value, "+", "", 1)
	})
}

// eachField repairs the lines that have a colon.
func eachField(head string, repair func(name, value string) string) string {
	return eachLine(head, func(line string) string {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return line
		}
		return repair(name, value)
	})
}

// eachLine repairs the header lines, which are passed without their ends.
func eachLine(head string, repair func(string) string) string {
	line, fields, _ := strings.Cut(head, "\r\n")
	var b strings.Builder
	b.WriteString(line + "\r\n")
	for line := range strings.Lines(fields) {
		b.WriteString(repair(strings.TrimSuffix(line, "\r\n")) + "\r\n")
	}
	return b.String()
}
