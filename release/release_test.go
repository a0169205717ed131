package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// built is a release of this tree for linux/amd64. All tests read it.
var built options

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "interlock-release-test-")
	if err != nil {
		panic(err)
	}
	built = options{root: "..", out: filepath.Join(dir, "dist")}
	if err = built.parse("linux/amd64", ""); err == nil {
		err = release(context.Background(), &built)
	}
	if err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// made returns the file of the release with that ending.
func made(t *testing.T, ending string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(built.out, "*"+ending))
	if err != nil || len(found) != 1 {
		t.Fatalf("got %q, %v, want one file that ends with %s", found, err, ending)
	}
	return found[0]
}

// output runs a command and returns what it prints.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("%v: test/e2e/install installs it", err)
	}
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestASourceArchiveGivesTheSameFiles builds in another folder without .git, as from the archive of
// a tag.
func TestASourceArchiveGivesTheSameFiles(t *testing.T) {
	copied := filepath.Join(t.TempDir(), "elsewhere")
	for name := range strings.SplitSeq(strings.TrimRight(output(t, "git", "-C", built.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(built.root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := write(filepath.Join(copied, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := options{root: copied, out: filepath.Join(t.TempDir(), "dist"), platforms: built.platforms, source: built.source}
	if err := release(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	got, want := text(t, filepath.Join(other.out, "SHA256SUMS")), text(t, filepath.Join(built.out, "SHA256SUMS"))
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if lines := strings.Count(want, "\n"); lines != 5 {
		t.Errorf("got %d checksums, want those of an archive, two packages, a list of components and an image:\n%s", lines, want)
	}
}

func TestTheArchiveHasWhatAUserNeeds(t *testing.T) {
	f, err := os.Open(made(t, ".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	folder := "interlock_" + built.source.name() + "_linux_amd64/"
	modes := map[string]int64{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(built.source.date) || h.Uname != "" || h.Uid != 0 {
			t.Errorf("%s: got time %v, owner %q %d", h.Name, h.ModTime, h.Uname, h.Uid)
		}
		modes[strings.TrimPrefix(h.Name, folder)] = h.Mode
	}
	for name, mode := range map[string]int64{
		"interlock": 0o755, "LICENSE": 0o644, "README.md": 0o644, "CHANGELOG.md": 0o644, "interlock.yaml": 0o644, "man/man1/interlock-serve.1": 0o644,
		"completions/bash/interlock": 0o644, "completions/zsh/_interlock": 0o644, "completions/fish/interlock.fish": 0o644, "completions/powershell/interlock.ps1": 0o644,
	} {
		if modes[name] != mode {
			t.Errorf("%s: got mode %o, want %o", name, modes[name], mode)
		}
	}
}

func TestComponentsAreListed(t *testing.T) {
	list := text(t, made(t, ".cdx.json"))
	for _, want := range []string{`"bomFormat": "CycloneDX"`, `pkg:golang/modernc.org/sqlite@`, `pkg:golang/std@`, `"Apache-2.0"`, built.source.date.Format("2006-01-02T15:04:05Z")} {
		if !strings.Contains(list, want) {
			t.Errorf("the list has no %s", want)
		}
	}
}

func TestVersionsSort(t *testing.T) {
	s := built.source
	s.released, s.modified = true, false
	if got := s.name(); got != s.version {
		t.Errorf("released: got %s", got)
	}
	s.released = false
	dev := s.name()
	output(t, "dpkg", "--compare-versions", strings.Replace(dev, "-dev", "~dev", 1), "lt", s.version)
	if s.modified = true; s.name() != dev+".modified" {
		t.Errorf("modified: got %s", s.name())
	}
}

func text(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
