package site

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

var update = flag.Bool("update", false, "write the pages of testdata/pages anew")

// example are the options for a small site: two runs of three servers.
func example(out string) Options {
	return Options{Data: "testdata/runs", Out: out, Recipes: "testdata/checkout", Rules: "../../docs/rules/%s.md"}
}

// built builds the small site and returns its files.
func built(t *testing.T, o Options) map[string][]byte {
	t.Helper()
	n, err := Build(o)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	err = fs.WalkDir(os.DirFS(o.Out), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		all[name], err = os.ReadFile(filepath.Join(o.Out, name))
		return err
	})
	if err != nil || len(all) != n {
		t.Fatalf("got %d files and %v, want %d", len(all), err, n)
	}
	return all
}

// TestPages compares one page of each kind with those of testdata/pages: go test ./site -update
// writes them anew.
func TestPages(t *testing.T) {
	all := built(t, example(t.TempDir()))
	for _, name := range []string{"index.html", "servers/birch.html", "probes/UPGRADE-POST.html", "probes.html", "history.html", "method.html", "badges/birch.svg"} {
		path := filepath.Join("testdata/pages", strings.ReplaceAll(name, "/", "-"))
		if *update {
			if err := os.WriteFile(path, all[name], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(all[name], want) {
			t.Errorf("%s differs from %s: read the diff after go -C scoreboard test ./site -update", name, path)
		}
	}
}

func TestTwoBuildsAreEqual(t *testing.T) {
	first, second := built(t, example(t.TempDir())), built(t, example(t.TempDir()))
	for name, text := range first {
		if !bytes.Equal(text, second[name]) {
			t.Errorf("%s differs", name)
		}
	}
	if len(first) != len(second) {
		t.Errorf("got %d files, then %d", len(first), len(second))
	}
}

func TestPagesOfFormerServersAreRemoved(t *testing.T) {
	out := t.TempDir()
	former := []string{"servers/elm.html", "probes/UPGRADE-OLD.html", "badges/elm.svg"}
	others := []string{"servers/notes.txt", "CNAME"}
	for _, name := range append(slices.Clone(former), others...) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(out, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(out, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Build(example(out)); err != nil {
		t.Fatal(err)
	}
	for _, name := range former {
		if _, err := os.Stat(filepath.Join(out, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range others {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
}

func TestEachProbeOfTheRulebookHasAFamily(t *testing.T) {
	for _, p := range rules.Probes() {
		if f := familyOf(families(), p.ID); f.ID == other.ID {
			t.Errorf("%s of %s has no family", p.ID, p.Rule().ID)
		}
	}
	if f := familyOf(families(), "UPGRADE-NEVER-WAS"); f.ID != other.ID {
		t.Errorf("a probe that the rulebook does not have is in the family %s", f.ID)
	}
}

// TestTheColoursAreThoseOfTheAdminPages compares the custom properties of both styles.
func TestTheColoursAreThoseOfTheAdminPages(t *testing.T) {
	admin, err := os.ReadFile("../../internal/web/ui/assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	property := regexp.MustCompile(`--[a-z]+:[^;}]+`)
	all := property.FindAllString(string(admin), -1)
	screens, _, _ := strings.Cut(string(own), "@media print")
	for _, p := range property.FindAllString(screens, -1) {
		if !slices.Contains(all, p) {
			t.Errorf("%s is not a value of the admin pages", p)
		}
	}
}
