package site

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/scoreboard/results"
)

//go:embed templates style.css icon.svg
var files embed.FS

// A page is what a template gets.
type page struct {
	Root   string // the way to the top of the site: empty, or ../
	Tab    string // the file of the tab that the page belongs to
	Title  string
	About  string // one sentence for search engines and links
	Board  *board
	View   any
	Tables []table // of the tabs
}

// A table is a tab.
type table struct{ File, Name string }

func tabs() []table {
	return []table{{"index.html", "Servers"}, {"probes.html", "Probes"}, {"history.html", "History"}, {"method.html", "How it was made"}}
}

// write writes all files.
func (b *board) write(w *writer) error {
	for _, name := range []string{"icon.svg"} {
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		if err := w.write(name, content); err != nil {
			return err
		}
	}
	if err := w.write("style.css", b.style()); err != nil {
		return err
	}
	for _, step := range []func(*writer) error{b.writeIndexes, b.writeServers, b.writeProbes, b.writeOthers} {
		if err := step(w); err != nil {
			return err
		}
	}
	return nil
}

// style is the style of all pages, with the rules of the filter by language.
func (b *board) style() []byte {
	text, err := files.ReadFile("style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	for _, l := range b.Languages {
		text = fmt.Appendf(text, "main:has(#language-%d:checked) tbody tr:not([data-language=\"%d\"]){display:none}\n", l.Number, l.Number)
	}
	return text
}

// render writes the page of a template.
func (b *board) render(w *writer, file, name string, p page) error {
	p.Board, p.Tables = b, tabs()
	if strings.Contains(file, "/") {
		p.Root = "../"
	}
	t, err := template.New("").Funcs(b.functions(p.Root)).ParseFS(files, "templates/layout.html", "templates/parts.html", "templates/"+name)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := t.ExecuteTemplate(&text, "layout", p); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return w.write(file, text.Bytes())
}

// functions are those of the templates of a page.
func (b *board) functions(root string) template.FuncMap {
	return template.FuncMap{
		"text":   printed.Text,
		"number": func(n int) string { return printed.Thousands(int64(n)) },
		"count":  printed.Count[int],
		"mark":   markOf,
		"plain":  rules.IsPlain,
		"answer": answerOf,
		"lines":  func(s string) []string { return strings.Split(s, "\n") },
		"level":  levelOf,
		"expected": func(id string) string {
			if p := rules.FindProbe(id); p != nil {
				return p.Expectation()
			}
			return ""
		},
		"rule": func(id string) string { return b.ruleLink(root, id) },
		"rfc": func(r rules.Ref) string {
			return "https://www.rfc-editor.org/rfc/rfc" + r.RFC + "#section-" + r.Section
		},
		"server": func(id string) string { return linked(b.servers[id] != nil, root+"servers/"+id+".html") },
		"probe":  func(id string) string { return linked(b.probes[id] != nil, root+"probes/"+id+".html") },
		"label": func(id string) string {
			if p := rules.FindProbe(id); p != nil {
				return p.Label
			}
			return ""
		},
		"web": func(url string) bool { return strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") },
	}
}

// linked returns a link to a page that exists, or else nothing.
func linked(exists bool, to string) string {
	if exists {
		return to
	}
	return ""
}

// ruleLink returns the link to the page of a rule; empty if there is none.
func (b *board) ruleLink(root, id string) string {
	r := rules.Find(id)
	if r == nil || b.rules == "" {
		return ""
	}
	to := strings.ReplaceAll(b.rules, "%s", r.ID)
	if strings.Contains(to, "://") {
		return to
	}
	return root + to
}

// levelOf says how binding a rule is.
func levelOf(r *rules.Rule) string {
	if r.Level == rules.Advice {
		return "advice: no RFC sentence requires it"
	}
	return strings.ToUpper(r.Level.String())
}

// answerOf says in a few words what the server answered.
func answerOf(c *results.Cell) string {
	if c.Status != 0 {
		return fmt.Sprint(c.Status)
	}
	switch c.Outcome {
	case "closed":
		return "closed the connection"
	case "silent":
		return "no response in time"
	case "opaque":
		return "no readable response"
	case "reset":
		return "reset the stream"
	}
	return printed.Text(c.Outcome)
}

// An indexView is the table of servers in one order.
type indexView struct {
	By      string // the word of the order
	Orders  []order
	Servers []*server
}

// An order is one of the table, with a file of its own.
type order struct{ File, By string }

func (b *board) writeIndexes(w *writer) error {
	orders := []order{{"index.html", "name"}, {"by-language.html", "language"}, {"by-passed.html", "share passed"}}
	for i, compare := range []func(s, t *server) int{byName, byLanguage, byPassed} {
		v := indexView{orders[i].By, orders, slices.SortedFunc(slices.Values(b.Servers), compare)}
		title := "WebSocket handshakes: what servers answer"
		if i > 0 {
			title += ", by " + v.By
		}
		err := b.render(w, orders[i].File, "index.html", page{
			Tab: "index.html", Title: title, View: v,
			About: fmt.Sprintf("What %d servers answer to %d WebSocket handshakes, each valid except for one defect.", len(b.Servers), len(b.probes)),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *board) writeOthers(w *writer) error {
	err := b.render(w, "history.html", "history.html", page{
		Tab: "history.html", Title: "What changed between runs", View: b.Steps,
		About: "Which servers were updated between two runs of the scoreboard, and which results changed.",
	})
	if err != nil {
		return err
	}
	return b.render(w, "method.html", "method.html", page{
		Tab: "method.html", Title: "How it was made", View: b.leftOut(),
		About: "How the results of the scoreboard were made, what counts as what, and how to reproduce or correct them.",
	})
}

// A leftOut is a reason for which probes are not sent.
type leftOut struct {
	Reason string
	Probes []string
}

// leftOut groups the probes that are not sent by their reasons, in the order of the first probes.
func (b *board) leftOut() (all []leftOut) {
	for _, l := range b.Run.LeftOut {
		i := slices.IndexFunc(all, func(o leftOut) bool { return o.Reason == l.Reason })
		if i < 0 {
			i = len(all)
			all = append(all, leftOut{Reason: l.Reason})
		}
		all[i].Probes = append(all[i].Probes, l.Probe)
	}
	return all
}
