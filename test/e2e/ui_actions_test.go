//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// gone matches the errors of an action whose page was left, or whose element was replaced, while it
// ran.
var gone = regexp.MustCompile(`(?i)could not find node|no node (with|found)|node with given id|detached from document|context with specified id|default execution context|` +
	`execution context was destroyed|navigated or closed|promise was collected|could not find object|net::ERR_ABORTED`)

// settled runs one action, again and again if the page is left meanwhile. The action must be one
// that may be repeated: it is no click and types nothing.
func settled[T any](b *tab, action chromedp.Action[T]) (T, error) {
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := chromedp.Run(ctx, action)
		if err == nil || ctx.Err() != nil || !gone.MatchString(err.Error()) {
			return v, err
		}
		<-tick.C
	}
}

// do runs an action that may be repeated.
func (b *tab) do(action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if _, err := settled(b, action); err != nil {
		b.t.Fatal(err)
	}
}

// open loads a path.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate("http://" + b.at + path))
}

// ask returns the value of an expression, or of the promise that it is.
func ask[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := settled(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until a page is loaded, with its scripts, on which an expression is true. Other pages
// may be loaded meanwhile, and the expression may fail on them.
func (b *tab) until(expression string) {
	b.t.Helper()
	b.succeeds(`const say = v => v ? "" : "it is " + v, v = (` + expression + `); return v instanceof Promise ? v.then(say, String) : say(v)`)
}

// visible waits until an element is there and is visible.
func (b *tab) visible(selector string) {
	b.t.Helper()
	b.until(`document.querySelector(` + strconv.Quote(selector) + `)?.checkVisibility({visibilityProperty: true})`)
}

// click clicks an element once, as soon as it can be clicked. The document must not be one that is
// being left: what leads to another page is for follow.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.acts++
	b.succeeds(fmt.Sprintf(clicked, strconv.Itoa(b.acts), strconv.Quote(selector)))
}

// follow clicks what leads to another page, and waits until that page is loaded.
func (b *tab) follow(selector string) {
	b.t.Helper()
	b.click(selector)
	b.until(`window.left != ` + strconv.Itoa(b.acts))
}

// clicked clicks an element if nothing covers it, or says what is in the way. A click that was made
// is on record in the session of the tab, which outlasts the page: it is not made again if its
// answer was lost with the page.
const clicked = `if (sessionStorage.getItem("clicked") == "%[1]s") return "";
	const e = document.querySelector(%[2]s);
	if (!e?.checkVisibility({visibilityProperty: true})) return "it is not visible";
	e.scrollIntoView({block: "nearest", inline: "nearest", behavior: "instant"});
	const [box] = e.getClientRects(), hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
	if (!e.contains(hit) && hit?.closest("label")?.control != e) return "it is covered by " + hit?.outerHTML.slice(0, 200);
	sessionStorage.setItem("clicked", "%[1]s");
	window.left = %[1]s;
	e.click();
	return "";`

// typed gives an element the focus and presses keys.
func (b *tab) typed(selector, keys string) {
	b.t.Helper()
	b.succeeds(`const e = document.querySelector(` + strconv.Quote(selector) + `); e.focus(); return document.activeElement == e ? "" : "it does not take the focus"`)
	b.keys(keys)
}

// keys presses keys.
func (b *tab) keys(keys string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.KeyEvent(keys)); err != nil && !gone.MatchString(err.Error()) { // the last key may lead to another page
		b.t.Fatal(err)
	}
}

// succeeds runs the body of a function in loaded pages until it returns an empty string. The string
// says what is missing. The page need not allow scripts.
func (b *tab) succeeds(body string) {
	b.t.Helper()
	look := chromedp.Evaluate[string](`(() => { try { if (document.readyState != "complete") return "the page is loading"; `+body+` } catch (e) { return String(e) } })()`, chromedp.EvalAwaitPromise)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		missing, err := settled(b, look)
		if err == nil && missing == "" {
			return
		}
		if err != nil || time.Now().After(deadline) {
			b.t.Fatalf("%s\nnever succeeded: %s, %v, at %s\n%s", body, missing, err, ask[string](b, "location.href"), ask[string](b, "document.body.innerText"))
		}
	}
}

// theme sets the dark or the light colour scheme.
func (b *tab) theme(name string) {
	b.t.Helper()
	params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, params); err != nil {
		b.t.Fatal(err)
	}
}

// scripts enables or disables scripts.
func (b *tab) scripts(on bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		b.t.Fatal(err)
	}
}
