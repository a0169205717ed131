package store

import (
	"context"

	"github.com/interlock-proxy/interlock/rules"
)

// A Finding is a finding as counted by all instances. The rulebook may not have its rule, if a
// later release has written it. Its state is that of the last exchange.
type Finding struct {
	rules.Row
	FirstID string `json:"firstId"` // of the first exchange that showed it, which is kept longer than others
	LastID  string `json:"lastId"`  // of the last one
}

// Findings returns the findings that match a query, worst first, then by rule and endpoint. A
// finding of several runs is returned once; with Query.Run, only that run counts.
func (s *Store) Findings(ctx context.Context, q Query) ([]Finding, error) {
	w := &where{dialect: s.dialect}
	w.common(&q)
	w.glob("rule", q.Rule)
	if !q.Since.IsZero() {
		w.add("last_seen >= " + w.arg(q.Since.UnixMilli()))
	}
	if !q.Until.IsZero() {
		w.add("first_seen < " + w.arg(q.Until.UnixMilli()))
	}
	query := `SELECT fingerprint, rule, probe, route, endpoint, MIN(verdict), 9 - CAST(SUBSTR(MIN(worst), 2, 1) AS BIGINT),
		CAST(SUBSTR(MIN(worst), 3, 1) AS BIGINT), MAX(unsafe), CAST(SUM(count) AS BIGINT), MIN(first_seen), MAX(last_seen), MIN(first_id),
		MAX(last_id), SUBSTR(MIN(worst), 4), ` + lastState + `
		FROM finding_sums` + w.String() + ` GROUP BY fingerprint, rule, probe, route, endpoint
		ORDER BY SUBSTR(MIN(worst), 1, 2), rule, route, endpoint, probe`
	var all []Finding
	err := s.each(ctx, query, w.args, func(scan func(...any) error) error {
		var f Finding
		if err := f.scan(scan); err != nil {
			return err
		}
		all = append(all, f)
		return nil
	})
	return all, err
}

// scan reads a row of a query: fingerprint, rule, probe, route, endpoint, verdict, severity, party,
// unsafe, count, first_seen, last_seen, first_id, last_id, detail, state, and before them the
// columns for which there is a place.
func (f *Finding) scan(scan func(...any) error, before ...any) error {
	var verdict, severity, party, unsafe, first, last int64
	err := scan(append(before, &f.Fingerprint, &f.Rule, &f.Probe, &f.Route, &f.Endpoint, &verdict, &severity, &party, &unsafe, &f.Count,
		&first, &last, &f.FirstID, &f.LastID, &f.Detail, &f.State)...)
	if err != nil {
		return err
	}
	f.Verdict, f.Severity = rules.Verdict(clamp(verdict, int64(rules.NotApplicable))), rules.Severity(clamp(severity, int64(rules.Critical)))
	f.Party, f.Unsafe, f.FirstSeen, f.LastSeen = rules.Party(clamp(party, int64(rules.Intermediary))), unsafe != 0, at(first), at(last)
	return nil
}

// clamp returns a number of a later release as one that this release knows.
func clamp(n, most int64) int64 { return max(0, min(n, most)) }
