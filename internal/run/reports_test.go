package run

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// full is a report that has no room.
type full struct{ w io.Writer }

func (f full) Write(*rules.Ruling) error { return nil }

func (f full) Close(*report.Summary) error {
	_, err := io.WriteString(f.w, "<html>")
	return errors.Join(err, &os.PathError{Op: "write", Path: "a temporary name", Err: syscall.ENOSPC})
}

// TestReportsAreWholeOrNotThere: a report that cannot be written leaves the file that was there before, and
// the error has one line. So does a run that does not take place. The other reports are complete.
func TestReportsAreWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	kept, fresh, folder := filepath.Join(dir, "kept.html"), filepath.Join(dir, "fresh.json"), filepath.Join(dir, "wire")
	if err := os.WriteFile(kept, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	own := ownFormats{"html": func(w io.Writer, _ report.Options) (report.Writer, error) { return full{w}, nil }}
	open := func() *Reports {
		r, err := OpenReports([]string{"html=" + kept, "json=" + fresh, "wire=" + folder}, terminal.NewScreen(new(bytes.Buffer), new(bytes.Buffer)), report.Options{}, own)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	has := func(names ...string) {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if strings.Join(got, " ") != strings.Join(names, " ") {
			t.Errorf("got %q, want %q", got, names)
		}
		if text, err := os.ReadFile(kept); err != nil || string(text) != "before" {
			t.Errorf("%q, %v", text, err)
		}
	}
	open().Abandon()
	has("kept.html")
	r := open()
	err := r.Close()
	r.Abandon()
	if err == nil || !strings.HasSuffix(err.Error(), `kept.html": no space left on device`) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	has("fresh.json", "kept.html", "wire")
	if _, err := os.Stat(filepath.Join(folder, "index.txt")); err != nil {
		t.Error(err)
	}
}
