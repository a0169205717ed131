//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The fenced blocks of a page are run in order, in one folder. The words after the language say
// how:
//
//	sh run          each line must succeed, or exit as a comment such as "# exit status 1" says
//	sh run files=a  the same, after creating these files
//	sh background   the last line starts a server that runs until the end of the page
//	sh serve        same as run, with interlock serve in front of the backend
//	sh test=NAME    a test or a program of that name covers it; likewise text, wire, yaml and source code
//	text output     the output of the previous block; "..." matches anything
//	text filter     a filter for exchanges
//	text sketch     output that needs more than one machine; not run
//	yaml config     a configuration that check accepts
//	wire judged     a transcript that cmd/interlock judges in a test of its own
//
// A comment <!-- backend: unsound --> in a page selects the lab's backend. <!-- runs: 2 --> gives
// the number of runs in the store at the beginning.

// A fence is a fenced block.
type fence struct {
	page, language, text string
	tags                 []string
	line                 int
}

// tag returns the value of a tag such as status=1.
func (f *fence) tag(name string) string {
	for _, each := range f.tags {
		if value, ok := strings.CutPrefix(each, name+"="); ok {
			return value
		}
	}
	return ""
}

// fences returns the fenced blocks of a page.
func fences(t *testing.T, page, text string) (all []*fence) {
	t.Helper()
	var open *fence
	number := 0
	for line := range strings.Lines(text) {
		number++
		info, isFence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case isFence && open == nil:
			words := strings.Fields(info)
			open = &fence{page: page, line: number}
			if len(words) > 0 {
				open.language, open.tags = words[0], words[1:]
			}
		case isFence:
			all, open = append(all, open), nil
		case open != nil:
			open.text += line
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the block does not end", page, open.line)
	}
	return all
}

// TestDocs runs the examples of the README and the docs.
func TestDocs(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "../../README.md", "../../CONTRIBUTING.md", "../../SECURITY.md") {
		page := filepath.Base(name)
		switch page {
		case "commands.md", "configuration.md":
			continue // these pages are generated and have tests of their own
		case "harden.md":
			if !isTest(t, "TestAGuardMendsEachProduct") {
				t.Error("no test is for harden.md")
			}
			continue
		}
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			text := content(t, filepath.Dir(name), page)
			all := fences(t, page, text)
			if len(all) == 0 {
				return
			}
			d := newDoc(t, text)
			for _, f := range all {
				d.run(t, f)
			}
		})
	}
}

// isTest reports whether a test folder has a test whose name begins with name.
func isTest(t *testing.T, name string) bool {
	t.Helper()
	files, _ := filepath.Glob("*_test.go")
	for _, folder := range []string{"../../cmd/interlock", "../../internal/*", "../../release", "../bench", "../schemas", "../recipes"} {
		more, _ := filepath.Glob(filepath.Join(folder, "*_test.go"))
		files = append(files, more...)
	}
	for _, file := range files {
		if strings.Contains(content(t, filepath.Dir(file), filepath.Base(file)), "\nfunc "+name) {
			return true
		}
	}
	return false
}

// run runs one block.
func (d *doc) run(t *testing.T, f *fence) {
	t.Helper()
	kind := ""
	if len(f.tags) > 0 {
		kind, _, _ = strings.Cut(f.tags[0], "=")
	}
	switch f.language + " " + kind {
	case "sh run":
		d.commands(t, f)
	case "sh serve":
		if !d.serving {
			d.start(t, f, "interlock serve --backend http://127.0.0.1:3000 --store memory")
		}
		d.commands(t, f)
	case "sh background":
		lines := commandsOf(f.text)
		for _, line := range lines[:len(lines)-1] {
			d.command(t, f, line)
		}
		d.start(t, f, lines[len(lines)-1])
	case "sh test", "text test", "wire test", "yaml test", "go test", "python test", "js test", "java test", "ruby test", "nginx test", "haproxy test", "apache test", "caddyfile test":
		name := f.tag("test")
		if _, err := os.Stat(filepath.Join("../..", name)); err != nil && !isTest(t, name) {
			t.Errorf("%s:%d: there is no test %s", f.page, f.line, name)
		}
	case "text output":
		if err := sameOutput(f.text, d.printed); err != nil {
			t.Errorf("%s:%d: %v\ngot\n%s", f.page, f.line, err, d.printed)
		}
	case "text filter":
		d.filter(t, f)
	case "yaml config":
		d.config(t, f)
	case "text sketch", "wire judged":
	default:
		t.Errorf("%s:%d: the block %q %q says not how it is run", f.page, f.line, f.language, f.tags)
	}
}

// commandsOf returns the commands in a block, without comments.
func commandsOf(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// commands runs all commands of a block.
func (d *doc) commands(t *testing.T, f *fence) {
	t.Helper()
	for _, name := range strings.Split(f.tag("files"), ",") {
		d.file(t, name)
	}
	d.printed = ""
	for _, line := range commandsOf(f.text) {
		d.command(t, f, line)
	}
}

// filter queries the exchanges with a filter.
func (d *doc) filter(t *testing.T, f *fence) {
	t.Helper()
	response, err := http.Get("http://" + d.addresses["127.0.0.1:9426"] + "/api/v1/exchanges?q=" + url.QueryEscape(strings.TrimSpace(f.text)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		t.Errorf("%s:%d: got %s: %s", f.page, f.line, response.Status, text)
	}
}

// config checks a configuration, after adding a backend if it has none.
func (d *doc) config(t *testing.T, f *fence) {
	t.Helper()
	text := d.real(f.text)
	if !strings.Contains(text, "backend:") {
		text += d.real("backend: http://127.0.0.1:3000\n")
	}
	path := filepath.Join(d.dir, fmt.Sprintf("block-%d.yaml", f.line))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.command(t, f, "interlock check "+path)
}
