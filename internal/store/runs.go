package store

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Run is one run of a command that stores its findings under an ID.
type Run struct {
	ID       string            `json:"id"`
	Command  string            `json:"command"` // such as probe
	Target   string            `json:"target"`  // the probed URLs, or the backend of the traffic, without secrets
	Origin   string            `json:"origin"`  // of its exchanges
	Version  string            `json:"version"` // of the program
	Instance string            `json:"instance"`
	Labels   map[string]string `json:"labels"`
	Began    time.Time         `json:"began"`
	Ended    time.Time         `json:"ended"`             // zero while it runs, or if it was killed
	Stopped  bool              `json:"stopped,omitempty"` // it ended early: by a signal, or because its backend went away
	Summary  map[string]int64  `json:"summary"`           // counts of its results
}

// Complete reports whether the run ended normally and had at least one exchange.
func (r *Run) Complete() bool { return !r.Ended.IsZero() && !r.Stopped && !r.Empty() }

// Empty reports whether the run has ended without a single exchange, for example because it could
// not connect.
func (r *Run) Empty() bool {
	if r.Ended.IsZero() || r.Summary == nil {
		return false
	}
	for _, name := range []string{"fail", "warn", "unclear", "pass", "not-applicable", "accepted"} {
		if r.Summary[name] > 0 {
			return false
		}
	}
	return true
}

// upsertRuns keeps the values at the end of a run.
func upsertRuns() upsert {
	return upsert{
		table:   "runs",
		columns: []string{"id", "began", "ended", "command", "target", "origin", "version", "instance", "labels", "stopped", "summary"},
		conflict: `(id) DO UPDATE SET ended = excluded.ended, command = excluded.command, origin = excluded.origin, version = excluded.version,
			instance = excluded.instance, labels = excluded.labels, target = excluded.target, stopped = excluded.stopped, summary = excluded.summary WHERE excluded.ended >= runs.ended`,
	}
}

func runRows(runs map[string]Run) ([][]any, error) {
	rows := make([][]any, 0, len(runs))
	for _, r := range runs {
		labels, err := json.Marshal(r.Labels)
		if err != nil {
			return nil, err
		}
		summary, err := json.Marshal(r.Summary)
		if err != nil {
			return nil, err
		}
		rows = append(rows, []any{
			storable(r.ID, maxKey), unixMilli(r.Began), unixMilli(r.Ended), storable(r.Command, maxKey), storable(r.Target, maxText), storable(r.Origin, maxKey),
			storable(r.Version, maxKey), storable(r.Instance, maxKey), string(labels), boolean(r.Stopped), string(summary),
		})
	}
	sortRows(rows)
	return rows, nil
}

// unixMilli returns a time as it is stored; 0 is the zero time.
func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at returns the time of a stored value.
func at(unixMilli int64) time.Time {
	if unixMilli == 0 {
		return time.Time{}
	}
	return time.UnixMilli(unixMilli).UTC()
}

// sortRows sorts rows by key, the order in which all programs lock them.
func sortRows(rows [][]any) {
	key := func(row []any) string {
		var b strings.Builder
		for _, v := range row {
			text, ok := v.(string)
			if !ok {
				break
			}
			b.WriteString(text)
			b.WriteByte(0)
		}
		return b.String()
	}
	slices.SortFunc(rows, func(a, b []any) int { return strings.Compare(key(a), key(b)) })
}

// Runs returns all runs, the latest first.
func (s *Store) Runs(ctx context.Context) ([]Run, error) {
	return s.runs(ctx, "")
}

// Run returns the run with that ID, or [ErrNotFound].
func (s *Store) Run(ctx context.Context, id string) (Run, error) {
	found, err := s.runs(ctx, "WHERE id = $1", id)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("run %q: %w", id, ErrNotFound)
	}
	if err != nil {
		return Run{}, err
	}
	return found[0], nil
}

// isLast matches last and last~N, where N is a number of later runs.
var isLast = regexp.MustCompile(`^last(?:~([0-9]{1,9}))?$`)

