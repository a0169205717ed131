//go:build e2e

package e2e

import (
	"strings"
	"testing"

	permit "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// TestCopyButtons checks every copy button of an exchange. Each writes the text under its heading
// to the clipboard, without the markers at the beginning of the lines.
func TestCopyButtons(t *testing.T) {
	t.Parallel()
	s := show(t)
	b := browser(t, s.admin)
	b.open("/exchanges?q=is:unsafe")
	b.until(`document.querySelector("#rows a.go")`)
	b.follow("#rows a.go")
	b.until(`location.pathname.startsWith("/exchanges/") && document.querySelector("[data-copy]")`)
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		params := permit.SetPermissionParams{Permission: &permit.PermissionDescriptor{Name: name}, Setting: permit.PermissionSettingGranted}
		if _, err := chromedp.Call(b.ctx, permit.SetPermission, params); err != nil {
			t.Fatal(err)
		}
	}
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => { d.open = true })`))
	copied := map[string]string{}
	for i := range ask[int](b, `document.querySelectorAll("[data-copy]").length`) {
		title, content, _ := strings.Cut(ask[string](b, strings.ReplaceAll(press, "INDEX", string(rune('0'+i)))), "\n")
		copied[title] = content
	}
	for title, begins := range map[string]string{
		"Request":        "POST /chat HTTP/1.1\\r\\n\nHost: " + s.listen + "\\r\\n\n",
		"Response":       "HTTP/1.1 101 ",
		"The same bytes": "printf '%b' 'POST /chat HTTP/1.1\\r\\n' 'Host: " + s.listen + "\\r\\n'",
		"curl":           "curl -isS --http1.1 ",
	} {
		if got := copied[title]; !strings.HasPrefix(got, begins) {
			t.Errorf("%s: got %q, want a text that begins with %q; all: %q", title, got, begins, copied)
		}
	}
	b.silent("copying")
}

// press presses a copy button, waits for its confirmation, and returns the heading and the text in
// the clipboard.
const press = `(async () => {
	const button = document.querySelectorAll("[data-copy]")[INDEX];
	const answer = new Promise(done => new MutationObserver(() => done(button.textContent)).observe(button, {childList: true}));
	button.click();
	if (await answer != "Copied") throw new Error(button.textContent);
	return button.closest("figure").querySelector("b").textContent + "\n" + await navigator.clipboard.readText();
})()`
