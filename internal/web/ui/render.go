package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
)

//go:embed templates
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// A site is the pages and their templates and assets.
type site struct {
	*Pages
	templates map[string]*template.Template // by the name of the screen
	assets    map[string]asset              // by name
}

// An asset is a file that pages load.
type asset struct {
	kind    string // its media type
	content []byte
	version string // changes with the content
}

// loadAssets reads the files that pages load. The style sheet gets a rule for each finding of an
// exchange that can be highlighted: its bytes light up while the finding has the pointer or the
// focus.
func loadAssets() map[string]asset {
	all := map[string]asset{}
	for _, e := range list(assetFiles, "assets") {
		b, err := assetFiles.ReadFile("assets/" + e)
		if err != nil {
			panic(err) // it was embedded under that name
		}
		a := asset{content: b, kind: map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}[path.Ext(e)]}
		if e == "style.css" {
			a.content = append(a.content, lights()...)
		}
		sum := sha256.Sum256(a.content)
		a.version = hex.EncodeToString(sum[:6])
		all[e] = a
	}
	return all
}

// lights are the rules by which the bytes of a finding light up.
func lights() []byte {
	var b bytes.Buffer
	for i := 1; i <= maxMarked; i++ {
		fmt.Fprintf(&b, "main:has(#f%[1]d:is(:hover,:focus-within,:target)) .m%[1]d{background:var(--lit);color:var(--litink);outline:2px solid var(--lit)}\n", i)
	}
	return b.Bytes()
}

func list(files embed.FS, dir string) (names []string) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		panic(err) // it was embedded under that name
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// asset serves a file that pages load. Its version is in the query, so that a browser may keep it.
func (u *site) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := u.assets[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	if r.URL.RawQuery == "v="+a.version {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}

// load reads the templates. Every screen has the layout and the parts.
func (u *site) load() map[string]*template.Template {
	functions := template.FuncMap{
		"text": text, "say": printed.Text, "clip": clip, "thousands": printed.Thousands, "size": printed.Size, "took": printed.Took, "lasted": printed.Lasted, "ago": ago, "clock": clock,
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"since": time.Since,
		"join":  strings.Join,
		"asset": func(name string) string { return "/assets/" + name + "?v=" + u.assets[name].version },
		"add":   func(a, b int) int { return a + b },
		"named": func(name string, content any) partOf { return partOf{name, content} },
		"menu":  menu, "several": printed.Count[int64], "count": printed.Count[int],
	}
	base := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	all := map[string]*template.Template{}
	for _, name := range list(templateFiles, "templates") {
		screen, _, _ := strings.Cut(name, ".")
		if !slices.Contains([]string{"layout", "parts"}, screen) {
			all[screen] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, "templates/"+name))
		}
	}
	return all
}

// partOf is the data of a part of a template, and its name.
type partOf struct {
	Name    string
	Content any
}

// Lines is the content as the lines of a diff.
func (n partOf) Lines() []diffLine { all, _ := n.Content.([]diffLine); return all }

// Text is the content as text.
func (n partOf) Text() string { return text(n.Content) }

// A tab is a place in the menu.
type tab struct{ Path, Name string }

// menu lists the screens. That of instances is only there if there may be several.
func menu(of Status) []tab {
	all := []tab{
		{"/", "Overview"}, {"/exchanges", "Exchanges"}, {"/tunnels", "Tunnels"}, {"/findings", "Findings"}, {"/diagnoses", "Diagnoses"}, {"/probes", "Probes"}, {"/chain", "Chain"},
		{"/compare", "Compare"}, {"/rules", "Rules"}, {"/instances", "Instances"}, {"/status", "Status"}, {"/glossary", "Glossary"},
	}
	return slices.DeleteFunc(all, func(t tab) bool { return t.Path == "/instances" && !of.Fleet.Many() })
}
