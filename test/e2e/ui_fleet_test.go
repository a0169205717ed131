//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// inABrowser opens the pages that show several instances dark and light, wide and narrow: none is
// wider than the window, and each is accessible.
func (m *member) inABrowser(t *testing.T) {
	t.Helper()
	b := browser(t, m.admin)
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		for _, width := range []int64{1400, 400} {
			b.do(chromedp.EmulateViewport(width, 900))
			for _, path := range []string{"/instances", "/"} {
				what := fmt.Sprintf("%s of a fleet, %s, %d px", path, theme, width)
				b.open(path)
				ask[int64](b, `[...document.querySelectorAll("main details")].map(d => d.open = true).length`)
				if wide := ask[int64](b, "document.documentElement.scrollWidth"); wide > width {
					t.Errorf("%s: the page is %d px wide because of %s", what, wide, ask[string](b, widest))
				}
				if narrow := ask[string](b, squeezed); narrow != "" {
					t.Errorf("%s: columns with room for hardly a letter: %s", what, narrow)
				}
				b.accessible(what)
				b.silent(what)
				b.picture(fmt.Sprintf("fleet-%s-%s-%d", name(path), theme, width))
			}
		}
	}
	b.close()
}
