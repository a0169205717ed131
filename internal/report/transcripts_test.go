package report

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// folder writes transcripts to a folder and returns its files.
func folder(t testing.TB, dir string, all []*rules.Ruling) map[string]string {
	t.Helper()
	f, err := Find("wire")
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.Dir(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := Stream{Writers: []Writer{w}}
	s.Summary.Notes = []string{"file-1.pcap: 2 connections had begun before the capture"}
	for _, r := range all {
		s.Write(r)
	}
	if err := s.Close()[0]; err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}

// TestTranscriptsAreJudgedAlike reads the transcripts again, and wants of the rules what they said
// of the exchanges.
func TestTranscriptsAreJudgedAlike(t *testing.T) {
	all := rulings(t)[:6] // the last one is of no connection
	files := folder(t, filepath.Join(t.TempDir(), "a", "b"), all)
	names := slices.Sorted(maps.Keys(files))
	if len(names) != len(all)+1 || names[len(all)] != indexName {
		t.Fatalf("got %v", names)
	}
	for i, name := range names[:len(all)] {
		parsed, err := wire.ParseTranscript([]byte(files[name]))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found := parsed.Exchanges(wire.Common{})
		if len(found) != 1 {
			t.Fatalf("%s: got %d exchanges", name, len(found))
		}
		again := rules.Classify(rules.Case{X: found[0]})
		for j := range all[i].Findings {
			f := &all[i].Findings[j]
			if g := again.Find(f.Rule.ID); g == nil || g.Verdict != f.Verdict {
				t.Errorf("%s: %s is %v, want %v", name, f.Rule.ID, g, f.Verdict)
			}
			if want := (wire.Meta{Key: "want", Value: f.Verdict.String() + " " + f.Rule.ID}); slices.Contains(parsed.Meta, want) != (f.Verdict < rules.Pass) {
				t.Errorf("%s: %v and %v", name, parsed.Meta, want)
			}
		}
	}
	golden(t, "wire-index", files[indexName])
	golden(t, "wire", files[names[1]])
}

// TestFolderIsBounded writes more exchanges of one kind than anybody reads.
func TestFolderIsBounded(t *testing.T) {
	all := slices.Repeat(rulings(t)[1:2], maxAlike+1234)
	files := folder(t, t.TempDir(), all)
	if len(files) != maxAlike+1 || !strings.Contains(files[indexName], "... and 1,234 exchanges more like these\n") {
		t.Errorf("got %d files\n%s", len(files), files[indexName])
	}
}

func TestFolderOfOthersIsLeftAlone(t *testing.T) {
	f, err := Find("wire")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "000001-fail-UPGRADE-POST.wire"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Dir(dir, Options{}); err == nil || !strings.Contains(err.Error(), "the folder is not empty: ") {
		t.Errorf("got %v", err)
	}
	if _, err := f.Dir(filepath.Join(dir, "000001-fail-UPGRADE-POST.wire"), Options{}); err == nil {
		t.Error("a file is taken for a folder")
	}
	if _, err := Open("wire", nil, Options{}); err == nil || err.Error() != "wire is a folder: name it, as in wire=DIR" {
		t.Errorf("got %v", err)
	}
}
