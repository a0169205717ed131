//go:build fuzz

package store

import (
	"database/sql/driver"
	"errors"
)

// Fuzzing counts every branch of every package, for every input. Those of SQLite are so many that an input took seconds and
// the build minutes; what is fuzzed here does not come near it, and so this build does without.

type sqliteError struct{ error }

// Code is a code that no error has.
func (sqliteError) Code() int { return 0 }

func newConnector(string) (driver.Connector, error) {
	return nil, errors.New("this build has no SQLite")
}

const (
	codeBusy = iota + 1
	codeLocked
	codeNotADB
	codeCorrupt
	codeReadOnly
	codePerm
	codeCantOpen
	codeFull
	codeConstraint
	codeTooBig
	codeMismatch
)
