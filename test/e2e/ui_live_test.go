//go:build e2e

package e2e

import (
	"testing"

	loaded "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestLiveRowsArrive checks that rows arrive while the page is open, and do not while it is paused.
func TestLiveRowsArrive(t *testing.T) {
	t.Parallel()
	s := show(t)
	b := browser(t, s.admin)
	b.open("/exchanges")
	b.until(`!document.querySelector("[data-pause]").hidden && document.querySelectorAll("#rows tr").length == 2`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#rows a.go").focus()`))
	was := ask[string](b, `document.activeElement.closest("tr").id`)
	s.connect("/chat?live=1")
	b.until(`document.querySelector("#rows").innerText.includes("/chat?live=1")`)
	if is := ask[string](b, `document.activeElement.closest("tr")?.id || ""`); is != was {
		t.Errorf("the focus went from %q to %q", was, is)
	}
	b.click("[data-pause]")
	s.connect("/chat?live=2")
	s.connect("/chat?live=3")
	if ask[bool](b, `document.querySelector("#rows").innerText.includes("live=2")`) || ask[string](b, `document.querySelector("[data-pause]").innerText`) != "paused" {
		t.Error("a page that is paused goes on")
	}
	b.click("[data-pause]")
	b.until(`document.querySelector("#rows").innerText.includes("/chat?live=2")`)
	b.until(`document.querySelector("#rows").innerText.includes("/chat?live=3")`)
	b.silent("live rows")
}

// TestNoLiveRowIsMissed checks that a row arrives that came after the page was made and before it
// was subscribed to the events.
func TestNoLiveRowIsMissed(t *testing.T) {
	t.Parallel()
	s := show(t)
	b := browser(t, s.admin)
	const late = `const Source = EventSource;
		EventSource = function(path) {
			const late = new EventTarget();
			late.close = () => {};
			window.subscribe = () => { new Source(path).addEventListener("open", () => late.dispatchEvent(new Event("open"))) };
			return late;
		}`
	if _, err := chromedp.Call(b.ctx, loaded.AddScriptToEvaluateOnNewDocument, loaded.AddScriptToEvaluateOnNewDocumentParams{Source: late}); err != nil {
		t.Fatal(err)
	}
	b.open("/exchanges")
	b.until(`window.subscribe && document.querySelectorAll("#rows tr").length == 2`)
	s.connect("/chat?late=1")
	s.stored(3)
	b.do(chromedp.Evaluate[chromedp.Void](`subscribe()`))
	b.until(`document.querySelector("#rows").innerText.includes("/chat?late=1")`)
	b.silent("late rows")
}