// isPrefix matches the beginning of an ID of a run, which is a ULID.
var isPrefix = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{4,26}$`)

// IsRunName reports whether [Store.FindRun] accepts the form of a text.
func IsRunName(name string) bool { return isLast.MatchString(name) || isPrefix.MatchString(name) }

// FindRun returns the run of that name: last, the latest complete run; last~1, the complete run of
// the same target before it; or an ID, abbreviated to four characters or more if that is unique.
// The error is [ErrNotFound] or [ErrAmbiguous] if there is no such run or more than one.
func (s *Store) FindRun(ctx context.Context, name string) (Run, error) {
	return s.FindRunOf(ctx, name, "")
}

// FindRunOf is FindRun, but last is the latest run of that target; an empty target means any.
func (s *Store) FindRunOf(ctx context.Context, name, target string) (Run, error) {
	if back := isLast.FindStringSubmatch(name); back != nil {
		n, _ := strconv.Atoi("0" + back[1])
		found, err := s.runs(ctx, "")
		target = storable(target, maxText)
		found = slices.DeleteFunc(found, func(r Run) bool { return !r.Complete() })
		if target == "" && len(found) > 0 {
			target = found[0].Target
		}
		found = slices.DeleteFunc(found, func(r Run) bool { return target != "" && r.Target != "" && r.Target != target }) // older releases stored no target
		if len(found) <= n && target != "" && err == nil {
			return Run{}, fmt.Errorf("run %q of %s: %w", name, oneLine(target), ErrNotFound)
		}
		return theRun(name, found[min(n, len(found)):min(n+1, len(found))], err)
	}
	if !isPrefix.MatchString(name) {
		return s.Run(ctx, name)
	}
	found, err := s.runs(ctx, "WHERE "+s.dialect.glob("id", "$1"), s.dialect.pattern(strings.ToUpper(name)+"*"))
	return theRun(name, found, err)
}

// theRun returns the only run of a list.
func theRun(name string, found []Run, err error) (Run, error) {
	switch {
	case err != nil:
		return Run{}, err
	case len(found) == 0:
		return Run{}, fmt.Errorf("run %q: %w", name, ErrNotFound)
	case len(found) > 1:
		return Run{}, fmt.Errorf("run %q: %w: %s, %s", name, ErrAmbiguous, found[0].ID, found[1].ID)
	}
	return found[0], nil
}

func (s *Store) runs(ctx context.Context, where string, args ...any) ([]Run, error) {
	var all []Run
	err := s.each(ctx, "SELECT id, began, ended, command, target, origin, version, instance, labels, stopped, summary FROM runs "+where+" ORDER BY began DESC, id DESC", args,
		func(scan func(...any) error) error {
			var r Run
			var began, ended, stopped int64
			var labels, summary string
			if err := scan(&r.ID, &began, &ended, &r.Command, &r.Target, &r.Origin, &r.Version, &r.Instance, &labels, &stopped, &summary); err != nil {
				return err
			}
			r.Began, r.Ended, r.Stopped = at(began), at(ended), stopped != 0
			if err := json.Unmarshal([]byte(labels), &r.Labels); err != nil {
				return err
			}
			all = append(all, r)
			return json.Unmarshal([]byte(summary), &all[len(all)-1].Summary)
		})
	return all, err
}

// each calls f for every row that a query finds. F must not use the store.
func (s *Store) each(ctx context.Context, query string, args []any, f func(scan func(...any) error) error) error {
	if err := s.prepare(ctx); err != nil {
		return s.failed("read", err)
	}
	done, err := s.reading(ctx)
	if err != nil {
		return s.failed("read", err)
	}
	defer done()
	if s.dialect == postgres { // the best plan depends on the values, as some are rare
		args = slices.Insert(slices.Clone(args), 0, any(pgx.QueryExecModeCacheDescribe))
	}
	rows, err := s.pool().QueryContext(ctx, query, args...)
	if err != nil {
		return s.failed("read", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return s.failed("read", err)
		}
	}
	return s.failed("read", rows.Err())
}
