package store

import (
	"context"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// A Finding is a rule that did not pass at an endpoint, with what all instances have counted of it.
type Finding struct {
	Fingerprint string
	Rule        string // its ID; a later release may have written one that the rulebook does not have
	Probe       string // empty for live traffic
	Route       string
	Endpoint    string
	Verdict     rules.Verdict  // the worst one
	Severity    rules.Severity // the highest one with that verdict
	Party       rules.Party    // of one of the exchanges with both
	Unsafe      bool           // a server switched and must not have
	Count       int64          // exchanges that showed it
	First       time.Time
	Last        time.Time
	FirstID     string // of the first exchange that showed it, which is kept longer than others
	LastID      string // of the last one
	Detail      string // of the exchange that Party is of
	State       string // when it was seen last: a word of the contracts, or empty if nobody said
}

// Findings returns the findings that a query wants, worst first, then by rule and endpoint. Each is one, in how many runs it
// may have been found; with Query.Run, only what was found in that run counts.
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
		var verdict, severity, party, unsafe, first, last int64
		err := scan(&f.Fingerprint, &f.Rule, &f.Probe, &f.Route, &f.Endpoint, &verdict, &severity, &party, &unsafe, &f.Count, &first, &last,
			&f.FirstID, &f.LastID, &f.Detail, &f.State)
		if err != nil {
			return err
		}
		f.Verdict, f.Severity = rules.Verdict(within(verdict, int64(rules.NotApplicable))), rules.Severity(within(severity, int64(rules.Critical)))
		f.Party, f.Unsafe, f.First, f.Last = rules.Party(within(party, int64(rules.Intermediary))), unsafe != 0, at(first), at(last)
		all = append(all, f)
		return nil
	})
	return all, err
}

// within is a number that a later release may have written, as one that this one knows.
func within(n, most int64) int64 { return max(0, min(n, most)) }
