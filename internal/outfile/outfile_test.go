package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// in is what a folder has, by name.
func in(t *testing.T, dir string) (all map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(text)
	}
	return all
}

func want(t *testing.T, dir string, files ...string) {
	t.Helper()
	wanted := map[string]string{}
	for i := 0; i < len(files); i += 2 {
		wanted[files[i]] = files[i+1]
	}
	if got := in(t, dir); fmt.Sprint(got) != fmt.Sprint(wanted) {
		t.Errorf("got %v, want %v", got, wanted)
	}
}

func create(t *testing.T, name, text string) *File {
	t.Helper()
	f, err := Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestFilesAreWhole: a file is there when it is complete, with its mode. One that fails, or is discarded,
// leaves what was there before.
func TestFilesAreWhole(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "report.html")
	f := create(t, name, "first")
	if _, err := os.Stat(name); err == nil {
		t.Error("it is there before it is complete")
	}
	if err := f.Keep(nil); err != nil {
		t.Fatal(err)
	}
	want(t, dir, "report.html", "first")
	if err := os.Chmod(name, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := create(t, name, "sec").Keep(&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}); err == nil || err.Error() != fmt.Sprintf("write %q: no space left on device", name) || !Ours(err) {
		t.Errorf("got %v", err)
	}
	create(t, name, "third").Discard()
	want(t, dir, "report.html", "first")
	if err := create(t, name, "fourth").Keep(nil); err != nil {
		t.Error(err)
	}
	want(t, dir, "report.html", "fourth")
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestFilesAreRevealed: a file that readers follow is in its place before it is complete, and stays there.
func TestFilesAreRevealed(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "live.ndjson")
	f := create(t, name, "first ")
	f.Reveal()
	want(t, dir, "live.ndjson", "first ")
	if _, err := io.WriteString(f, "second"); err != nil {
		t.Fatal(err)
	}
	f.Reveal()
	if err := f.Keep(nil); err != nil {
		t.Fatal(err)
	}
	want(t, dir, "live.ndjson", "first second")
}

// TestLinksStay: a file is written where links lead to, also to one that is not there yet.
func TestLinksStay(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Mkdir(filepath.Join(dir, "to"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("to/report", link); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "second"} {
		if err := create(t, link, text).Keep(nil); err != nil {
			t.Fatal(err)
		}
		want(t, filepath.Join(dir, "to"), "report", text)
	}
	if to, err := os.Readlink(link); err != nil || to != "to/report" {
		t.Errorf("%q, %v", to, err)
	}
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	if f, err := Create(filepath.Join(dir, "loop")); err == nil {
		t.Errorf("%v", f.Name())
	}
}

// TestPipesAreWrittenTo as they are, and not replaced.
func TestPipesAreWrittenTo(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	go func() {
		text, err := os.ReadFile(pipe)
		read <- fmt.Sprint(string(text), err)
	}()
	if err := create(t, pipe, "hello").Keep(nil); err != nil {
		t.Error(err)
	}
	if got := <-read; got != "hello<nil>" {
		t.Errorf("%q", got)
	}
	if err := create(t, os.DevNull, "hello").Keep(nil); err != nil {
		t.Error(err)
	}
}

// TestWrongNames are errors that name what the user wrote, and no mistakes of this machine.
func TestWrongNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{filepath.Join(dir, "none", "report"), dir} {
		if f, err := Create(name); err == nil || Ours(err) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), ".tmp") {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
	want(t, dir)
}

// TestFoldersAreWhole: a folder has its files when all are complete. One that fails leaves no folder, or an
// empty one where that was there. One with files is not touched.
func TestFoldersAreWhole(t *testing.T) {
	for _, there := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "a", "wire")
		if there {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, failed := range []error{errors.New("no"), nil} {
			d, err := CreateFolder(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(d.Dir, "index.txt"), []byte("text"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := d.Keep(failed); (err != nil) != (failed != nil) {
				t.Errorf("got %v, want %v", err, failed)
			}
			if _, err := os.Stat(dir); (err == nil) != (there || failed == nil) {
				t.Errorf("there before: %v, failed: %v: %v", there, failed, err)
			}
		}
		want(t, dir, "index.txt", "text")
		if _, err := CreateFolder(dir); err == nil || !strings.Contains(err.Error(), "not empty") {
			t.Errorf("got %v", err)
		}
		want(t, dir, "index.txt", "text")
	}
}
