//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"golang.org/x/net/html"
)

// TestDocumentationSite builds the site of make docs, checks its links, and searches it in a
// browser.
func TestDocumentationSite(t *testing.T) {
	root := siteCopy(t)
	build := exec.CommandContext(t.Context(), "node_modules/.bin/vitepress", "build")
	build.Dir = filepath.Join(root, "site")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the site: %v (npm ci --prefix site installs what it needs)\n%s", err, out)
	}
	built := filepath.Join(build.Dir, "build", "html")
	buildScoreboard(t, filepath.Join(built, "scoreboard"), "-rules", "../rules/%s.html")
	t.Run("links", func(t *testing.T) { checkSite(t, root, built) })
	t.Run("browser", func(t *testing.T) { browseSite(t, built) })
}

// siteCopy returns a copy of what the site is built from. The rest of the checkout is linked.
func siteCopy(t *testing.T) (root string) {
	t.Helper()
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	entries, err := os.ReadDir(checkout)
	if err != nil {
		t.Fatal(err)
	}
	links := []string{"site/node_modules"}
	for _, e := range entries {
		if !slices.Contains([]string{".git", "docs", "site"}, e.Name()) {
			links = append(links, e.Name())
		}
	}
	for _, folder := range []string{"docs", "site/.vitepress/theme"} {
		if err := os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join(checkout, folder))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"package.json", "stage.mjs", ".vitepress/config.mjs"} {
		text := content(t, filepath.Join(checkout, "site"), name)
		if err := os.WriteFile(filepath.Join(root, "site", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range links {
		if err := os.Symlink(filepath.Join(checkout, name), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// A sitePage is a page of the site: its anchors, what it links to and what it loads.
type sitePage struct {
	title, description string
	anchors            map[string]bool
	links, loads       []string
	text               strings.Builder
}

// readPage reads a page of the site.
func readPage(t *testing.T, name string) *sitePage {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := html.Parse(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := &sitePage{anchors: map[string]bool{}}
	for n := range doc.Descendants() {
		p.add(n)
	}
	return p
}

// add adds an element or a text to a page.
func (p *sitePage) add(n *html.Node) {
	attributes := map[string]string{}
	for _, a := range n.Attr {
		attributes[a.Key] = a.Val
	}
	if id := attributes["id"]; id != "" {
		p.anchors[id] = true
	}
	switch {
	case n.Type == html.TextNode && n.Parent.Data == "title":
		p.title = n.Data
	case n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style":
		p.text.WriteString(n.Data + "\n")
	case n.Data == "meta" && attributes["name"] == "description":
		p.description = attributes["content"]
	case n.Data == "a" && attributes["href"] != "":
		p.links = append(p.links, attributes["href"])
	case n.Data == "link":
		p.loads = append(p.loads, attributes["href"])
	case attributes["src"] != "":
		p.loads = append(p.loads, attributes["src"])
	}
}

// checkSite checks that each page of docs/ is there, with a title of its own and without marks that
// are meant for tests, that each link within the site leads to a page and an anchor, and that pages
// load nothing from elsewhere.
func checkSite(t *testing.T, root, built string) {
	pages := map[string]*sitePage{}
	for name := range endingIn(t, built, ".html") {
		if name != "404.html" {
			pages["/"+name] = readPage(t, filepath.Join(built, name))
		}
	}
	for name := range endingIn(t, filepath.Join(root, "docs"), ".md") {
		page := "/" + strings.TrimSuffix(strings.Replace(name, "README.md", "index.md", 1), ".md") + ".html"
		if pages[page] == nil {
			t.Errorf("docs/%s has no page %s", name, page)
		}
	}
	titles, links := map[string]string{}, 0
	for name, p := range pages {
		if other := titles[p.title]; other != "" || p.title == "" || p.description == "" {
			t.Errorf("%s: got the title %q and the description %q, want one of its own (%s)", name, p.title, p.description, other)
		}
		titles[p.title] = name
		if strings.HasPrefix(name, "/scoreboard/") {
			p.text.Reset() // it shows recipes
		}
		for _, mark := range []string{"<!--", "-->", "```", "test=Test", "recipe=", "run files=", "&#123;"} {
			if strings.Contains(p.text.String(), mark) {
				t.Errorf("%s: the page shows %q", name, mark)
			}
		}
		for _, link := range p.links {
			links += leads(t, built, pages, name, link)
		}
		for _, load := range p.loads {
			u, err := url.Parse(load)
			if err != nil || u.Host != "" || u.Scheme != "" && u.Scheme != "data" {
				t.Errorf("%s: loads %s: %v", name, load, err)
			} else if u.Scheme == "" {
				leads(t, built, nil, name, load)
			}
		}
	}
	if links < 10000 {
		t.Errorf("got %d links within the site, want more", links)
	}
	t.Logf("%d pages, %d links within the site", len(pages), links)
}

// leads checks one link or load of a page. It returns 0 for a link that leads out of the site, else 1.
func leads(t *testing.T, built string, pages map[string]*sitePage, from, link string) int {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Errorf("%s: %v", from, err)
		return 0
	}
	if u.Scheme != "" || u.Host != "" {
		return 0
	}
	target := (&url.URL{Path: from}).ResolveReference(u).Path
	if strings.HasSuffix(target, "/") {
		target += "index.html"
	}
	if _, err := os.Stat(filepath.Join(built, filepath.FromSlash(target))); err != nil {
		t.Errorf("%s: the link %s leads nowhere: %v", from, link, err)
	} else if p := pages[target]; u.Fragment != "" && (p == nil || !p.anchors[u.Fragment]) {
		t.Errorf("%s: the link %s has an anchor that %s lacks", from, link, target)
	}
	return 1
}

// endingIn returns the names of the files under a folder that end in a suffix.
func endingIn(t *testing.T, dir, suffix string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(name, suffix) {
			all[name] = true
		}
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("got %d files %s: %v", len(all), suffix, err)
	}
	return all
}

// browseSite opens pages wide and narrow, light and dark, and finds a rule with the search. Nothing
// is requested from elsewhere.
func browseSite(t *testing.T, built string) {
	server := httptest.NewServer(http.FileServer(http.Dir(built)))
	defer server.Close()
	b := browser(t, strings.TrimPrefix(server.URL, "http://"))
	defer b.close()
	var mu sync.Mutex
	var requests []string
	err := chromedp.Listen(b.ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok {
			mu.Lock()
			defer mu.Unlock()
			requests = append(requests, e.Request.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		for _, width := range []int64{1400, 400} {
			b.do(chromedp.EmulateViewport(width, map[int64]int64{1400: 900, 400: 860}[width]))
			for _, page := range []string{"/", "/rules/UPGRADE-POST.html", "/diagnoses/stripped-upgrade.html", "/harden.html", "/rules/", "/files/configs/interlock.yaml.html"} {
				what := fmt.Sprintf("%s, %s, %d px", page, theme, width)
				b.open(page)
				b.until(`document.querySelector("#app")?.__vue_app__`)
				if wide := ask[int64](b, "document.documentElement.scrollWidth"); wide > width {
					t.Errorf("%s: the page is %d px wide because of %s", what, wide, ask[string](b, widest))
				}
				b.accessible(what)
				b.silent(what)
				b.picture(fmt.Sprintf("site-%s-%s-%d", strings.TrimSuffix(name(page), "-html"), theme, width))
			}
			b.search(fmt.Sprintf("%s-%d", theme, width))
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(requests) < 20 {
		t.Errorf("got %d requests, want more", len(requests))
	}
	for _, r := range requests {
		if !strings.HasPrefix(r, server.URL+"/") && !strings.HasPrefix(r, "data:") {
			t.Errorf("the browser requested %s", r)
		}
	}
}

// search finds a rule from the table of contents.
func (b *tab) search(what string) {
	b.t.Helper()
	b.open("/")
	b.until(`document.querySelector("#app")?.__vue_app__`)
	b.click(".VPNavBarSearch button")
	b.visible("#localsearch-input")
	b.typed("#localsearch-input", "UPGRADE-POST")
	b.until(`document.querySelector(".VPLocalSearchBox .result.selected")?.getAttribute("href").startsWith("/rules/UPGRADE-POST.html")`)
	b.silent("search, " + what)
	b.picture("site-search-" + what)
	b.keys(kb.Enter)
	b.until(`location.pathname == "/rules/UPGRADE-POST.html" && document.title.startsWith("UPGRADE-POST: ") && document.querySelector("h1").innerText.startsWith("UPGRADE-POST")`)
	b.silent("the page found, " + what)
}
