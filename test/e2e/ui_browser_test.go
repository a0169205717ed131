//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A tab is a page in Chromium, with the errors that it reported.
type tab struct {
	t   testing.TB
	ctx context.Context
	at  string // the admin address

	mu         sync.Mutex
	complaints []string
}

// browser opens a tab. It is closed with the test.
func browser(t testing.TB, at string) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program(t, "chromium", "chromium")), chromedp.NoSandbox, chromedp.Env("HOME="+t.TempDir()))
	ctx, stop := context.WithTimeout(context.Background(), 3*patience)
	allocator, end := chromedp.NewExecAllocator(ctx, options...)
	page, leave := chromedp.NewContext(allocator)
	b := &tab{t: t, ctx: page, at: at}
	t.Cleanup(func() {
		if err := chromedp.Cancel(page); err != nil {
			t.Error(err)
		}
		leave()
		end()
		stop()
	})
	if err := chromedp.Listen(page, b.hear); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(1280, 900))
	return b
}

// hear records script errors and everything that the browser blocked, such as violations of the
// content security policy.
func (b *tab) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			said += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			said = fmt.Sprintf("console: %v", e.Args)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			said = e.Entry.Text + " " + e.Entry.URL
		}
	}
	if said == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, said)
}

// silent checks that no error was reported since the last call.
func (b *tab) silent(what string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.t.Errorf("%s: the browser complains: %s", what, c)
	}
	b.complaints = nil
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// open loads a path.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate("http://" + b.at + path))
}

// until waits until an expression is true, even if other pages are loaded meanwhile.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	left := func(err error) bool { // the page was left while the expression was evaluated
		return err != nil && (strings.Contains(err.Error(), "context with specified id") || strings.Contains(err.Error(), "navigated or closed"))
	}
	err := chromedp.Do(ctx, chromedp.Poll[chromedp.Void](expression))
	for left(err) {
		err = chromedp.Do(ctx, chromedp.Poll[chromedp.Void](expression))
	}
	if err != nil {
		b.t.Fatalf("%s never came true at %s: %v\n%s", expression, ask[string](b, "location.href"), err, ask[string](b, "document.body.innerText"))
	}
}

// ask returns the value of an expression.
func ask[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
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

// picture saves a screenshot in the folder of artefacts.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("INTERLOCK_ARTEFACTS")
	if dir == "" {
		dir = "artefacts"
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// accessible checks that axe finds no serious or critical problem.
func (b *tab) accessible(what string) {
	b.t.Helper()
	axe, err := os.ReadFile("node/node_modules/axe-core/axe.min.js")
	if err != nil {
		b.t.Fatalf("axe is missing: npm ci --prefix test/e2e/node installs it: %v", err)
	}
	const look = `;axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.filter(v => v.impact == "serious" || v.impact == "critical")
		.map(v => v.id + ": " + v.help + "\n" + v.nodes.slice(0, 4).map(n => "   " + n.html.slice(0, 160) + "\n   " + (n.any[0] || n.all[0] || n.none[0] || {}).message).join("\n")).join("\n"))`
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](string(axe)+look, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	if found != "" {
		b.t.Errorf("%s is not accessible:\n%s", what, found)
	}
}

// name turns a path into a file name.
func name(path string) string {
	if path == "/" {
		return "overview"
	}
	return strings.Trim(regexp.MustCompile(`[^0-9A-Za-z]+`).ReplaceAllString(path, "-"), "-")
}
