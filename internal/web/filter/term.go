package filter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Keys returns the keys of terms, in the order of the documentation.
func Keys() []string {
	return []string{
		"proto", "status", "verdict", "rule", "why", "path", "is", "method", "version", "outcome", "route", "origin", "probe", "run", "client", "backend", "connection", "instance", "id", "since", "until",
	}
}

// match returns the match of a ruling with the term. The error is about its values.
func (t *term) match() (Match, error) {
	var one func(value string) (Match, error)
	if read := textOf(t.key); read != nil {
		one = func(value string) (Match, error) {
			return func(r *rules.Ruling) bool { return glob(value, read(r)) }, nil
		}
	} else {
		switch t.key {
		case "":
			one = matchWord
		case "status":
			one = matchStatus
		case "verdict":
			one = matchVerdict
		case "rule":
			one = matchRule
		case "why":
			one = matchWhy
		case "path":
			one = matchPath
		case "is":
			one = matchIs
		case "proto":
			one = matchProtocol
		case "outcome":
			one = matchOutcome
		case "since", "until":
			one = t.matchTime
		default:
			return nil, &Error{t.at, fmt.Sprintf("unknown key %q; the keys are %s", printed.Start(t.key, maxQuoted), strings.Join(Keys(), ", "))}
		}
	}
	var either []Match
	for _, v := range t.values {
		m, err := one(v)
		if err != nil {
			return nil, &Error{t.at, err.Error()}
		}
		either = append(either, m)
	}
	return func(r *rules.Ruling) bool {
		return slices.ContainsFunc(either, func(m Match) bool { return m(r) }) != t.not
	}, nil
}

// textOf is how the text is read that a key is about; nil if that is not about a text.
func textOf(key string) func(*rules.Ruling) string {
	switch key {
	case "method":
		return func(r *rules.Ruling) string { return r.X.Request.Method }
	case "version":
		return func(r *rules.Ruling) string { return strings.TrimPrefix(r.X.Request.Version, "HTTP/") }
	case "connection":
		return func(r *rules.Ruling) string {
			if s := r.X.Stream; s != nil && s.Connection != nil {
				return s.Connection.ID
			}
			return ""
		}
	case "route":
		return func(r *rules.Ruling) string { return r.X.Route }
	case "origin":
		return func(r *rules.Ruling) string { return string(r.X.Origin) }
	case "probe":
		return func(r *rules.Ruling) string { return r.X.Probe }
	case "run":
		return func(r *rules.Ruling) string { return r.Run }
	case "client":
		return func(r *rules.Ruling) string { return r.X.Client }
	case "backend":
		return func(r *rules.Ruling) string { return r.X.Backend }
	case "instance":
		return func(r *rules.Ruling) string { return r.Instance }
	case "id":
		return func(r *rules.Ruling) string { return r.X.ID }
	}
	return nil
}

// matchStatus reads a status such as 101, a class such as 4xx, or none.
func matchStatus(value string) (Match, error) {
	from, to := 0, 0
	if n, err := strconv.Atoi(value); err == nil && n >= 100 && n <= 999 {
		from, to = n, n
	} else if len(value) == 3 && value[0] >= '1' && value[0] <= '9' && value[1:] == "xx" {
		from = int(value[0]-'0') * 100
		to = from + 99
	} else if value != "none" {
		return nil, fmt.Errorf("status:%s is no status such as 101, no class of them such as 4xx, and not none", printed.Start(value, maxQuoted))
	}
	return func(r *rules.Ruling) bool {
		status := 0
		if r.X.Response != nil {
			status = r.X.Response.Status
		}
		return status >= from && status <= to
	}, nil
}

func verdictOf(value string) (rules.Verdict, bool) {
	for v := rules.Fail; v <= rules.NotApplicable; v++ {
		if v.String() == value {
			return v, true
		}
	}
	return 0, false
}

func matchVerdict(value string) (Match, error) {
	v, ok := verdictOf(value)
	if !ok {
		return nil, fmt.Errorf("verdict:%s is none of fail, warn, unclear, pass, not-applicable", printed.Start(value, maxQuoted))
	}
	return func(r *rules.Ruling) bool { return r.Verdict == v }, nil
}

// matchRule wants a rule that did not pass.
func matchRule(value string) (Match, error) {
	value = ruleGlob(value)
	return func(r *rules.Ruling) bool {
		return slices.ContainsFunc(r.Findings, func(f rules.Finding) bool { return f.Verdict < rules.Pass && glob(value, f.Rule.ID) })
	}, nil
}

// ruleGlob is a glob of rules as their IDs are written.
func ruleGlob(value string) string { return strings.TrimPrefix(strings.ToUpper(value), "COMP-") }

// matchPath matches an endpoint. Identifiers in a path match any identifier.
func matchPath(value string) (Match, error) {
	if strings.HasPrefix(value, "/") && !strings.Contains(value, "?") {
		value = rules.Template(value)
	}
	return func(r *rules.Ruling) bool { return glob(value, r.Endpoint) }, nil
}

func matchIs(value string) (Match, error) {
	switch value {
	case "benign":
		return (*rules.Ruling).Benign, nil
	case "unsafe":
		return func(r *rules.Ruling) bool { return r.Unsafe }, nil
	case "live":
		return func(r *rules.Ruling) bool { return r.Run == "" }, nil
	case "probe":
		return func(r *rules.Ruling) bool { return r.X.Probe != "" }, nil
	case "blocked":
		return func(r *rules.Ruling) bool { return r.X.Blocked }, nil
	case "new", "known", "accepted", "reproduced":
		return func(r *rules.Ruling) bool {
			return slices.ContainsFunc(r.Findings, func(f rules.Finding) bool { return f.State == value })
		}, nil
	}
	return nil, fmt.Errorf("is:%s is none of benign, unsafe, live, probe, blocked, new, known, accepted, reproduced", printed.Start(value, maxQuoted))
}

func matchProtocol(value string) (Match, error) {
	is := protocolOf(value)
	if !slices.Contains([]string{"websocket", "h2c", "tls", "masque", "other", "none"}, is) {
		return nil, fmt.Errorf("proto:%s is none of websocket (ws), h2c, tls, masque, other, none", printed.Start(value, maxQuoted))
	}
	return func(r *rules.Ruling) bool { return r.X.Protocol() == is }, nil
}

func protocolOf(value string) string {
	if value == "ws" {
		return "websocket"
	}
	return value
}

func matchOutcome(value string) (Match, error) {
	o := wire.Outcome(value)
	if !slices.Contains([]wire.Outcome{
		wire.Switched, wire.Refused, wire.Redirected, wire.Ignored, wire.Closed, wire.Silent, wire.Late, wire.Opaque, wire.Unseen, wire.Local, wire.Reset, wire.GoneAway,
	}, o) {
		return nil, fmt.Errorf("outcome:%s is none of switched, refused, redirected, ignored, closed, silent, late, opaque, unseen, local, reset, goaway", printed.Start(value, maxQuoted))
	}
	return func(r *rules.Ruling) bool { return r.X.Outcome == o }, nil
}

func (t *term) matchTime(value string) (Match, error) {
	at, ok := when(value, time.Now())
	if !ok {
		return nil, fmt.Errorf("%s:%s is no date such as 2026-11-20, no time such as 2026-11-20T09:14:00Z, and not how long ago it was, such as 90m", t.key, printed.Start(value, maxQuoted))
	}
	if t.key == "since" {
		return func(r *rules.Ruling) bool { return !r.X.Time.Before(at) }, nil
	}
	return func(r *rules.Ruling) bool { return r.X.Time.Before(at) }, nil
}
