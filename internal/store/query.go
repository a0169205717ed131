package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// A Query selects exchanges or findings. The zero value selects all. In Rule, Why and Endpoint *
// matches any text and ? one character; identifiers in a path match any identifier.
type Query struct {
	ID       string
	Since    time.Time       // this time or later
	Until    time.Time       // before this time
	Run      string          // of a run
	Live     bool            // outside of runs
	Origin   string          // exchanges only
	Verdicts []rules.Verdict // one of these; empty: all
	Rule     string          // of exchanges: a rule that did not pass
	Why      string          // exchanges only: a diagnosis; * for any
	Endpoint string
	Route    string
	Probe    string
	Instance string // exchanges only
	Protocol string // this and the following fields: exchanges only
	Outcome  string
	Status   int
	Benign   bool // exchanges only: harmless ones, by rules.Ruling.Benign
	Grave    bool // exchanges only: the others
	Unsafe   bool // only those in which a server switched and must not have; of findings too

	// Skip reports whether the caller has no need of the exchange with that ID, so that its ruling is not
	// read; nil: all are read. It is called by one goroutine.
	Skip func(id string) bool

	Newest bool   // the newest first
	Limit  int    // at most so many; 0: all
	Beyond Cursor // only exchanges after this one in that order
}

// A Cursor is a position in the order of exchanges by time.
type Cursor struct {
	Time time.Time
	ID   string
}

// String returns the cursor as pages link to it: milliseconds and the ID of the exchange.
func (c Cursor) String() string { return strconv.FormatInt(c.Time.UnixMilli(), 10) + "." + c.ID }

// ParseCursor parses what String returns. An empty text is the zero value.
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	at, id, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil || id == "" {
		return Cursor{}, ErrCursor
	}
	return Cursor{time.UnixMilli(n).UTC(), id}, nil
}

// AtLeast returns the verdicts that are as bad as v or worse.
func AtLeast(v rules.Verdict) (all []rules.Verdict) {
	for is := rules.Fail; is <= v; is++ {
		all = append(all, is)
	}
	return all
}

// where collects SQL conditions.
type where struct {
	dialect dialect
	terms   []string
	args    []any
}

// arg adds a parameter and returns its placeholder.
func (w *where) arg(value any) string {
	w.args = append(w.args, value)
	return fmt.Sprintf("$%d", len(w.args))
}

func (w *where) add(term string) { w.terms = append(w.terms, term) }

// equal requires a column to have that value, unless the value is empty.
func (w *where) equal(column, value string) {
	if value != "" {
		w.add(column + " = " + w.arg(storable(value, maxKey)))
	}
}

// glob requires a column to match the pattern, unless the pattern is empty.
func (w *where) glob(column, pattern string) {
	switch {
	case pattern == "":
	case !strings.ContainsAny(pattern, "*?"): // an index may have it
		w.equal(column, pattern)
	default:
		w.add(w.dialect.glob(column, w.arg(w.dialect.pattern(storable(pattern, maxKey)))))
	}
}

// verdicts selects rows with one of these verdicts. It names the index of failed rows if that
// helps.
func (w *where) verdicts(all []rules.Verdict) {
	if len(all) == 0 {
		return
	}
	broken := true
	var numbers []string
	for _, v := range all {
		broken = broken && v < rules.Pass
		numbers = append(numbers, fmt.Sprint(int(v)))
	}
	w.add("verdict IN (" + strings.Join(numbers, ", ") + ")")
	if broken {
		w.add("verdict < 3")
	}
}

// common adds the conditions that exchanges and findings share.
func (w *where) common(q *Query) {
	if w.equal("run", q.Run); q.Run != "" {
		w.add("run <> ''")
	}
	if q.Live {
		w.add("run = ''")
	}
	w.equal("route", q.Route)
	w.equal("probe", q.Probe)
	w.glob("endpoint", template(q.Endpoint))
	w.verdicts(q.Verdicts)
	if q.Unsafe {
		w.add("unsafe = 1")
	}
}

// template turns a glob of paths into one of endpoints.
func template(glob string) string {
	if strings.HasPrefix(glob, "/") && !strings.Contains(glob, "?") {
		return rules.Template(glob)
	}
	return glob
}

// exchanges returns the conditions of a query for exchanges.
func (s *Store) exchanges(q *Query) *where {
	w := &where{dialect: s.dialect}
	w.equal("id", q.ID)
	if !q.Since.IsZero() {
		w.add("time >= " + w.arg(q.Since.UnixMilli()))
	}
	if !q.Until.IsZero() {
		w.add("time < " + w.arg(q.Until.UnixMilli()))
	}
	w.common(q)
	w.equal("origin", q.Origin)
	w.equal("instance", q.Instance)
	w.equal("protocol", q.Protocol)
	w.equal("outcome", q.Outcome)
	if q.Status != 0 {
		w.add("status = " + w.arg(q.Status))
	}
	if q.Benign {
		w.add("verdict <> 0 AND severity = 0")
	}
	if q.Grave {
		w.add("(verdict = 0 OR severity > 0)")
	}
	w.why(q.Why)
	if q.Rule != "" {
		if strings.Trim(q.Rule, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == "" { // an ID: most rows are skipped without parsing them
			w.glob("rules", `*"`+q.Rule+`"*`)
			w.add("(SELECT COUNT(*) FROM findings WHERE rule = " + w.arg(storable(q.Rule, maxKey)) + ") > 0") // asked once: findings are kept longer
		}
		match := s.dialect.glob("element.value", w.arg(s.dialect.pattern(storable(q.Rule, maxKey))))
		w.add("verdict < 3 AND EXISTS (SELECT 1 FROM " + s.dialect.elements("rules") + " WHERE " + match + ")")
	}
	return w
}

// String returns the WHERE clause.
func (w *where) String() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.terms, " AND ")
}
