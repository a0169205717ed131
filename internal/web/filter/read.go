package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"
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
	i := strings.IndexFunc(text[at:], func(r rune) bool { return r < 'a' || r > 'z' })
	if i <= 0 || text[at+i] != ':' {
		return t.word(text, begin)
	}
	t.key = text[at : at+i]
	at += i + 1
	for {
		value, next, err := readValue(text, at)
		if err != nil {
			return t, 0, err
		}
		if value == "" {
			return t, 0, &Error{at, fmt.Sprintf("a value is missing after %s:", t.key)}
		}
		t.values = append(t.values, value)
		if at = next; at == len(text) || text[at] != ',' {
			break
		}
		at++
	}
	if at < len(text) && text[at] != ' ' && text[at] != '\t' {
		return t, 0, &Error{at, "a closing quote must be followed by a space, a comma or the end"}
	}
	t.source = text[begin:at]
	return t, at, nil
}

// word reads a term without a key: a word, or text in quotes, to be searched for.
func (t term) word(text string, begin int) (term, int, error) {
	value, end := "", t.at
	if t.at < len(text) && text[t.at] == '"' {
		var err error
		if value, end, err = readValue(text, t.at); err != nil {
			return t, 0, err
		}
	} else {
		end += len(text[t.at:])
		if i := strings.IndexAny(text[t.at:], " \t"); i >= 0 {
			end = t.at + i
		}
		value = text[t.at:end]
	}
	switch {
	case value == "" && end > t.at:
		return t, 0, &Error{begin, "the quotes are empty"}
	case value == "":
		return t, 0, &Error{begin, "a word or a term is missing after the minus sign"}
	case end < len(text) && text[end] != ' ' && text[end] != '\t':
		return t, 0, &Error{end, "a closing quote must be followed by a space or the end"}
	}
	t.values, t.source = []string{value}, text[begin:end]
	return t, end, nil
}

// readValue reads a value and returns where it ends.
func readValue(text string, at int) (value string, end int, err error) {
	if at == len(text) || text[at] != '"' {
		i := strings.IndexAny(text[at:], " \t,")
		if i < 0 {
			i = len(text) - at
		}
		if quote := strings.IndexByte(text[at:at+i], '"'); quote >= 0 {
			return "", 0, &Error{at + quote, "quotes go around a whole value; inside a quoted value write a backslash in front of a quote"}
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
				return "", 0, &Error{i - 1, `after a backslash there must be a quote or another backslash`}
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
