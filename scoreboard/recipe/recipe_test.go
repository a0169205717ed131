package recipe

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheRecipes reads all recipes, and checks that each names the files of its folder. All reads
// strictly, and names recipes by their folders, so IDs are unique.
func TestTheRecipes(t *testing.T) {
	all, err := All("../recipes")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 30 {
		t.Errorf("got %d recipes, want 30 at least", len(all))
	}
	names := map[string]string{}
	for _, r := range all {
		if other := names[r.Name]; other != "" {
			t.Errorf("%s and %s have the name %q", other, r.ID, r.Name)
		}
		names[r.Name] = r.ID
		known := append([]string{File}, r.needs()...)
		err := fs.WalkDir(os.DirFS(r.Dir()), ".", func(path string, d fs.DirEntry, err error) error {
			if d.Name() == "node_modules" {
				return fs.SkipDir
			}
			if !d.IsDir() && !slices.Contains(known, path) {
				t.Errorf("%s: %s is not among the files of the recipe", r.ID, path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

const valid = `id: a
name: A
language: Go
home: https://a.test
version: {debian: a}
command: [a, "@PORT@"]
`

func TestARecipeHasDefaults(t *testing.T) {
	r, err := read(folder(t, valid))
	if err != nil {
		t.Fatal(err)
	}
	if r.Endpoint != "/" || r.Ready != Switches || !r.Asks() || !slices.Equal(r.Packages(), []string{"a"}) || r.Version.Source() != "Debian" {
		t.Errorf("got %+v", r)
	}
	if r, err = read(folder(t, strings.Replace(valid, "@PORT@", "", 1))); err != nil || r.Asks() {
		t.Errorf("got %v: a recipe without a port asks for one", err)
	}
}

func TestFaultyRecipesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		valid + "comand: [b]\n":                                    "comand",
		strings.Replace(valid, "id: a", "id: b", 1):                "the folder",
		strings.Replace(valid, "debian: a", "debian: a, go: b", 1): "one of debian, npm and go",
		strings.Replace(valid, "debian: a", "npm: a", 1):           "package.json",
		strings.Replace(valid, "https:", "http:", 1):               "https",
		valid + "files: [nosuch.go]\n":                             "nosuch.go",
		valid + "endpoint: echo\n":                                 "must be a path",
		valid + "ready: soon\n":                                    "soon",
	} {
		if _, err := read(folder(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v, want %q", text, err, want)
		}
	}
}

// folder writes a recipe to a folder with the name a.
func folder(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, File), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
