package filter

import (
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
)

// ask adds the term, which is valid, to the query. It returns false if the query cannot express it.
func (t *term) ask(q *store.Query) bool {
	if t.key == "" {
		return false
	}
	if t.key == "verdict" && !t.not && q.Verdicts == nil {
		for _, value := range t.values {
			v, _ := verdictOf(value)
			q.Verdicts = append(q.Verdicts, v)
		}
		return true
	}
	if len(t.values) > 1 {
		return false
	}
	value := t.values[0]
	if t.key == "is" {
		return t.askIs(q, value)
	}
	if t.not {
		return false
	}
	switch t.key {
	case "rule":
		return put(&q.Rule, ruleGlob(value))
	case "why":
		return put(&q.Why, whyGlob(value))
	case "path":
		return put(&q.Endpoint, value)
	case "status":
		n, err := strconv.Atoi(value)
		if err != nil || q.Status != 0 {
			return false
		}
		q.Status = n
		return true
	case "proto":
		return put(&q.Protocol, protocolOf(value))
	case "outcome":
		return put(&q.Outcome, value)
	case "since":
		at, _ := when(value, time.Now())
		return putTime(&q.Since, at)
	case "until":
		at, _ := when(value, time.Now())
		return putTime(&q.Until, at)
	}
	if strings.ContainsAny(value, "*?") { // these are columns that the store compares as they are
		return false
	}
	switch t.key {
	case "route":
		return put(&q.Route, value)
	case "origin":
		return put(&q.Origin, value)
	case "probe":
		return put(&q.Probe, value)
	case "run":
		return put(&q.Run, value)
	case "instance":
		return put(&q.Instance, value)
	case "id":
		return put(&q.ID, value)
	}
	return false
}

func (t *term) askIs(q *store.Query, value string) bool {
	switch {
	case value == "benign" && !t.not:
		q.Benign = true
	case value == "benign":
		q.Grave = true
	case value == "unsafe" && !t.not:
		q.Unsafe = true
	case value == "live" && !t.not:
		q.Live = true
	default:
		return false
	}
	return true
}

// put sets a field that is not set yet.
func put(field *string, value string) bool {
	if *field != "" {
		return false
	}
	*field = value
	return true
}

func putTime(field *time.Time, value time.Time) bool {
	if !field.IsZero() {
		return false
	}
	*field = value
	return true
}
