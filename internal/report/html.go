package report

import (
	"html/template"
	"io"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Format{
	Name: "html", Title: "one self-contained page, for screens and for paper",
	Open: func(w io.Writer, o Options) Writer { return &htmlWriter{w: w, Options: o, seen: map[string]bool{}} },
})

// htmlWriter writes a self-contained page: no scripts, no other files.
type htmlWriter struct {
	w io.Writer
	Options
	merge    merge
	matrix   matrix
	runs     []string // names of runs or files, at most maxRuns
	seen     map[string]bool
	moreRuns int64
	about    about
	whys     whys
}

// The bounds of the lists on a page.
const (
	maxRuns  = 6
	maxCards = 300 // causes of each verdict
)

// Write is part of Writer.
func (h *htmlWriter) Write(r *rules.Ruling) error {
	h.merge.add(r)
	h.matrix.add(r)
	if r.Run != "" && !h.seen[r.Run] {
		if len(h.seen) < maxRuns {
			h.seen[r.Run] = true
			h.runs = append(h.runs, wire.Escape([]byte(r.Run)))
		} else {
			h.moreRuns++
		}
	}
	h.about.add(r)
	h.whys.add(r)
	return nil
}

// Close is part of Writer.
func (h *htmlWriter) Close(s *Summary) error {
	v := htmlView{
		Version: printed.ASCII(h.Version), Mark: printed.MarkOf(overall(s)), Runs: h.runs, Result: s.Result(), Coverage: s.Coverage.String(),
		Counts: tiles(s), Bar: bar(s), Style: template.CSS(htmlStyle), MoreCells: h.matrix.more, MoreFindings: h.merge.more, Compared: s.compared(),
	}
	if h.moreRuns > 0 {
		v.Runs = append(v.Runs, "…")
	}
	for _, note := range s.Notes {
		v.Notes = append(v.Notes, wire.Escape([]byte(note)))
	}
	for _, remark := range s.Remarks {
		v.Remarks = append(v.Remarks, wire.Escape([]byte(remark)))
	}
	p := part(h.merge.sorted())
	v.Headline, v.Facts = answer(s, p.failures), h.about.facts(&h.Options, s)
	if s.Unsafe > 0 {
		v.Unsafe = printed.Count(s.Unsafe, "time") + " a server switched that must not have"
		if h.matrix.hops { // the server is Interlock's own
			v.Unsafe = printed.Count(s.Unsafe, "time") + " a proxy passed on a switch that it must not have"
		}
	}
	anchors := map[rules.Key]string{}
	for _, g := range [...]struct {
		title string
		all   []*cause
		into  *htmlSection
	}{
		{"Failures", p.failures, &v.Failures}, {"Warnings", p.warnings, &v.Warnings}, {"Unclear", p.unclear, &v.Unclear},
		{"Accepted", causes(p.accepted), &v.Accepted}, {"Fixed", causes(p.fixed), &v.Fixed},
	} {
		section, err := viewSection(g.title, g.all, anchors)
		if err != nil {
			return err
		}
		*g.into = section
	}
	v.Whys, v.MoreWhys = h.why()
	v.Columns, v.Rows = h.matrix.rows(anchors)
	v.Hops = h.matrix.hops
	v.Passed = v.Rows[passed(v.Rows):]
	v.Rows = v.Rows[:len(v.Rows)-len(v.Passed)]
	page, err := template.New("page").Funcs(htmlFuncs()).Parse(htmlPage)
	if err != nil {
		return err
	}
	return page.Execute(h.w, v)
}
