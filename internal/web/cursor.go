package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
)

// The bounds of a page.
const (
	perPage = 50
	maxPage = 500
)

// limit is how many rows the caller wants.
func limit(q *http.Request) (int, error) {
	text := q.FormValue("limit")
	if text == "" {
		return perPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, fmt.Errorf("limit: %q is no number from 1 to %d", printed.Start(text, 40), maxPage)
	}
	return n, nil
}

// parseCursor parses the cursor of a page; an empty text is none.
func parseCursor(text string) (store.Cursor, error) {
	c, err := store.ParseCursor(text)
	if err != nil {
		err = fmt.Errorf("%q is no place between two pages: take it from older or newer of a page", printed.Start(text, 40))
	}
	return c, err
}

// pageAfter returns the page of a list after the element with that key, and the key after which the
// next page begins; empty if there is none.
func pageAfter[T any](all []T, after string, most int, key func(*T) string) (page []T, next string, err error) {
	from := 0
	if after != "" {
		for from < len(all) && key(&all[from]) != after {
			from++
		}
		if from == len(all) {
			return nil, "", errors.New("after: what the page is to begin behind is not there (any more): begin with the first page")
		}
		from++
	}
	page = all[from:min(from+most, len(all))]
	if from+most < len(all) {
		next = key(&page[len(page)-1])
	}
	return page, next, nil
}

// unserved responds that the store failed or does not have the object.
func unserved(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	if errors.Is(err, store.ErrNotFound) {
		status = http.StatusNotFound
	}
	refuse(w, status, err.Error())
}

// kept is the store; nil, and answered, if there is none.
func (s *Server) kept(w http.ResponseWriter) *store.Store {
	if s.Store == nil {
		refuse(w, http.StatusNotFound, "this process keeps nothing")
	}
	return s.Store
}

// badRequest responds with the first error, if there is one, and reports whether it did.
func badRequest(w http.ResponseWriter, errs ...error) bool {
	if err := cmp.Or(errs...); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return true
	}
	return false
}
