package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
)

// A ceiling is how large an SQLite file may be. A transaction that writes to a larger one deletes as much of the oldest exchanges:
// the pages of these are used again at once, which costs a third of what pruning costs with transactions of its own.
type ceiling struct {
	mu     sync.Mutex // held from trimming to the end of its transaction
	most   int64      // bytes in use; 0: nothing is trimmed
	failed bool       // trimming failed: pruning has to succeed first

	// The exchange up to which was trimmed. What is left before it has a finding, and needs not be read again.
	from position

	trimmed atomic.Int64 // exchanges that were deleted since the writer asked
	over    atomic.Bool  // the file is larger nevertheless, so that it must be pruned
}

// The limits of trimming.
const (
	trimBytes = 256 << 10 // are deleted at a time, or a sixty-fourth of a small file
	trimTwice = 2         // times as many bytes as were written are deleted at most
	trimSteps = 100       // in a transaction, also if they find only what is spared
)

// start has a file kept at the size that it has, or at the limit, as long as pruning has not reached the limit.
func (c *ceiling) start(limit, used int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most == 0 && !c.failed {
		c.most = max(limit, used)
	}
}

// lower has a file kept at the size that pruning has reached on its way to the limit.
func (c *ceiling) lower(limit, used int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = min(c.most, max(limit, used))
}

// settle has a file kept at a size. Exchanges with an old time that were written since are found again.
func (c *ceiling) settle(most int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most, c.failed, c.from = most, false, position{time: minTime}
}

// A trimming is what a transaction deletes.
type trimming struct {
	store *Store
	from  position
	last  int64 // the row number of the last exchange before the transaction
	gone  Size
	more  bool // the file is still too large
	held  bool // the ceiling is locked
}

// trim begins the trimming of a transaction, before exchanges are written. The caller calls end after the transaction.
func (s *Store) trim(ctx context.Context, tx *sql.Tx) (*trimming, error) {
	t := &trimming{store: s}
	if s.path == "" || !s.ceiling.mu.TryLock() {
		return t, nil
	}
	t.held, t.from = true, s.ceiling.from
	if s.ceiling.most == 0 {
		return t, nil
	}
	return t, tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(rowid), 0) FROM exchanges").Scan(&t.last)
}

// end ends the trimming of a transaction.
func (t *trimming) end(committed bool) {
	if t == nil || !t.held {
		return
	}
	c := &t.store.ceiling
	if committed {
		c.from = t.from
		c.trimmed.Add(t.gone.Exchanges)
		t.store.pruned.Add(t.gone.Exchanges)
		if t.more {
			c.over.Store(true)
		}
	}
	c.mu.Unlock()
}

// run deletes the oldest exchanges if the file is full, after exchanges of that size were written. It spares the first exchange of each
// finding, and what the transaction has written. If it fails, nothing is trimmed until pruning has succeeded: what is new can be
// written to a file of which an old page is damaged.
func (t *trimming) run(ctx context.Context, tx *sql.Tx, wrote Size) error {
	if !t.held || t.last == 0 || wrote.Exchanges == 0 {
		return nil
	}
	err := t.reduce(ctx, tx, wrote)
	if err != nil {
		t.store.ceiling.most, t.store.ceiling.failed = 0, true
	}
	if isRefused(err) { // but what is written is not
		err = errors.New("delete old exchanges: " + err.Error())
	}
	return err
}

func (t *trimming) reduce(ctx context.Context, tx *sql.Tx, wrote Size) error {
	most := t.store.ceiling.most
	var used int64
	if err := tx.QueryRowContext(ctx, usedBytes).Scan(&used); err != nil || used < most {
		return err
	}
	excess := used - most + min(trimBytes, most/64)
	defer func() { t.more = used-t.gone.Bytes > most+most/16 }()
	until, err := tx.PrepareContext(ctx, "SELECT time, id FROM exchanges WHERE (time, id) > ($1, $2) AND +rowid <= $3 ORDER BY time, id LIMIT 1 OFFSET $4")
	if err != nil {
		return err
	}
	defer until.Close()
	remove, err := tx.PrepareContext(ctx, `DELETE FROM exchanges WHERE (time, id) > ($1, $2) AND (time, id) <= ($3, $4) AND +rowid <= $5
		AND NOT EXISTS (SELECT 1 FROM findings WHERE findings.first_id = exchanges.id) RETURNING bytes`)
	if err != nil {
		return err
	}
	defer remove.Close()
	each := max(1, wrote.Bytes/wrote.Exchanges)
	for range trimSteps {
		left := min(excess, trimTwice*wrote.Bytes) - t.gone.Bytes
		if left <= 0 {
			return nil
		}
		step := min(pruneStep, left/each+1)
		to := t.from
		err := until.QueryRowContext(ctx, t.from.time, t.from.id, t.last, step-1).Scan(&to.time, &to.id)
		if errors.Is(err, sql.ErrNoRows) { // hardly any are left
			return nil
		}
		if err == nil {
			err = t.remove(ctx, remove, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// remove deletes exchanges up to a position.
func (t *trimming) remove(ctx context.Context, remove *sql.Stmt, to position) error {
	rows, err := remove.QueryContext(ctx, t.from.time, t.from.id, to.time, to.id, t.last)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var bytes int64
		if err := rows.Scan(&bytes); err != nil {
			return err
		}
		t.gone.Exchanges++
		t.gone.Bytes += bytes
	}
	t.from = to
	return rows.Err()
}

// grow counts by how much the store has grown, and requests pruning when that is a sixteenth of the limit. The lock is held.
func (w *Writer) grow(written []*waiting) {
	if len(written) == 0 {
		return
	}
	var bytes int64
	for _, is := range written {
		bytes += is.size
	}
	n := int64(len(written))
	net := n - w.Store.ceiling.trimmed.Swap(0)
	w.grown.Exchanges, w.grown.Bytes = max(w.grown.Exchanges+net, 0), max(w.grown.Bytes+net*(bytes/n), 0)
	l := w.Limits.withDefaults(w.Store.limits)
	if over := w.Store.ceiling.over.Swap(false); !over && w.grown.Bytes < l.Bytes/16 && (l.Count == 0 || w.grown.Exchanges < l.Count/16) {
		return
	}
	w.grown = Size{}
	select {
	case w.full <- struct{}{}:
	default: // pruning was already requested
	}
}
