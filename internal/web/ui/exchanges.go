package ui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// The bounds of a page of exchanges.
const (
	perPage = 50
	maxLook = 20_000 // exchanges that are looked at for one page, where the store cannot answer the filter alone
)

// A row is an exchange in a table.
type row struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Origin   string    `json:"origin"`
	Probe    string    `json:"probe,omitempty"`
	Protocol string    `json:"protocol"`
	Version  string    `json:"version"` // of HTTP, such as HTTP/1.1
	Method   string    `json:"method"`
	Target   string    `json:"target"`
	Route    string    `json:"route"`
	Endpoint string    `json:"endpoint"`
	Host     string    `json:"host"`
	Client   string    `json:"client"`
	Status   int       `json:"status"` // 0: no response head came
	Outcome  string    `json:"outcome"`
	Verdict  mark      `json:"verdict"`
	Unsafe   bool      `json:"unsafe"`
	Blocked  bool      `json:"blocked"`
	Rules    []string  `json:"rules"`               // that are broken
	Explains []string  `json:"diagnoses,omitempty"` // IDs of what explains it

	Took time.Duration `json:"nanoseconds"`

	severity rules.Severity
}

func rowOf(r *rules.Ruling) row {
	x := r.X
	host, _ := x.Request.Host()
	w := row{
		ID: x.ID, Time: x.Time, Origin: string(x.Origin), Probe: x.Probe, Protocol: x.Protocol(), Version: x.Request.Version, Method: x.Request.Method, Target: r.Target(),
		Route: x.Route, Endpoint: r.Endpoint, Host: host, Client: x.Client, Outcome: string(x.Outcome), Verdict: mark{r.Verdict}, Unsafe: r.Unsafe, Blocked: x.Blocked,
		Rules: []string{}, Took: x.Took, severity: r.Severity(),
	}
	if r.Verdict < rules.Pass {
		w.Rules = r.Broken()
	}
	for i := range r.Diagnoses {
		w.Explains = append(w.Explains, r.Diagnoses[i].ID)
	}
	if x.Response != nil {
		w.Status = x.Response.Status
	}
	return w
}

// HTTP2 reports whether the exchange is one of HTTP/2.
func (w row) HTTP2() bool { return w.Version == "HTTP/2" }

// listView is a page of exchanges.
type listView struct {
	Filter  string   `json:"filter"`
	Error   string   `json:"error,omitempty"` // the error in the filter
	Rows    []row    `json:"exchanges"`
	Older   string   `json:"older,omitempty"` // the query of the page after this one
	Newer   string   `json:"newer,omitempty"`
	Sort    string   `json:"sort"`
	Looked  int      `json:"looked,omitempty"` // exchanges that were sorted, where the order is not that of times
	First   bool     `json:"-"`                // nothing comes before it
	Empty   bool     `json:"-"`                // the store has no exchange
	Guide   guide    `json:"-"`
	Formats []string `json:"-"`
	Quick   []quick  `json:"-"`
	Keys    []key    `json:"-"` // of filters
	Terms   []quick  `json:"-"` // of the filter, each with the filter without it
	Sorts   []choice `json:"-"`
}

// errEnough ends a look through the store.
var errEnough = errors.New("enough")

func (u *site) exchanges(r *http.Request) (sheet, error) {
	wanted := strings.TrimSpace(r.FormValue("q"))
	if _, given := r.Form["q"]; !given {
		wanted = usualFilter
	}
	var v listView
	var err error
	sort := r.FormValue("sort")
	if order := orderOf(sort); order != nil {
		v, err = u.sorted(r.Context(), wanted, sort, order)
	} else {
		v, err = u.list(r.Context(), wanted, r.FormValue("older"), r.FormValue("newer"))
	}
	if err != nil {
		return sheet{}, err
	}
	v.Quick, v.Terms, v.Sorts, v.Formats, v.Keys = u.quicks(v.Filter), u.terms(v.Filter), sorts(sort), formats(), keys()
	if len(v.Rows) == 0 && v.Error == "" {
		if v.Empty, err = u.empty(r.Context()); err != nil {
			return sheet{}, err
		}
		v.Guide = u.guide(r)
	}
	out := sheet{Title: "Exchanges", Wide: true, View: v}
	if v.First {
		out.Follow, out.Names = u.Events, u.EventNames
	}
	return out, nil
}

// list returns the page after one cursor or before the other.
func (u *site) list(ctx context.Context, wanted, older, newer string) (listView, error) {
	v := listView{Filter: wanted, Rows: []row{}, Sort: "newest"}
	s, err := u.kept()
	if err != nil {
		return v, err
	}
	q, match, err := u.filter(v.Filter)
	if err != nil {
		v.Error, v.First = err.Error(), true
		return v, nil
	}
	if q.Beyond, err = store.ParseCursor(older + newer); err != nil {
		return v, errMissing
	}
	q.Newest = newer == ""
	if match == nil {
		q.Limit = perPage + 1
	}
	looked, last, more := 0, store.Cursor{}, false
	err = s.Rulings(ctx, q, func(found *rules.Ruling) error {
		looked++
		if match == nil || match(found) {
			if more = len(v.Rows) == perPage; more {
				return errEnough
			}
			v.Rows = append(v.Rows, rowOf(found))
		}
		last = store.CursorOf(found)
		if more = looked >= maxLook; more {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return v, err
	}
	if newer != "" && !more { // the page in front is the first one, and that is to be full
		return u.list(ctx, wanted, "", "")
	}
	v.link(newer != "", older != "", more, last)
	return v, nil
}

// link makes the links to the pages around this one.
func (v *listView) link(backwards, behind, more bool, last store.Cursor) {
	to := func(direction string, c store.Cursor) string {
		return "?" + url.Values{"q": {v.Filter}, direction: {c.String()}}.Encode()
	}
	if backwards {
		slices.Reverse(v.Rows)
	}
	v.First = !backwards && !behind
	n := len(v.Rows)
	switch {
	case more && !backwards:
		v.Older = to("older", last)
	case backwards && n > 0:
		v.Older = to("older", store.Cursor{Time: v.Rows[n-1].Time, ID: v.Rows[n-1].ID})
	}
	if !v.First && n > 0 {
		v.Newer = to("newer", store.Cursor{Time: v.Rows[0].Time, ID: v.Rows[0].ID})
	}
}

// filter parses the text of the filter box.
func (u *site) filter(written string) (store.Query, func(*rules.Ruling) bool, error) {
	switch {
	case written == "":
		return store.Query{}, nil, nil
	case u.Filter == nil:
		return store.Query{}, nil, errNotOffered
	}
	return u.Filter(written)
}

// formats are the names of the formats that are one file.
func formats() (names []string) {
	for _, f := range report.Formats() {
		if f.Open != nil {
			names = append(names, f.Name)
		}
	}
	return names
}
