package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// An upsert writes rows of one table. No two rows of one call may be the same one.
type upsert struct {
	table    string
	columns  []string
	conflict string // the action on a conflict: the clause after ON CONFLICT
}

// write writes rows: one after the other into a file, and all with one statement to a server, where
// a round trip takes longer than a row.
func (u upsert) write(ctx context.Context, tx *sql.Tx, d dialect, rows [][]any) error {
	switch {
	case len(rows) == 0:
		return nil
	case d == sqlite:
		return u.writeEach(ctx, tx, rows)
	case len(rows) > 1:
		return u.writeColumns(ctx, tx, rows)
	}
	_, err := tx.ExecContext(ctx, u.statement(1), rows[0]...)
	return err
}

func (u upsert) writeEach(ctx context.Context, tx *sql.Tx, rows [][]any) error {
	statement, err := tx.PrepareContext(ctx, u.statement(1))
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, row := range rows {
		if _, err := statement.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}

func (u upsert) statement(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", u.table, strings.Join(u.columns, ", "))
	for i := range n * len(u.columns) {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%len(u.columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	b.WriteString(") ON CONFLICT " + u.conflict)
	return b.String()
}

// The limits of texts in the store, in bytes. Keys of an index in PostgreSQL cannot be long.
const (
	maxKey  = 256
	maxText = 4 << 10
)

// storable turns a text into one that every database accepts: valid UTF-8 without NUL, of at most
// that many bytes.
func storable(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	if isASCII(text) { // most are
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// isASCII reports whether a text has only ASCII characters, and no NUL.
func isASCII(text string) bool {
	for i := range len(text) {
		if c := text[i]; c == 0 || c >= 0x80 {
			return false
		}
	}
	return true
}

// boolean returns a truth value as a number, which both databases support.
func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}
