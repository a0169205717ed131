package site

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// hostile is text that a page must not take for markup, a link or a direction of writing.
const hostile = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)> {{.}} \x00\x1b[31m\u202e\u2066 javascript:alert(1)"

// save writes a run as the only file of a folder, and returns the folder.
func save(t *testing.T, r *results.Run) string {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := r.Write(f); err != nil {
		t.Fatal(err)
	}
	return dir
}

// hostileRun has hostile text wherever a run has text, and every byte in its heads.
func hostileRun() *results.Run {
	var bytes []byte
	for i := range 256 {
		bytes = append(bytes, byte(i))
	}
	bytes = append(bytes, hostile...)
	return &results.Run{
		Schema: results.Schema, Date: hostile, Interlock: hostile, Platform: hostile,
		Servers: []results.Server{{
			ID: "a", Name: hostile, Version: hostile, Language: hostile, Source: hostile, Home: "javascript:alert(1)", Recipe: "recipes/a/recipe.yaml", Note: hostile,
			Controls: []results.Control{{Probe: hostile, Protocol: hostile}},
			Cells: []results.Cell{
				{Probe: "UPGRADE-POST", Rule: hostile, Verdict: "fail", Severity: hostile, Outcome: hostile, Detail: hostile, Request: bytes, Response: bytes},
				{Probe: "UPGRADE-NEVER-WAS", Rule: "UPGRADE-POST", Verdict: "not-applicable", Outcome: hostile, Detail: hostile},
			},
		}},
		Failed:  []results.Failed{{ID: hostile, Name: hostile, Error: hostile}},
		LeftOut: []results.Left{{Probe: hostile, Reason: hostile}},
	}
}

func TestHostileTextIsEscaped(t *testing.T) {
	checkout := t.TempDir()
	if err := os.MkdirAll(filepath.Join(checkout, "recipes/a"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(checkout, "recipes/a/recipe.yaml"), []byte(hostile), 0o644); err != nil {
		t.Fatal(err)
	}
	data := save(t, hostileRun())
	older, err := os.ReadFile(filepath.Join(data, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	older = []byte(strings.Replace(string(older), `"version": "`, `"version": "1`, 1))
	if err := os.WriteFile(filepath.Join(data, "older.json"), older, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, text := range built(t, Options{Data: data, Out: t.TempDir(), Recipes: checkout, Rules: "rules/%s.html"}) {
		for _, r := range string(text) {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s has the character %q", name, r)
			}
		}
		switch path.Ext(name) {
		case ".html":
			d := parse(t, name, text)
			if d.elements["script"] || !d.elements["footer"] {
				t.Errorf("%s has a script or no footer", name)
			}
			for _, to := range append(d.links, d.loads...) {
				if strings.Contains(to, "javascript") || strings.Contains(to, "alert") {
					t.Errorf("%s links to %s", name, to)
				}
			}
		case ".svg":
			if elements := wellFormed(t, name, text); elements["script"] || elements["img"] {
				t.Errorf("%s has an element of the data", name)
			}
		}
	}
}

func TestAnIDThatIsNoFileNameIsRefused(t *testing.T) {
	for _, id := range []string{"../x", "a/b", `a\b`, ".", "..", "a..b", "-a", "A", "a b", "a\x00", "ä", strings.Repeat("a", 65), "<a>"} {
		r := &results.Run{Schema: results.Schema, Servers: []results.Server{{ID: id, Name: "A"}}}
		refused(t, r, "file name")
	}
	for _, id := range []string{"../X", "A/B", "a", "", "A--B", "A B", strings.Repeat("A", 65)} {
		r := &results.Run{Schema: results.Schema, Servers: []results.Server{{ID: "a", Name: "A", Cells: []results.Cell{{Probe: id, Verdict: "pass"}}}}}
		refused(t, r, "file name")
	}
	cell := results.Cell{Probe: "UPGRADE-POST", Verdict: "pass"}
	refused(t, &results.Run{Schema: results.Schema, Servers: []results.Server{{ID: "a", Name: "A", Cells: []results.Cell{cell, cell}}}}, "twice")
	cell.Verdict = "great"
	refused(t, &results.Run{Schema: results.Schema, Servers: []results.Server{{ID: "a", Name: "A", Cells: []results.Cell{cell}}}}, `"great"`)
}

func refused(t *testing.T, r *results.Run, want string) {
	t.Helper()
	out := t.TempDir()
	if _, err := Build(Options{Data: save(t, r), Out: out}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%+v: got %v, want %q", r.Servers[0], err, want)
	}
	if left, _ := os.ReadDir(out); len(left) > 0 {
		t.Errorf("%d files were written", len(left))
	}
}

func TestARecipeOutsideTheCheckoutIsNotShown(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	checkout := t.TempDir()
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(checkout, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../secret", filepath.Join(outside, "secret"), "link", "."} {
		r := &results.Run{Schema: results.Schema, Servers: []results.Server{{ID: "a", Name: "A", Recipe: name}}}
		out := t.TempDir()
		if _, err := Build(Options{Data: save(t, r), Out: out, Recipes: checkout}); err != nil {
			t.Logf("%s: %v", name, err)
		}
		if text, err := os.ReadFile(filepath.Join(out, "servers/a.html")); err == nil && strings.Contains(string(text), ">outside<") {
			t.Errorf("%s: the page shows the file", name)
		}
	}
}

func TestAFolderWithoutResultsIsAnError(t *testing.T) {
	if _, err := Build(Options{Data: t.TempDir(), Out: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no result files") {
		t.Errorf("got %v", err)
	}
}
