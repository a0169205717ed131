package store

import (
	"context"
	"fmt"
	"time"
)

// vacuum returns free space of an SQLite file to the file system, if that is a fifth of it or more.
func (s *Store) vacuum(ctx context.Context, gentle pace) error {
	if s.dialect != sqlite {
		return nil
	}
	for returned := false; ; returned = true {
		began := time.Now()
		var free, all int64
		if err := s.pool().QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
			return err
		}
		if err := s.pool().QueryRowContext(ctx, "PRAGMA page_count").Scan(&all); err != nil {
			return err
		}
		if free == 0 || free < all/5 {
			if !returned {
				return nil
			}
			_, err := s.pool().ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)") // until then the file is as long as before
			return err
		}
		rows, err := s.pool().QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumStep))
		if err != nil {
			return err
		}
		for rows.Next() {
		}
		if err := rows.Close(); err != nil {
			return err
		}
		was := free
		if err := s.pool().QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil || free >= was {
			return err // as in memory
		}
		if err := gentle.rest(ctx, began); err != nil {
			return err
		}
	}
}
