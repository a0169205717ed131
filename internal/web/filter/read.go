package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// term is one term as it is written.
type term struct {
	at     int    // where it begins, without the minus sign
	source string // as it is written
	not    bool
	key    string
	values []string // at least one, none of them empty
}

// splitTerms cuts a filter into its terms.
func splitTerms(text string) ([]term, error) {
	if len(text) > maxLength {
		return nil, &Error{maxLength, fmt.Sprintf("it is longer than %d characters", maxLength)}
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == utf8.RuneError }); i >= 0 {
		return nil, &Error{i, "control characters, and what is no UTF-8, have no place in a filter"}
	}
	var all []term
	for at := 0; ; {
		at += len(text[at:]) - len(strings.TrimLeft(text[at:], " \t"))
		if at == len(text) {
			return all, nil
		}
		t, end, err := readTerm(text, at)
		if err != nil {
			return nil, err
		}
		if len(all) == maxTerms {
			return nil, &Error{at, fmt.Sprintf("there are more than %d terms", maxTerms)}
		}
		all, at = append(all, t), end
	}
}

// readTerm reads the term that begins at a place, and returns where it ends.
func readTerm(text string, at int) (t term, end int, err error) {
	begin := at
	if text[at] == '-' {
		t.not, at = true, at+1
	}
	t.at = at
	i := strings.IndexAny(text[at:], ": \t\"")
	if i <= 0 || text[at+i] != ':' {
		if i < 0 {
			i = len(text) - at
		}
		return t, 0, &Error{at, fmt.Sprintf("%q is no term such as verdict:fail; for a part of the path write path:*TEXT*", printed.Start(text[begin:min(at+max(i, 1), len(text))], maxQuoted))}
	}
	t.key = text[at : at+i]
	at += i + 1
	for {
		value, next, err := readValue(text, at)
		if err != nil {
			return t, 0, err
		}
		if value == "" {
			return t, 0, &Error{at, fmt.Sprintf("behind %s: a value is missing", t.key)}
		}
		t.values = append(t.values, value)
		if at = next; at == len(text) || text[at] != ',' {
			break
		}
		at++
	}
	if at < len(text) && text[at] != ' ' && text[at] != '\t' {
		return t, 0, &Error{at, "behind a quote there has to be a space, a comma or the end"}
	}
	t.source = text[begin:at]
	return t, at, nil
}

// readValue reads a value and returns where it ends.
func readValue(text string, at int) (value string, end int, err error) {
	if at == len(text) || text[at] != '"' {
		i := strings.IndexAny(text[at:], " \t,")
		if i < 0 {
			i = len(text) - at
		}
		if quote := strings.IndexByte(text[at:at+i], '"'); quote >= 0 {
			return "", 0, &Error{at + quote, "a quote stands around a whole value, or behind a backslash in one that is quoted"}
		}
		return text[at : at+i], at + i, nil
	}
	var b strings.Builder
	for i := at + 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), i + 1, nil
		case '\\':
			if i++; i == len(text) || text[i] != '"' && text[i] != '\\' {
				return "", 0, &Error{i - 1, `behind a backslash there has to be a quote or a backslash`}
			}
		}
		b.WriteByte(text[i])
	}
	return "", 0, &Error{at, "the quote that begins here does not end"}
}

// width is how many bytes the first character of a text has.
func width(text string) int {
	_, n := utf8.DecodeRuneInString(text)
	return n
}

// maxQuoted is how many bytes of a text an error quotes.
const maxQuoted = 40
