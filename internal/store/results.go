package store

import (
	"context"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// A Result is the result of one probe at one endpoint in a run.
type Result struct {
	Run      string    `json:"run"`
	Backend  string    `json:"backend"`
	Route    string    `json:"route"`
	Endpoint string    `json:"endpoint"`
	Probe    string    `json:"probe"`
	Rule     string    `json:"rule"`    // of the worst finding, else the probe's own
	Verdict  string    `json:"verdict"` // a word of the contracts, or not-sent
	Severity string    `json:"severity"`
	Status   int       `json:"status"` // 0 if there was no response head
	Outcome  string    `json:"outcome"`
	Detail   string    `json:"detail"`
	Reason   string    `json:"reason"` // why it was not sent
	Exchange string    `json:"exchange"`
	Time     time.Time `json:"time"`
}

// resultKey identifies a result.
type resultKey struct{ run, backend, route, endpoint, probe string }

func (r *Result) key() resultKey { return resultKey{r.Run, r.Backend, r.Route, r.Endpoint, r.Probe} }

// resultOf returns the result of a probe: the ruling's verdict and its worst finding. It returns
// false if the ruling has no probe or no run.
func resultOf(r *rules.Ruling) (Result, bool) {
	x := r.X
	if x.Probe == "" || r.Run == "" {
		return Result{}, false
	}
	is := Result{
		Run: r.Run, Backend: x.Backend, Route: x.Route, Endpoint: r.Endpoint, Probe: x.Probe, Verdict: r.Verdict.String(),
		Outcome: string(x.Outcome), Exchange: x.ID, Time: x.Time,
	}
	if p := rules.FindProbe(x.Probe); p != nil {
		is.Rule = p.Rule().ID
	}
	if x.Response != nil {
		is.Status = x.Response.Status
	}
	if f := r.Worst(); f != nil {
		is.Rule, is.Severity, is.Detail = f.Rule.ID, f.Severity.String(), f.Detail
	}
	return is, true
}

// upsertResults keeps the last result of a probe that was sent several times.
func upsertResults() upsert {
	return upsert{
		table: "probe_results",
		columns: []string{
			"run", "backend", "route", "endpoint", "probe", "rule", "verdict", "severity", "status", "outcome", "detail", "reason", "exchange", "time",
		},
		conflict: `(run, backend, route, endpoint, probe) DO UPDATE SET rule = excluded.rule, verdict = excluded.verdict, severity = excluded.severity,
			status = excluded.status, outcome = excluded.outcome, detail = excluded.detail, reason = excluded.reason, exchange = excluded.exchange,
			time = excluded.time WHERE excluded.time >= probe_results.time`,
	}
}

func resultRows(results map[resultKey]Result) [][]any {
	rows := make([][]any, 0, len(results))
	for _, r := range results {
		rows = append(rows, []any{
			storable(r.Run, maxKey), storable(r.Backend, maxKey), storable(r.Route, maxKey), storable(r.Endpoint, maxKey), storable(r.Probe, maxKey),
			storable(r.Rule, maxKey), storable(r.Verdict, maxKey), storable(r.Severity, maxKey), r.Status, storable(r.Outcome, maxKey), storable(r.Detail, maxText),
			storable(r.Reason, maxText), storable(r.Exchange, maxKey), unixMilli(r.Time),
		})
	}
	sortRows(rows)
	return rows
}

// Results returns the probe results of a run, by endpoint and probe.
func (s *Store) Results(ctx context.Context, run string) ([]Result, error) {
	var all []Result
	err := s.eachResult(ctx, "WHERE run = $1", []any{run}, func(r Result) error {
		all = append(all, r)
		return nil
	})
	return all, err
}

func (s *Store) eachResult(ctx context.Context, where string, args []any, f func(Result) error) error {
	query := `SELECT run, backend, route, endpoint, probe, rule, verdict, severity, status, outcome, detail, reason, exchange, time
		FROM probe_results ` + where + ` ORDER BY run, backend, route, endpoint, probe`
	return s.each(ctx, query, args, func(scan func(...any) error) error {
		var r Result
		var when int64
		err := scan(&r.Run, &r.Backend, &r.Route, &r.Endpoint, &r.Probe, &r.Rule, &r.Verdict, &r.Severity, &r.Status, &r.Outcome, &r.Detail,
			&r.Reason, &r.Exchange, &when)
		if err != nil {
			return err
		}
		r.Time = at(when)
		return f(r)
	})
}

// ResultCounts returns for each run how many of its results have each verdict, in a word of the contracts or not-sent.
func (s *Store) ResultCounts(ctx context.Context) (map[string]map[string]int64, error) {
	all := map[string]map[string]int64{}
	err := s.each(ctx, "SELECT run, verdict, COUNT(*) FROM probe_results GROUP BY run, verdict", nil, func(scan func(...any) error) error {
		var run, verdict string
		var n int64
		if err := scan(&run, &verdict, &n); err != nil {
			return err
		}
		if all[run] == nil {
			all[run] = map[string]int64{}
		}
		all[run][verdict] = n
		return nil
	})
	return all, err
}
