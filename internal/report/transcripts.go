package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Format{
	Name: "wire", Title: "a folder of transcripts",
	Dir: func(dir string, _ Options) (Writer, error) { return openFolder(dir) },
})

// folderWriter writes a transcript for each of the first exchanges of a kind, and an index.
type folderWriter struct {
	dir    *os.Root
	index  *os.File
	kinds  map[string]int // number of transcripts by name
	files  int
	unkept int64 // exchanges without a transcript
}

// The bounds of a folder.
const (
	maxAlike = 20     // transcripts of one kind: the same verdict, rules, probe and endpoint
	maxFiles = 10_000 // transcripts in all
)

// indexName is the index of a folder of transcripts.
const indexName = "index.txt"

// openFolder creates a folder, or uses an empty one. It never changes a folder with files in it.
func openFolder(dir string) (Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, &fs.PathError{Op: "write transcripts to", Path: dir, Err: errors.New("the folder is not empty: empty it, or name another one")}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	index, err := root.Create(indexName)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &folderWriter{dir: root, index: index, kinds: map[string]int{}}, nil
}

// Write is part of Writer.
func (f *folderWriter) Write(r *rules.Ruling) error {
	kind := strings.Join(append([]string{r.Verdict.String(), r.X.Probe, r.X.Route, r.Endpoint}, r.Broken()...), "\x00")
	if f.files == maxFiles || f.kinds[kind] == maxAlike {
		f.unkept++
		return nil
	}
	t, err := transcript(r)
	if err != nil {
		return err
	}
	t.Meta = append(transcriptMeta(r), t.Meta...)
	f.files++
	f.kinds[kind]++
	name := fmt.Sprintf("%06d-%s", f.files, r.Verdict)
	if broken := r.Broken(); len(broken) > 0 {
		name += "-" + broken[0]
	}
	name = filepath.Base(name) + ".wire"
	if _, err := fmt.Fprintf(f.index, "%s\t%s\t%s\t%s\n", name, strings.Join(r.Broken(), " "), printed.ASCII(r.Endpoint), answered(r.X)); err != nil {
		return err
	}
	return f.dir.WriteFile(name, []byte(t.String()), 0o644)
}

// transcriptMeta returns the keys of a transcript: the verdicts, which a reader may compare with
// its own, and facts that are not in the bytes.
func transcriptMeta(r *rules.Ruling) []wire.Meta {
	var all []wire.Meta
	add := func(key, value string) {
		if value != "" {
			all = append(all, wire.Meta{Key: key, Value: printed.ASCII(flat(value))})
		}
	}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Verdict < rules.Pass {
			add("want", f.Verdict.String()+" "+f.Rule.ID)
		}
	}
	if r.Verdict != rules.Fail {
		add("want", "clean")
	}
	x := r.X
	add("id", x.ID)
	if !x.Time.IsZero() {
		add("time", x.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	}
	add("route", x.Route)
	add("endpoint", r.Endpoint)
	add("backend", x.Backend)
	add("probe", x.Probe)
	add("run", r.Run)
	add("outcome", string(x.Outcome))
	add("lossy", strings.Join(x.Lossy, ", "))
	add("altered", strings.Join(x.Altered, ", "))
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict >= rules.Pass {
			continue
		}
		add("note", strings.TrimSuffix(f.Rule.ID+": "+f.Detail+" ("+f.Severity.String()+", "+fault(f)+", "+f.State, ", ")+")")
		if f.Verdict == rules.Fail {
			add("why", f.Rule.ID+": "+f.Rule.Why)
			add("fix", f.Rule.ID+": "+f.Rule.Fix)
		}
	}
	for i := range r.Diagnoses {
		d := &r.Diagnoses[i]
		add("why", d.ID+" "+d.Certainty.String())
		add("note", d.ID+": "+printed.Why(d))
	}
	if r.Verdict == rules.Fail {
		add("again", Again(r))
	}
	return all
}

// Close is part of Writer.
func (f *folderWriter) Close(s *Summary) error {
	var b strings.Builder
	if f.unkept > 0 {
		fmt.Fprintf(&b, "... and %s more like these\n", printed.Count(f.unkept, "exchange"))
	}
	for _, note := range s.notes() {
		fmt.Fprintf(&b, "%s\n", note)
	}
	fmt.Fprintf(&b, "coverage: %s\n%s\n", s.Coverage, s.Result())
	_, err := f.index.WriteString(b.String())
	return errors.Join(err, f.index.Close(), f.dir.Close())
}
