package site

import (
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// A document is what a page links to and loads.
type document struct {
	anchors      map[string]bool
	links, loads []string
	elements     map[string]bool
	title        string
}

func parse(t *testing.T, name string, text []byte) *document {
	t.Helper()
	root, err := html.Parse(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	d := &document{anchors: map[string]bool{}, elements: map[string]bool{}}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		d.elements[n.Data] = true
		if n.Data == "title" && n.Parent.Data == "head" {
			d.title = n.FirstChild.Data
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				if d.anchors[a.Val] {
					t.Errorf("%s: the ID %q is there twice", name, a.Val)
				}
				d.anchors[a.Val] = true
			case a.Key == "href" && n.Data == "a":
				d.links = append(d.links, a.Val)
			case a.Key == "href", a.Key == "src", a.Key == "srcset", a.Key == "data", a.Key == "action":
				d.loads = append(d.loads, a.Val)
			case a.Key == "style", strings.HasPrefix(a.Key, "on"):
				t.Errorf("%s: the attribute %s on %s", name, a.Key, n.Data)
			}
		}
	}
	return d
}

// TestLinksResolve follows each link within the site, and those to the pages of rules. Pages load
// only files of the site, and have no script.
func TestLinksResolve(t *testing.T) {
	all := built(t, example(t.TempDir()))
	pages, titles := map[string]*document{}, map[string]string{}
	for name, text := range all {
		if path.Ext(name) == ".html" {
			pages[name] = parse(t, name, text)
			if d := pages[name]; titles[d.title] != "" || d.title == "" {
				t.Errorf("%s has the title %q of %s", name, d.title, titles[d.title])
			}
			titles[pages[name].title] = name
		}
	}
	links := 0
	for name, d := range pages {
		for _, to := range slices.Concat(d.links, d.loads) {
			u, err := url.Parse(to)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if u.Host != "" {
				if u.Scheme != "https" || !slices.Contains([]string{"www.rfc-editor.org", "example.org"}, u.Host) || slices.Contains(d.loads, to) {
					t.Errorf("%s: links to or loads %s", name, to)
				}
				continue
			}
			links++
			target := path.Join(path.Dir(name), u.Path)
			if u.Path == "" {
				target = name
			}
			if rule, ok := strings.CutPrefix(target, "../../docs/rules/"); ok {
				if found, _ := filepath.Glob("../../docs/rules/" + rule); len(found) != 1 {
					t.Errorf("%s: there is not one page %s", name, target)
				}
				continue
			}
			if _, ok := all[target]; !ok {
				t.Errorf("%s: the link %s leads nowhere", name, to)
			} else if p := pages[target]; u.Fragment != "" && !p.anchors[u.Fragment] {
				t.Errorf("%s: the link %s has an anchor that %s lacks", name, to, target)
			}
		}
		for _, element := range []string{"script", "iframe", "object", "embed", "style", "form", "base"} {
			if d.elements[element] {
				t.Errorf("%s: has the element %s", name, element)
			}
		}
	}
	if links < 200 {
		t.Errorf("got %d links, want more", links)
	}
	if loads := regexp.MustCompile(`url\(|@import|https?:`).Find(all["style.css"]); loads != nil {
		t.Errorf("the style has %q", loads)
	}
}

// TestPicturesAreXML reads the badges and the icon.
func TestPicturesAreXML(t *testing.T) {
	for name, text := range built(t, example(t.TempDir())) {
		if path.Ext(name) != ".svg" {
			continue
		}
		elements := wellFormed(t, name, text)
		if strings.HasPrefix(name, "badges/") && !elements["title"] {
			t.Errorf("%s has no title", name)
		}
	}
}

// wellFormed reads XML and returns the names of its elements.
func wellFormed(t *testing.T, name string, text []byte) map[string]bool {
	t.Helper()
	elements := map[string]bool{}
	for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return elements
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local] = true
		}
	}
}
