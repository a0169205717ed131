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
	t     testing.TB
	ctx   context.Context
	at    string // the admin address
	acts  int    // clicks so far
	close func() // ends Chromium

	mu         sync.Mutex
	complaints []string
}

// browser opens a tab. It is closed with the test.
func browser(t testing.TB, at string, more ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program(t, "chromium", "chromium")), chromedp.NoSandbox, chromedp.Env("HOME="+t.TempDir()))
	options = append(options, more...)
	allocator, end := chromedp.NewExecAllocator(context.Background(), append(options, chromedp.WSURLReadTimeout(patience))...)
	page, leave := chromedp.NewContext(allocator)
	b := &tab{t: t, ctx: page, at: at}
	b.close = sync.OnceFunc(func() {
		if err := chromedp.Cancel(page); err != nil {
			t.Logf("close the tab: %v", err)
		}
		leave()
		end()
	})
	t.Cleanup(b.close)
	if err := chromedp.Listen(page, b.hear); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(page, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
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

// picture saves a screenshot in the folder of artefacts.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("INTERLOCK_ARTEFACTS")
	if dir == "" {
		dir = "artefacts"
	}
	png, err := settled(b, chromedp.CaptureScreenshot())
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
	const look = `;axe.run(document, {resultTypes: ["violations"], preload: false}).then(r => r.violations.filter(v => v.impact == "serious" || v.impact == "critical")
		.map(v => v.id + ": " + v.help + "\n" + v.nodes.slice(0, 4).map(n => "   " + n.html.slice(0, 160) + "\n   " + (n.any[0] || n.all[0] || n.none[0] || {}).message).join("\n")).join("\n"))`
	if found := ask[string](b, string(axe)+look); found != "" {
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
