package interlocktest

import (
	"flag"
	"regexp"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// runPattern is the value of go test -run; empty if there is none.
func runPattern() string {
	if f := flag.Lookup("test.run"); f != nil {
		return f.Value.String()
	}
	return ""
}

// wanted returns the probes whose subtests the pattern of go test -run probably selects below a test.
// Only package testing knows: a wrong guess costs time, and changes no result.
func wanted(all []*rules.Probe, test, pattern string) (chosen []*rules.Probe) {
	level := strings.Count(test, "/") + 1
	var ids []*regexp.Regexp
	for _, alternative := range split(pattern, '|') {
		parts := split(alternative, '/')
		if len(parts) <= level {
			return append(chosen, all...)
		}
		if re, err := regexp.Compile(parts[level]); err == nil {
			ids = append(ids, re)
		}
	}
	for _, p := range all {
		for _, re := range ids {
			if re.MatchString(p.ID) {
				chosen = append(chosen, p)
				break
			}
		}
	}
	return chosen
}

// split cuts a pattern at a separator outside brackets, as package testing does.
func split(pattern string, at byte) (parts []string) {
	start, square, round := 0, 0, 0
	for i := 0; i < len(pattern); i++ {
		switch b := pattern[i]; {
		case b == '\\':
			i++
		case b == '[':
			square++
		case b == ']':
			square = max(square-1, 0)
		case square > 0:
		case b == '(':
			round++
		case b == ')':
			round--
		case b == at && round == 0:
			parts = append(parts, pattern[start:i])
			start = i + 1
		}
	}
	return append(parts, pattern[start:])
}

// again is the command that runs a test and no other.
func again(test string) string {
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return "go test -run '" + strings.Join(parts, "/") + "'"
}
