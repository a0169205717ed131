package store

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// A line is a line of an export other than a ruling.
type line struct {
	Schema int    `json:"schema"`
	Table  string `json:"table"`
	Row    any    `json:"row"`
}

// The tables of an export. The first one names the store.
const (
	tableStore     = "store"
	tableRuns      = "runs"
	tableFindings  = "findings"
	tableResults   = "probe_results"
	tableEndpoints = "endpoints"
)

// exported says which store an export is of.
type exported struct {
	ID      string    `json:"id"`
	Version string    `json:"version"` // of the program
	Time    time.Time `json:"time"`
}

// A sum is a finding of one run, or of live traffic, in an export.
type sum struct {
	Run string `json:"run"`
	Finding
}

// Export writes the whole store as lines of JSON: first the name of the store, then runs, findings
// by run, probe results and learned endpoints, each as {"schema": 1, "table": ..., "row": ...},
// then the rulings in the format of the contracts. Import reads it.
func (s *Store) Export(ctx context.Context, w io.Writer) error {
	id, err := s.identity(ctx)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	row := func(table string, row any) error { return encoder.Encode(line{1, table, row}) }
	if err := row(tableStore, exported{id, s.options.Version, time.Now().UTC().Truncate(time.Millisecond)}); err != nil {
		return err
	}
	runs, err := s.Runs(ctx)
	for i := 0; err == nil && i < len(runs); i++ {
		err = row(tableRuns, runs[i])
	}
	if err == nil {
		err = s.sums(ctx, func(is sum) error { return row(tableFindings, is) })
	}
	if err == nil {
		err = s.eachResult(ctx, "", nil, func(r Result) error { return row(tableResults, r) })
	}
	endpoints := []Endpoint(nil)
	if err == nil {
		endpoints, err = s.Endpoints(ctx)
	}
	for i := 0; err == nil && i < len(endpoints); i++ {
		err = row(tableEndpoints, endpoints[i])
	}
	if err == nil {
		err = s.Rulings(ctx, Query{}, func(r *rules.Ruling) error {
			text, err := r.MarshalJSON()
			if err == nil {
				_, err = out.Write(append(text, '\n'))
			}
			return err
		})
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// sums calls f for each finding of each run.
func (s *Store) sums(ctx context.Context, f func(sum) error) error {
	query := `SELECT run, fingerprint, rule, probe, route, endpoint, verdict, severity, party, unsafe, count, first_seen, last_seen, first_id, last_id, detail, state
		FROM finding_sums ORDER BY run, fingerprint`
	return s.each(ctx, query, nil, func(scan func(...any) error) error {
		var is sum
		if err := is.scan(scan, &is.Run); err != nil {
			return err
		}
		return f(is)
	})
}
