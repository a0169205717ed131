package store

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// Imported counts what an import has read.
type Imported struct {
	Exchanges int64
	Findings  int64
	Runs      int64
}

// maxLine is how many bytes a line of an export may have.
const maxLine = 8 << 20

// imported is the name of the instances that hold the findings of imported stores.
const imported = "(imported)"

// Import adds an export of this store or of another one. Nothing counts twice: the same export may
// be read again, and a later one of the same store adds only what is new. An error names the line;
// the lines before it may have been imported.
func (s *Store) Import(ctx context.Context, r io.Reader) (Imported, error) {
	i := importer{store: s}
	if err := s.prepare(ctx); err != nil {
		return i.sum, s.failed("import into", err)
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<16), maxLine)
	number := 0
	for lines.Scan() {
		number++
		if len(lines.Bytes()) == 0 {
			continue
		}
		err := i.line(ctx, lines.Bytes())
		if err == nil && i.size() >= 500 {
			err = i.flush(ctx)
		}
		if err != nil {
			return i.sum, fmt.Errorf("line %d: %w", number, err)
		}
	}
	err := lines.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		err = fmt.Errorf("line %d is longer than %d bytes", number+1, maxLine)
	case err == nil && i.from.ID == "":
		err = errors.New("it is empty: no export of a store")
	case err == nil:
		err = i.flush(ctx)
	}
	return i.sum, err
}

// An importer gathers rows until there are enough to be written.
type importer struct {
	store     *Store
	from      exported
	own       bool // it is an export of this store, whose findings are already counted
	sum       Imported
	exchanges map[string][]any // by ID
	revisions map[string]int
	findings  map[tallyKey][]any
	runs      map[string]Run
	results   map[resultKey]Result
	endpoints map[endpointKey]Endpoint
}

func (i *importer) size() int {
	return len(i.exchanges) + len(i.findings) + len(i.runs) + len(i.results) + len(i.endpoints)
}

// line reads one line.
func (i *importer) line(ctx context.Context, text []byte) error {
	var l struct {
		Table string
		Row   json.RawMessage
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return err
	}
	if i.from.ID == "" {
		return i.begin(ctx, l.Table, l.Row)
	}
	switch l.Table {
	case "":
		return i.ruling(text)
	case tableRuns:
		return gather(&i.runs, l.Row, func(r *Run) string { i.sum.Runs++; return r.ID })
	case tableFindings:
		return i.finding(l.Row)
	case tableResults:
		return gather(&i.results, l.Row, (*Result).key)
	case tableEndpoints:
		return gather(&i.endpoints, l.Row, (*Endpoint).key)
	}
	return nil // written by a later release
}

// gather reads a row.
func gather[K comparable, V any](to *map[K]V, row []byte, key func(*V) K) error {
	var v V
	if err := json.Unmarshal(row, &v); err != nil {
		return err
	}
	put(to, key(&v), v)
	return nil
}

// begin reads which store the export comes from.
func (i *importer) begin(ctx context.Context, table string, row []byte) error {
	if table != tableStore {
		return errors.New("no export of a store begins so")
	}
	if err := json.Unmarshal(row, &i.from); err != nil {
		return err
	}
	if i.from.ID = storable(i.from.ID, maxKey); i.from.ID == "" {
		return errors.New("the export does not say which store it is of")
	}
	id, err := i.store.identity(ctx)
	i.own = id == i.from.ID
	return err
}

func (i *importer) ruling(text []byte) error {
	r, err := rules.ReadRuling(text)
	if err != nil {
		return err
	}
	sortFindings(r.Findings) // the file may come from another release or may have been edited
	row, err := exchangeRow(r, nil)
	if err != nil {
		return err
	}
	i.sum.Exchanges++
	id := row[0].(string)
	if _, known := i.exchanges[id]; !known || r.X.Revision > i.revisions[id] {
		put(&i.exchanges, id, row)
		put(&i.revisions, id, r.X.Revision)
	}
	return nil
}

func (i *importer) finding(text []byte) error {
	var is sum
	if err := json.Unmarshal(text, &is); err != nil {
		return err
	}
	i.sum.Findings++
	if i.own {
		return nil
	}
	is.Fingerprint = is.Key.Fingerprint()
	put(&i.findings, tallyKey{is.Run, is.Key}, is.row(is.Run, i.from.ID))
	return nil
}

// flush writes the gathered rows. If there are two counts, the higher one is kept.
func (i *importer) flush(ctx context.Context) error {
	exchanges, sums := slices.Collect(maps.Values(i.exchanges)), slices.Collect(maps.Values(i.findings))
	sortRows(exchanges)
	sortRows(sums)
	runs, err := runRows(i.runs)
	if err != nil {
		return err
	}
	findings, endpoints := upsertFindings(), upsertEndpoints()
	findings.conflict = `(run, fingerprint, instance) DO UPDATE SET count = CASE WHEN excluded.count > findings.count THEN excluded.count ELSE findings.count END, ` + worse
	endpoints.conflict = `(route, endpoint, backend, host, protocol, subprotocol) DO UPDATE SET
		count = CASE WHEN excluded.count > endpoints.count THEN excluded.count ELSE endpoints.count END,
		seen = CASE WHEN excluded.seen > endpoints.seen THEN excluded.seen ELSE endpoints.seen END`
	err = i.store.transact(ctx, func(tx *sql.Tx) error {
		now := time.Now().UnixMilli()
		_, err := tx.ExecContext(ctx, `INSERT INTO instances (id, name, version, began, seen, batch, folded) VALUES ($1, $2, $3, $4, $4, 0, 0)
			ON CONFLICT (id) DO UPDATE SET seen = excluded.seen`, i.from.ID, imported, storable(i.from.Version, maxKey), now)
		if err != nil {
			return err
		}
		for _, part := range []struct {
			upsert upsert
			rows   [][]any
		}{
			{findings, sums}, {upsertExchanges(), exchanges}, {upsertRuns(), runs}, {upsertResults(), resultRows(i.results)},
			{endpoints, endpointRows(i.endpoints)},
		} {
			if err := part.upsert.write(ctx, tx, i.store.dialect, part.rows); err != nil {
				return err
			}
		}
		return nil
	})
	i.exchanges, i.revisions, i.findings, i.runs, i.results, i.endpoints = nil, nil, nil, nil, nil, nil
	return i.store.failed("import into", err)
}
