//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// explainedScreen is the place of an exchange with a diagnosis among the screens.
const explainedScreen = 14

// screens returns the paths of all screens, each with content.
func (s *shown) screens(b *tab) []string {
	s.t.Helper()
	b.open("/exchanges?q=verdict:fail")
	b.until(`document.querySelector("#rows a.go")`)
	const first = `document.querySelector("#rows a.go").getAttribute("href").split("?")[0]`
	failed := ask[string](b, first)
	s.strip("/stripped")
	b.until(`fetch("/api/v1/exchanges?q=why:stripped-upgrade").then(r => r.json()).then(r => r.exchanges.length > 0)`) // once it is stored
	b.open("/exchanges?q=why:stripped-upgrade")
	b.until(`document.querySelector("#rows a.go")`)
	explained := ask[string](b, first)
	return []string{
		"/", "/exchanges", failed, failed + "?view=hex", failed + "?view=fields", "/findings", "/probes", "/compare", "/rules", "/rules/UPGRADE-POST", "/status", "/accept?rule=UPGRADE-POST&endpoint=/chat",
		"/glossary", "/replay?id=" + strings.TrimPrefix(failed, "/exchanges/"), explained, "/diagnoses", "/diagnoses/stripped-upgrade", "/chain", "/instances",
	}
}

// TestScreensInABrowser opens each screen dark and light, wide and narrow. Each opens without a
// browser error, is not wider than the window, and is accessible.
func TestScreensInABrowser(t *testing.T) {
	s := show(t)
	b := browser(t, s.admin)
	run := s.probe(b, "CTRL-* UPGRADE-*")
	s.probe(b, "CTRL-* UPGRADE-POST")
	screens := append(s.screens(b), "/probes/"+run, "/findings?by=endpoint", "/exchanges?q=&sort=worst")
	b.silent("looking for an exchange")
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		for _, width := range []int64{1400, 400, 3840} {
			b.do(chromedp.EmulateViewport(width, map[int64]int64{1400: 900, 400: 860, 3840: 2160}[width]))
			for i, path := range screens {
				what := fmt.Sprintf("%s, %s, %d px", path, theme, width)
				b.open(path)
				if wide := ask[int64](b, "document.documentElement.scrollWidth"); wide > width {
					t.Errorf("%s: the page is %d px wide because of %s", what, wide, ask[string](b, widest))
				}
				if narrow := ask[string](b, squeezed); narrow != "" {
					t.Errorf("%s: columns with room for hardly a letter: %s", what, narrow)
				}
				if width != 3840 {
					b.accessible(what)
				}
				b.silent(what)
				if path == screens[explainedScreen] {
					path = "/exchange-explained"
				} else if path != screens[2] {
					path = strings.Replace(path, screens[2], "/exchange-"+fmt.Sprint(i), 1)
				} else {
					path = "/exchange"
				}
				b.picture(fmt.Sprintf("%s-%s-%d", strings.ReplaceAll(name(path), run, "run"), theme, width))
			}
		}
	}
}

// widest lists the elements that are wider than the window.
const widest = `[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest(".scroll,pre")).slice(0, 5).map(e => e.outerHTML.slice(0, 120)).join("\n")`

// squeezed lists cells whose text is broken into single letters, and elements that overflow a box
// that cannot be scrolled.
const squeezed = `[...document.querySelectorAll("main td, main th, main dd, main dt")].filter(e => {
	const text = e.innerText.trim(), box = e.getBoundingClientRect(), content = document.createRange();
	content.selectNodeContents(e);
	const lines = Math.round(content.getBoundingClientRect().height / parseFloat(getComputedStyle(e).lineHeight));
	return lines > 2 && text.length / lines < 4 || box.left < 0 && !e.closest(".scroll,pre,.unseen") && !e.querySelector(".unseen");
}).slice(0, 5).map(e => e.outerHTML.slice(0, 120)).join("\n")`

// probe starts a run from the page and waits for it to end.
func (s *shown) probe(b *tab, only string) (run string) {
	s.t.Helper()
	b.open("/probes")
	b.click("#start tbody input[type=radio]")
	b.click("#start details summary")
	b.typed("#start input[name=only]", only)
	b.follow("#start button.main")
	b.until(`location.pathname.startsWith("/probes/")`)
	b.until(`document.querySelector("#under")?.innerText.includes("is done") && document.querySelectorAll("#matrix tbody tr").length > 1`)
	return ask[string](b, `location.pathname.replace("/probes/", "")`)
}

// TestKeysAndFilter checks that / focuses the filter, Enter applies it, j and Enter open an
// exchange, and a wrong filter shows an error.
func TestKeysAndFilter(t *testing.T) {
	t.Parallel()
	s := show(t)
	b := browser(t, s.admin)
	b.open("/exchanges")
	b.until(`document.querySelectorAll("#rows tr").length == 2`)
	b.keys("/" + "rule:UPGRADE-POST is:unsafe" + kb.Enter)
	b.until(`location.search.includes("UPGRADE-POST") && document.querySelectorAll("#rows tr").length == 1`)
	b.keys("j" + kb.Enter)
	b.until(`location.pathname.startsWith("/exchanges/") && document.querySelector("article.finding mark, .bytes mark")`)
	if got := ask[string](b, `document.querySelector(".bytes mark").innerText`); got != "POST" {
		t.Errorf("got %q marked, want the method", got)
	}
	const exports = `Promise.all([...document.querySelectorAll(".menu button")].map(b => fetch(b.form.action + "?" + new URLSearchParams(new FormData(b.form, b)))
		.then(r => r.ok && r.headers.get("Content-Disposition").startsWith("attachment")))).then(all => all.length > 5 && all.every(Boolean))`
	if !ask[bool](b, exports) {
		t.Error("not every format can be exported")
	}
	b.open("/exchanges?q=verdict:worse")
	b.until(`document.querySelector("#wrong")?.innerText.includes("worse")`)
	b.keys("gf")
	b.until(`location.pathname == "/findings"`)
	b.silent("keys")
}

