//go:build !fuzz

package store

import (
	sqldriver "database/sql/driver"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// sqliteError is an error of SQLite.
type sqliteError = driver.Error

// newConnector makes connections to the database that a URI names.
func newConnector(uri string) (sqldriver.Connector, error) { return driver.NewConnector(uri) }

// The primary result codes that are distinguished.
const (
	codeBusy       = codes.SQLITE_BUSY
	codeLocked     = codes.SQLITE_LOCKED
	codeNotADB     = codes.SQLITE_NOTADB
	codeCorrupt    = codes.SQLITE_CORRUPT
	codeReadOnly   = codes.SQLITE_READONLY
	codePerm       = codes.SQLITE_PERM
	codeCantOpen   = codes.SQLITE_CANTOPEN
	codeFull       = codes.SQLITE_FULL
	codeConstraint = codes.SQLITE_CONSTRAINT
	codeTooBig     = codes.SQLITE_TOOBIG
	codeMismatch   = codes.SQLITE_MISMATCH
)
