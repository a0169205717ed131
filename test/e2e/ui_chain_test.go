//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// TestChainPageInABrowser opens the page of a run of chain through nginx dark and light, wide and
// narrow, and goes from the table to both sides of a result, and on to the exchange.
func TestChainPageInABrowser(t *testing.T) {
	t.Parallel()
	sink, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(t.TempDir(), "interlock.db")
	hop := nginx(t, "", fmt.Sprintf(recipe, sink[0], ""))
	chain := []string{"chain", "--via", "old=http://" + hop, "--via", "new=http://" + hop, "--listen", sink[0], "--timeout", "4s", "--only", "CHAIN-CONN-KEEPALIVE", "--store", kept}
	first := filepath.Join(t.TempDir(), "first.json")
	if r := run(t, "interlock", append(chain, "-o", "json="+first, "-H", "X-Deploy: s3cret-0815")...); r.status != 1 {
		t.Fatalf("status %d: %s%s", r.status, r.stdout, r.stderr)
	}
	second := filepath.Join(t.TempDir(), "second.json")
	if r := run(t, "interlock", append(chain, "-o", "json="+second, "--baseline", first)...); r.status != 0 {
		t.Errorf("status %d of a run with known failures: %s%s", r.status, r.stdout, r.stderr)
	}
	if r := run(t, "interlock", "diff", first, second, "-o", "json"); r.status != 0 {
		t.Errorf("diff: status %d: %s%s", r.status, r.stdout, r.stderr)
	} else {
		var d struct{ Summary map[string]int }
		if err := json.Unmarshal([]byte(r.stdout), &d); err != nil || d.Summary["unchanged"] == 0 || d.Summary["new"]+d.Summary["fixed"]+d.Summary["changed"] != 0 {
			t.Errorf("diff: %s, %v", r.stdout, err)
		}
	}
	p := serve(t, "127.0.0.1:9", "--store", kept)
	b := browser(t, p.admin)
	for theme, width := range map[string]int64{"light": 400, "dark": 1400} {
		what := fmt.Sprintf("%s, %d px", theme, width)
		b.theme(theme)
		b.do(chromedp.EmulateViewport(width, 900))
		b.open("/chain")
		if wide := ask[int64](b, "document.documentElement.scrollWidth"); wide > width {
			t.Errorf("%s: the page is %d px wide because of %s", what, wide, ask[string](b, widest))
		}
		b.accessible(what)
		b.silent(what)
		b.picture(fmt.Sprintf("chain-%s-%d", theme, width))
	}
	text := ask[string](b, `document.querySelector("main").innerText`)
	for _, want := range []string{"old", "new", "CHAIN-CONN-KEEPALIVE", "Connection: keep-alive", "Connection: upgrade"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if n := ask[int](b, `document.querySelectorAll("article.hop .differs").length`); n < 4 {
		t.Errorf("%d lines are marked, want at least 4", n)
	}
	b.click(`#matrix td a[href^="#x-"]`)
	b.until(`location.hash.startsWith("#x-")`)
	if at := ask[string](b, "document.querySelector(location.hash).querySelector('h3').innerText"); !strings.Contains(at, "CHAIN-CONN-") {
		t.Errorf("the table leads to %q", at)
	}
	b.follow(`article.hop a[href^="/exchanges/"]`)
	b.until(`document.querySelector("#sides .differs")`)
	b.keys("gh")
	b.until(`location.pathname === "/chain"`)
	b.silent("the end")
}
