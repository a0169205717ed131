package store

import (
	"cmp"
	"slices"

	"github.com/interlock-proxy/interlock/rules"
)

// tallyKey is a finding in a run.
type tallyKey struct {
	run string
	rules.Key
}

// tallies are findings that are still to be added to those in the store.
type tallies struct{ waiting map[tallyKey]*Finding }

// add counts the findings of a ruling that did not pass, once for each exchange, however often it
// is reported.
func (t *tallies) add(r *rules.Ruling) {
	x := r.X
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict >= rules.Pass {
			continue
		}
		k := tallyKey{r.Run, r.Key(f)}
		is := t.waiting[k]
		if is == nil {
			is = &Finding{Row: rules.Row{Fingerprint: k.Fingerprint(), Key: k.Key}}
			if t.waiting == nil {
				t.waiting = map[tallyKey]*Finding{}
			}
			t.waiting[k] = is
		}
		first, last := is.FirstSeen, is.LastSeen
		is.Add(r, f)
		if is.FirstID == "" || is.FirstSeen.Before(first) {
			is.FirstID = x.ID
		}
		if is.LastID == "" || !x.Time.Before(last) {
			is.LastID, is.State = x.ID, f.State
		}
	}
}

// upsertFindings adds to the rows of one instance.
func upsertFindings() upsert {
	return upsert{
		table: "findings",
		columns: []string{
			"run", "fingerprint", "instance", "rule", "probe", "route", "endpoint", "verdict", "severity", "party", "unsafe", "count",
			"first_seen", "last_seen", "first_id", "last_id", "detail", "state",
		},
		conflict: "(run, fingerprint, instance) DO UPDATE SET count = findings.count + excluded.count, " + worse,
	}
}

// graver is the SQL condition that the added row has the worst finding.
const graver = `excluded.verdict < findings.verdict OR excluded.verdict = findings.verdict AND excluded.severity > findings.severity`

// worse updates the row of a finding, except its count.
const worse = `verdict = CASE WHEN excluded.verdict < findings.verdict THEN excluded.verdict ELSE findings.verdict END,
	detail = CASE WHEN ` + graver + ` THEN excluded.detail ELSE findings.detail END,
	severity = CASE WHEN ` + graver + ` THEN excluded.severity ELSE findings.severity END,
	party = CASE WHEN ` + graver + ` THEN excluded.party ELSE findings.party END,
	unsafe = CASE WHEN excluded.unsafe > findings.unsafe THEN excluded.unsafe ELSE findings.unsafe END,
	first_id = CASE WHEN excluded.first_seen < findings.first_seen THEN excluded.first_id ELSE findings.first_id END,
	first_seen = CASE WHEN excluded.first_seen < findings.first_seen THEN excluded.first_seen ELSE findings.first_seen END,
	state = CASE WHEN excluded.last_seen >= findings.last_seen THEN excluded.state ELSE findings.state END,
	last_id = CASE WHEN excluded.last_seen >= findings.last_seen THEN excluded.last_id ELSE findings.last_id END,
	last_seen = CASE WHEN excluded.last_seen > findings.last_seen THEN excluded.last_seen ELSE findings.last_seen END`

// rows returns the rows of the waiting findings, in the order of their keys.
func (t *tallies) rows(instance string) [][]any {
	rows := make([][]any, 0, len(t.waiting))
	for k, is := range t.waiting {
		rows = append(rows, is.row(k.run, instance))
	}
	slices.SortFunc(rows, func(a, b []any) int {
		return cmp.Or(cmp.Compare(a[0].(string), b[0].(string)), cmp.Compare(a[1].(string), b[1].(string)))
	})
	return rows
}

// row returns the finding of a run, or of live traffic, in the order of the columns of
// upsertFindings.
func (f *Finding) row(run, instance string) []any {
	return []any{
		storable(run, maxKey), f.Fingerprint, instance, storable(f.Rule, maxKey), storable(f.Probe, maxKey), storable(f.Route, maxKey), storable(f.Endpoint, maxKey),
		int(f.Verdict), int(f.Severity), int(f.Party), boolean(f.Unsafe), f.Count, unixMilli(f.FirstSeen), unixMilli(f.LastSeen),
		storable(f.FirstID, maxKey), storable(f.LastID, maxKey), storable(f.Detail, maxText), storable(f.State, maxKey),
	}
}
