package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"math/rand/v2"
	"time"
)

// A Beat is what an instance says of itself with each heartbeat.
type Beat struct {
	Config string // identifies its configuration
	Counts Counts
}

// Counts are what an instance has counted since it began, and how many exchanges there were in the
// hour and in the day before the heartbeat.
type Counts struct {
	Requests  int64 `json:"requests"`  // with an offer to upgrade or without
	Exchanges int64 `json:"exchanges"` // upgrade exchanges of live traffic
	Hour      int64 `json:"hour"`
	Day       int64 `json:"day"`
	Switched  int64 `json:"switched"`
	Failed    int64 `json:"failed"` // exchanges in which a rule failed
	Unsafe    int64 `json:"unsafe"`
	Unaudited int64 `json:"unaudited"` // connections, or rests of them, that were carried and not audited
	Shed      int64 `json:"shed"`      // exchanges that could not be kept
}

// DefaultHeartbeat is the interval of heartbeats unless [Writer.Heartbeat] is another one.
const DefaultHeartbeat = 30 * time.Second

// commandBeat is in the place of the interval for a writer that sends no heartbeats.
const commandBeat = -1

// A heartbeat is a Beat that is about to be written.
type heartbeat struct {
	Beat
	ended bool // the last one
}

// row returns the values of a heartbeat for the columns config, ended and counts.
func (h *heartbeat) row() (config string, ended int, counts string) {
	if h == nil {
		return "", 0, ""
	}
	text, err := json.Marshal(&h.Counts)
	if err != nil {
		text = []byte("{}")
	}
	return storable(h.Config, maxKey), boolean(h.ended), string(text)
}

// beats reports whether a batch has a heartbeat and nothing else, so that nothing is lost without
// it.
func (b *batch) beats() bool {
	rest := *b
	rest.beat = nil
	return b.beat != nil && rest.empty()
}

// Announce sends a heartbeat at once, because what it says has changed.
func (w *Writer) Announce() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start()
	select {
	case w.announced <- struct{}{}:
	default:
	}
}

// beat queues a heartbeat. The last one is left out if the store cannot be written: its end must
// not take longer for that.
func (w *Writer) beat(last bool) {
	if w.Beat == nil || last && !w.State().Reachable {
		return
	}
	is := w.Beat()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gathered.beat = &heartbeat{is, last}
}

// pulse returns a channel that gets a value when the next heartbeat is due; nil if there are none.
// Intervals vary by a tenth, so that instances that began together do not write together.
func (w *Writer) pulse() <-chan time.Time {
	if w.Beat == nil {
		return nil
	}
	return time.After(time.Duration((0.9 + 0.2*rand.Float64()) * float64(w.Heartbeat)))
}

// begin records the batch in the row of its writer and locks that row until the end of the
// transaction, so that no one folds its findings. It returns true if the batch was written before.
func (s *Store) begin(ctx context.Context, tx *sql.Tx, b *batch) (written bool, err error) {
	config, ended, counts := b.beat.row()
	now := s.dialect.now()
	result, err := tx.ExecContext(ctx, `INSERT INTO instances (id, name, version, began, seen, batch, folded, beat, config, ended, counts)
		VALUES ($1, $2, $3, $4, `+now+`, $5, 0, $6, $7, $8 * `+now+`, $9)
		ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, batch = excluded.batch, folded = 0, beat = excluded.beat,
			config = CASE excluded.counts WHEN '' THEN instances.config ELSE excluded.config END,
			ended = CASE excluded.counts WHEN '' THEN instances.ended ELSE excluded.ended END,
			counts = CASE excluded.counts WHEN '' THEN instances.counts ELSE excluded.counts END
		WHERE instances.batch < excluded.batch`,
		b.session, storable(s.options.Instance, maxKey), storable(s.options.Version, maxKey), b.began.UnixMilli(), b.number,
		b.every, config, ended, counts)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 0, err
}
