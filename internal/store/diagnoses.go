package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// A Diagnosed counts the exchanges at one endpoint that one diagnosis explains.
type Diagnosed struct {
	ID        string // of the diagnosis; a later release may have written it
	Route     string
	Endpoint  string
	Count     int64
	FirstSeen time.Time
	LastSeen  time.Time
	LastID    string // of the last exchange: the greatest, as IDs grow with time
}

// A Moment counts the exchanges in a stretch of time that one diagnosis explains.
type Moment struct {
	ID    string
	Time  time.Time // the beginning of the stretch
	Count int64
}

// The bounds of the diagnoses of one exchange in the store. An index of PostgreSQL takes no long
// keys.
const (
	maxDiagnoses = 16
	maxDiagnosis = 64 // bytes of an ID
)

// diagnosesOf returns the IDs of the diagnoses of a ruling as a JSON array.
func diagnosesOf(r *rules.Ruling) (string, error) {
	if len(r.Diagnoses) == 0 {
		return "[]", nil
	}
	var ids []string
	for i := range r.Diagnoses {
		id := storable(r.Diagnoses[i].ID, maxDiagnosis)
		if len(ids) < maxDiagnoses && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	text, err := json.Marshal(ids)
	return string(text), err
}

// why wants an exchange that a diagnosis explains, unless the pattern is empty.
func (w *where) why(pattern string) {
	if pattern == "" {
		return
	}
	w.add("diagnoses <> '[]'") // the index exchanges_explained has these
	switch {
	case pattern == "*":
	case strings.Trim(pattern, "abcdefghijklmnopqrstuvwxyz0123456789-") == "": // an ID, which no other one has between quotes
		w.glob("diagnoses", `*"`+pattern+`"*`)
	default:
		match := w.dialect.glob("element.value", w.arg(w.dialect.pattern(storable(pattern, maxKey))))
		w.add("EXISTS (SELECT 1 FROM " + w.dialect.elements("diagnoses") + " WHERE " + match + ")")
	}
}

// explained is a query for the diagnoses of exchanges: each exchange once for each of its diagnoses.
func (s *Store) explained(q *Query) (from string, args []any) {
	if q.Why == "" {
		copied := *q
		copied.Why, q = "*", &copied
	}
	w := s.exchanges(q)
	return " FROM (SELECT id, time, route, endpoint, diagnoses FROM exchanges" + w.String() + ") AS explained, " +
		s.dialect.elements("explained.diagnoses"), w.args
}

// Diagnoses counts the exchanges that a query wants by diagnosis and endpoint, those with most
// exchanges first. What retention has deleted does not count.
func (s *Store) Diagnoses(ctx context.Context, q Query) ([]Diagnosed, error) {
	from, args := s.explained(&q)
	query := `SELECT element.value, explained.route, explained.endpoint, COUNT(*), MIN(explained.time), MAX(explained.time), MAX(explained.id)` + from +
		` GROUP BY element.value, explained.route, explained.endpoint ORDER BY 4 DESC, 1, 2, 3`
	var all []Diagnosed
	err := s.each(ctx, query, args, func(scan func(...any) error) error {
		var d Diagnosed
		var first, last int64
		if err := scan(&d.ID, &d.Route, &d.Endpoint, &d.Count, &first, &last, &d.LastID); err != nil {
			return err
		}
		d.FirstSeen, d.LastSeen = at(first), at(last)
		all = append(all, d)
		return nil
	})
	return all, err
}

// Moments counts the exchanges that a query wants by diagnosis and stretch of time, the earliest
// first. Stretches are whole multiples of the step since 1970; one without exchanges is left out.
func (s *Store) Moments(ctx context.Context, q Query, step time.Duration) ([]Moment, error) {
	from, args := s.explained(&q)
	w := where{dialect: s.dialect, args: args}
	size := max(step.Milliseconds(), 1)
	query := "SELECT element.value, explained.time - explained.time % " + w.arg(size) + ", COUNT(*)" + from + " GROUP BY 1, 2 ORDER BY 2, 1"
	var all []Moment
	err := s.each(ctx, query, w.args, func(scan func(...any) error) error {
		var m Moment
		var stretch int64
		if err := scan(&m.ID, &stretch, &m.Count); err != nil {
			return err
		}
		m.Time = at(stretch)
		all = append(all, m)
		return nil
	})
	return all, err
}
