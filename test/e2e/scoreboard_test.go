//go:build e2e

package e2e

import (
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestScoreboardPages opens the pages of a small scoreboard from files, wide and narrow, light and
// dark. They are accessible, fit the window, and load nothing but files of the site.
func TestScoreboardPages(t *testing.T) {
	built := t.TempDir()
	buildScoreboard(t, built)
	b := browser(t, "")
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
	top := (&url.URL{Scheme: "file", Path: filepath.ToSlash(built)}).String() + "/"
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		for _, width := range []int64{1400, 400} {
			b.do(chromedp.EmulateViewport(width, 900))
			for _, page := range []string{"index.html", "servers/birch.html", "probes.html", "probes/UPGRADE-POST.html", "history.html", "method.html"} {
				what := fmt.Sprintf("%s, %s, %d px", page, theme, width)
				b.do(chromedp.Navigate(top + page))
				b.until(`document.readyState == "complete"`)
				ask[int](b, `[...document.querySelectorAll("details")].map(d => d.open = true).length`)
				if wide := ask[int64](b, "document.documentElement.scrollWidth"); wide > width {
					t.Errorf("%s: the page is %d px wide because of %s", what, wide, ask[string](b, widest))
				}
				b.accessible(what)
				b.silent(what)
				b.picture(fmt.Sprintf("scoreboard-%s-%s-%d", strings.TrimSuffix(name(page), "-html"), theme, width))
			}
			b.filtersByLanguage(top)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(requests) < 24 {
		t.Errorf("got %d requests, want more", len(requests))
	}
	for _, r := range requests {
		if !strings.HasPrefix(r, top) {
			t.Errorf("the browser requested %s", r)
		}
	}
}

// buildScoreboard builds the pages of a small scoreboard.
func buildScoreboard(t *testing.T, to string, more ...string) {
	t.Helper()
	arguments := []string{"-C", "../../scoreboard", "run", ".", "site", "-data", "site/testdata/runs", "-recipes", "site/testdata/checkout", "-o", to}
	if out, err := exec.CommandContext(t.Context(), "go", append(arguments, more...)...).CombinedOutput(); err != nil {
		t.Fatalf("build the scoreboard: %v\n%s", err, out)
	}
}

// filtersByLanguage shows only the servers that are written in Go, and sorts by the share passed.
func (b *tab) filtersByLanguage(top string) {
	b.t.Helper()
	b.do(chromedp.Navigate(top + "index.html"))
	const shown = `[...document.querySelectorAll(".board tbody .name > a")].filter(a => a.checkVisibility()).map(a => a.innerText).join(" ")`
	if got := ask[string](b, shown); got != "Alder Birch cedar" {
		b.t.Errorf("got the servers %s", got)
	}
	b.click(".languages label:has(#language-2)")
	if got := ask[string](b, shown); got != "Alder" {
		b.t.Errorf("got the servers %s, want those in Go", got)
	}
	b.click(`.sort a[href="by-passed.html"]`)
	b.until(`location.pathname.endsWith("/by-passed.html")`)
	if got := ask[string](b, shown); got != "Alder cedar Birch" {
		b.t.Errorf("got the order %s, want that of the share passed", got)
	}
	b.silent("the order")
}
