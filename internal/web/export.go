package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/web/filter"
	"github.com/interlock-proxy/interlock/rules"
)

// content is the media type of a format and how its files end.
func content(format string) (media, ending string) {
	switch format {
	case "json", "gitlab":
		return "application/json", "json"
	case "sarif":
		return "application/sarif+json", "sarif"
	case "har":
		return "application/json", "har"
	case "ndjson":
		return "application/x-ndjson", "ndjson"
	case "pcapng":
		return "application/octet-stream", "pcapng"
	case "junit":
		return "application/xml", "xml"
	case "html":
		return "text/html; charset=utf-8", "html"
	case "markdown":
		return "text/markdown; charset=utf-8", "md"
	}
	return "text/plain; charset=utf-8", "txt"
}

// exportFormats are the names of the formats that are one file.
func exportFormats() (names []string) {
	for _, f := range report.Formats() {
		if f.Open != nil {
			names = append(names, f.Name)
		}
	}
	return names
}

// export streams a report as a download: of the exchanges that match the filter, of a run, or of
// one exchange.
func (s *Server) export(w http.ResponseWriter, q *http.Request) {
	if s.kept(w) == nil {
		return
	}
	format, err := report.Find(q.FormValue("format"))
	if err != nil || format.Open == nil {
		err = fmt.Errorf("format: name one of %s", strings.Join(exportFormats(), ", "))
	}
	query, match, bad := filter.Parse(q.FormValue("q"))
	if badRequest(w, err, bad) {
		return
	}
	if id := q.FormValue("id"); id != "" {
		query, match = store.Query{ID: id}, nil
		if _, err := s.Store.Ruling(q.Context(), id); err != nil {
			unserved(w, err)
			return
		}
	}
	var o report.Options
	if s.Reports != nil {
		o = s.Reports()
	}
	media, ending := content(format.Name)
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="interlock.%s"`, ending))
	to := &patient{w, http.NewResponseController(w)}
	out := report.Stream{Writers: []report.Writer{format.Open(to, o)}}
	err = s.Store.Rulings(q.Context(), query, func(r *rules.Ruling) error {
		if match == nil || match(r) {
			out.Write(r)
		}
		return nil
	})
	if errors.Join(append(slices.Clone(out.Close()), err)...) != nil {
		panic(http.ErrAbortHandler) // half of it was sent: the caller must notice
	}
}

// patient is a response whose reader may take any time, as long as it continues to read.
type patient struct {
	to    io.Writer
	reply *http.ResponseController
}

// Write is part of io.Writer.
func (p *patient) Write(b []byte) (int, error) {
	if err := p.reply.SetWriteDeadline(time.Now().Add(slowest)); err != nil {
		return 0, err
	}
	return p.to.Write(b)
}
