// Package filter parses filters of exchanges, such as
// proto:websocket status:101 verdict:fail rule:UPGRADE-* path:/ws* -is:benign.
//
// A filter is a list of terms, separated by spaces. An exchange matches if all terms match. A term
// is KEY:VALUE, or a word that is searched for in the target, the host, the client and the rules
// that did not pass. A minus sign before a term negates it. Of several values, separated by commas,
// one must match. A value with spaces, commas or quotes is written in double quotes, with a
// backslash before each quote and backslash. In texts * matches any text and ? one character.
package filter

import (
	"fmt"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// The bounds of a filter.
const (
	maxLength = 2 << 10 // bytes
	maxTerms  = 32
)

// An Error is an error in a filter, and its place.
type Error struct {
	At   int // offset in bytes
	Text string
}

// Error is the error in one line. Its place is counted from 1.
func (e *Error) Error() string { return fmt.Sprintf("filter, character %d: %s", e.At+1, e.Text) }

// A Match reports whether a ruling is wanted.
type Match func(*rules.Ruling) bool

// Parse parses a filter of exchanges into a query for the store and a match for each of its
// rulings, which is nil if the query decides everything. The error is an [Error].
func Parse(text string) (store.Query, func(*rules.Ruling) bool, error) {
	terms, err := splitTerms(text)
	if err != nil {
		return store.Query{}, nil, err
	}
	var q store.Query
	var left []Match
	for _, t := range terms {
		match, err := t.match()
		if err != nil {
			return store.Query{}, nil, err
		}
		if !t.ask(&q) {
			left = append(left, match)
		}
	}
	return q, all(left), nil
}

// ParseFindings understands a filter of findings. Only the keys path, probe, route, rule, run, since, until and verdict, and
// is:live and is:unsafe, say something about these, without a minus sign; the error is an [Error].
func ParseFindings(text string) (store.Query, error) {
	terms, err := splitTerms(text)
	if err != nil {
		return store.Query{}, err
	}
	var q store.Query
	for _, t := range terms {
		if _, err := t.match(); err != nil {
			return store.Query{}, err
		}
		if !t.ofFindings() || t.not || !t.ask(&q) {
			return store.Query{}, &Error{t.at, fmt.Sprintf("%s says nothing that findings can be told apart by, or says it twice; "+
				"path, probe, route, rule, run, since, until, verdict, is:live and is:unsafe do, each once and without a minus sign", t.source)}
		}
	}
	return q, nil
}

// Terms are the terms of a filter as they are written. Of a filter that is wrong there are none.
func Terms(text string) []string {
	terms, err := splitTerms(text)
	if err != nil {
		return nil
	}
	all := make([]string, 0, len(terms))
	for _, t := range terms {
		all = append(all, t.source)
	}
	return all
}

// ofFindings reports whether the term applies to findings.
func (t *term) ofFindings() bool {
	switch t.key {
	case "path", "probe", "route", "rule", "run", "since", "until", "verdict":
		return true
	}
	return t.key == "is" && (t.values[0] == "live" || t.values[0] == "unsafe")
}

// all wants everything that several want; nil if there are none.
func all(of []Match) func(*rules.Ruling) bool {
	if len(of) == 0 {
		return nil
	}
	return func(r *rules.Ruling) bool {
		for _, match := range of {
			if !match(r) {
				return false
			}
		}
		return true
	}
}

// when reads a time: a date, a time of RFC 3339, or how long ago it was, as in 90m.
func when(text string, now time.Time) (time.Time, bool) {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), true
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// glob reports whether text matches a pattern, in which * matches any text and ? one character.
func glob(pattern, text string) bool {
	star, from := -1, 0
	i, j := 0, 0
	for j < len(text) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, from = i, j
			i++
		case i < len(pattern) && pattern[i] == '?':
			i, j = i+1, j+width(text[j:])
		case i < len(pattern) && pattern[i] == text[j]:
			i, j = i+1, j+1
		case star >= 0:
			from += width(text[from:])
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
