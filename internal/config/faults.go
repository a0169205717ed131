package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// Faults are the faults of a configuration.
type Faults []fault

// A fault is one error. Line is its line in the file; 0 for flags, variables and missing keys.
type fault struct {
	line int
	text string
}

// Error describes the fault and its place.
func (f fault) Error() string { return f.text }

// Add is a func that adds a fault, with the place of the key's value. A key whose value has the
// wrong form is reported only once.
func (f *Faults) Add(o *Origin) func(key, format string, v ...any) {
	return func(key, format string, v ...any) {
		if o.reported(key) {
			return
		}
		text := key + ": " + fmt.Sprintf(format, v...)
		if name, ok := o.Given[key]; ok {
			*f = append(*f, fault{text: name + ": " + fmt.Sprintf(format, v...)})
		} else if line, column := o.position(key); line > 0 {
			*f = append(*f, fault{line, o.at(line, column, text)})
		} else {
			*f = append(*f, fault{text: text})
		}
	}
}

// reported reports whether the faults include a key, or one that contains it.
func (o *Origin) reported(key string) bool {
	for known := range o.known {
		if rest, ok := strings.CutPrefix(key, known); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}

// Err returns all faults as one usage error; nil if there are none.
func (f *Faults) Err() error {
	if len(*f) == 0 {
		return nil
	}
	sorted := slices.Clone(*f)
	slices.SortStableFunc(sorted, func(a, b fault) int { return a.line - b.line })
	all := make([]error, 0, len(sorted))
	for _, each := range sorted {
		all = append(all, each)
	}
	return exit.Error{Status: exit.StatusUsage, Err: errors.Join(all...)}
}
