//go:build fuzz

package store

import (
	"database/sql/driver"
	"errors"
)

// The fuzzer counts every branch of every package for every input. SQLite has so many that an input
// would take seconds and the build minutes. The fuzz targets do not use it, so this build leaves it
// out.

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