// lit reports whether marked bytes are highlighted.
const lit = `getComputedStyle(document.querySelector(".bytes mark")).outlineStyle == "solid"`

// TestAProbeRunFromThePage starts a run from an exchange of the endpoint. The matrix fills up
// during the run, and a cell opens its exchange. There the bytes of a finding are highlighted while
// the finding has the mouse pointer or the focus.
func TestAProbeRunFromThePage(t *testing.T) {
	t.Parallel()
	s := show(t)
	b := browser(t, s.admin)
	b.open("/exchanges?q=verdict:pass")
	b.until(`document.querySelector("#rows a.go")`)
	b.follow("#rows a.go")
	b.until(`location.pathname.startsWith("/exchanges/") && document.querySelector(".actions a[href^='/probes']")`)
	b.follow(".actions a[href^='/probes']")
	b.until(`location.pathname == "/probes" && document.querySelector("#start input[type=radio]:checked")`)
	b.follow("#start button.main")
	b.until(`location.pathname.startsWith("/probes/")`)
	b.until(`document.querySelectorAll("#matrix tbody tr").length > 100 && document.querySelector("#under").innerText.includes("is done")`)
	b.picture("matrix")
	const cell = `#matrix td a:has(.fail)`
	b.until(`document.querySelector("` + cell + `")`)
	b.follow(cell)
	b.until(`location.pathname.startsWith("/exchanges/") && document.querySelector(".bytes mark")`)
	if ask[bool](b, lit) {
		t.Error("the bytes are lit before anything is pointed at")
	}
	b.do(chromedp.Focus("article.finding"))
	b.until(lit)
	b.do(chromedp.Blur("article.finding"))
	b.until("!(" + lit + ")")
}

// TestAcceptFromThePage checks that accepting a finding shows the diff, writes nothing before the
// confirmation, and then takes effect.
func TestAcceptFromThePage(t *testing.T) {
	t.Parallel()
	s := show(t)
	b := browser(t, s.admin)
	b.open("/findings")
	b.until(`document.querySelector("a[href^='/accept?rule=UPGRADE-POST&']")`)
	b.follow(`a[href^='/accept?rule=UPGRADE-POST&']`)
	b.until(`location.pathname == "/accept"`)
	b.typed("input[name=reason]", "the gateway refuses it")
	b.typed("input[name=until]", "01312099")
	b.follow("form.card button")
	b.until(`document.querySelector(".diff")?.innerText.includes("the gateway refuses it")`)
	b.picture("accept-diff")
	if is, err := os.ReadFile(s.config); err != nil || string(is) != ownConfig {
		t.Errorf("before it is confirmed the file is %q, %v", is, err)
	}
	b.follow(".card form button.main")
	b.until(`location.pathname == "/findings" && document.querySelector("#groups").innerText.includes("UPGRADE-POST")`)
	is, err := os.ReadFile(s.config)
	if err != nil || !strings.HasPrefix(string(is), "# mine\n") || !strings.Contains(string(is), "UPGRADE-POST") || !strings.Contains(string(is), "2099-01-31") {
		t.Errorf("got %q, %v", is, err)
	}
	b.silent("accept")
}

// TestPagesWorkWithoutScripts checks that everything but live updates works without scripts.
func TestPagesWorkWithoutScripts(t *testing.T) {
	t.Parallel()
	s := show(t)
	b := browser(t, s.admin)
	screens := s.screens(b)
	b.scripts(false)
	for _, path := range screens {
		b.open(path)
		title, body := ask[string](b, "document.title"), ask[string](b, `document.querySelector("main").textContent`)
		if !strings.HasSuffix(title, "Interlock") || len(body) < 60 {
			t.Errorf("%s: %q: %q", path, title, clip(body))
		}
	}
	b.open("/exchanges")
	b.typed("#q", kb.End+"verdict:fail")
	b.follow(".filter button")
	b.visible(".chips a[aria-current]")
	b.follow("#rows a.go")
	b.visible(".finding")
	b.follow(".views a:nth-child(2)")
	b.visible("pre.dump")
	b.open("/probes")
	b.click("#start tbody input[type=radio]")
	b.follow("#start button.main")
	b.visible(".crumb")
	b.silent("without scripts")
}

// TestPagesAreNotForOthers checks that requests from another site, or under another host name, have
// no effect.
func TestPagesAreNotForOthers(t *testing.T) {
	t.Parallel()
	s := show(t)
	for _, change := range []func(*http.Request){
		func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		func(r *http.Request) { r.Host = "evil.example" },
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.admin+"/pause", strings.NewReader("paused=yes"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		change(r)
		answer, err := client(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode < 400 {
			t.Errorf("%v, Host %s: status %d", r.Header, r.Host, answer.StatusCode)
		}
	}
}
