package web

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/tunnel"
	"github.com/interlock-proxy/interlock/internal/web/filter"
	"github.com/interlock-proxy/interlock/rules"
)

// maxLook is how many exchanges are looked at for one page, where the store cannot answer the
// filter alone.
const maxLook = 5_000

// exchangesJSON is a page of exchanges, the newest first.
type exchangesJSON struct {
	Exchanges []*rules.Ruling `json:"exchanges"`
	Older     string          `json:"older,omitempty"` // the cursor of the next page, for the parameter older
	Newer     string          `json:"newer,omitempty"` // the cursor of the previous page, for the parameter newer
}

// errEnough ends a look through the store.
var errEnough = errors.New("enough")

func (s *Server) listExchanges(w http.ResponseWriter, q *http.Request) {
	if s.kept(w) == nil {
		return
	}
	most, bad := limit(q)
	query, match, err := filter.Parse(q.FormValue("q"))
	older, wrongOlder := parseCursor(q.FormValue("older"))
	newer, wrongNewer := parseCursor(q.FormValue("newer"))
	if older.ID != "" && newer.ID != "" {
		wrongNewer = errors.New("older and newer exclude each other")
	}
	if badRequest(w, bad, err, wrongOlder, wrongNewer) {
		return
	}
	p := lister{store: s.Store, query: query, match: match, most: most, backwards: newer.ID != ""}
	p.query.Beyond = older
	if p.backwards {
		p.query.Beyond = newer
	}
	page, err := p.page(q.Context())
	if err != nil {
		unserved(w, err)
		return
	}
	answer(w, http.StatusOK, page)
}

// lister looks for a page of exchanges.
type lister struct {
	store     *store.Store
	query     store.Query
	match     func(*rules.Ruling) bool // nil: every one counts
	most      int
	backwards bool // towards newer ones
}

// page returns the page after or before the query's cursor.
func (l *lister) page(ctx context.Context) (p exchangesJSON, err error) {
	p.Exchanges = []*rules.Ruling{}
	q := l.query
	q.Newest = !l.backwards
	if l.match == nil {
		q.Limit = l.most + 1
	}
	looked, more := 0, false
	var last store.Cursor
	err = l.store.Rulings(ctx, q, func(r *rules.Ruling) error {
		if looked++; l.match == nil || l.match(r) {
			if more = len(p.Exchanges) == l.most; more {
				return errEnough
			}
			p.Exchanges = append(p.Exchanges, r)
		}
		last = store.CursorOf(r)
		if more = looked >= maxLook; more {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return p, err
	}
	behind := q.Beyond.ID != ""
	first := q.Beyond // where the page begins, seen from where it was asked for
	if len(p.Exchanges) > 0 {
		first = store.CursorOf(p.Exchanges[0])
	}
	if l.backwards {
		slices.Reverse(p.Exchanges)
		first, last, more, behind = last, first, behind, more
	}
	if more && last.ID != "" {
		p.Older = last.String()
	}
	if behind && first.ID != "" {
		p.Newer = first.String()
	}
	return p, nil
}

func (s *Server) showExchange(w http.ResponseWriter, q *http.Request) {
	if s.kept(w) == nil {
		return
	}
	r, err := tunnel.Find(q.Context(), s.Store, q.PathValue("id"), s.Tunnel, s.Audit.OptionsOf)
	if err != nil {
		unserved(w, err)
		return
	}
	answer(w, http.StatusOK, r)
}
