package report

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

// largestWrite is how much is written at once, and in all.
type largestWrite struct{ bytes, all int }

func (l *largestWrite) Write(b []byte) (int, error) {
	l.bytes, l.all = max(l.bytes, len(b)), l.all+len(b)
	return len(b), nil
}

// TestReportsAreStreamed wants a report of many findings to be written finding by finding.
func TestReportsAreStreamed(t *testing.T) {
	for _, name := range []string{"sarif", "gitlab", "junit", "json", "ndjson", "har"} {
		var is largestWrite
		w, err := Open(name, &is, Options{})
		if err != nil {
			t.Fatal(err)
		}
		many(t, 500, 2000, func(r *rules.Ruling) {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		})
		if err := w.Close(&Summary{}); err != nil {
			t.Fatal(err)
		}
		if is.bytes > 32<<10 || is.all < 500<<10 {
			t.Errorf("%s: %d of %d bytes are written at once", name, is.bytes, is.all)
		}
	}
}

// TestStreamedDocumentsAreIndented compares lists that are written element by element with how
// encoding/json indents the whole document.
func TestStreamedDocumentsAreIndented(t *testing.T) {
	for name, all := range corpora(t) {
		for _, format := range []string{"sarif", "gitlab"} {
			text := render(t, format, Options{}, all)
			var want bytes.Buffer
			if err := json.Indent(&want, []byte(text), "", " "); err != nil || want.String() != text {
				t.Errorf("%s of %s: got\n%s\nwant\n%s", format, name, text, &want)
			}
		}
	}
}

func TestPlainTextIsFound(t *testing.T) {
	for size := range 20 {
		plain := bytes.Repeat([]byte("~"), size)
		if got := plainLen(plain); got != size {
			t.Errorf("of %d bytes got %d", size, got)
		}
		for i := range plain {
			for _, c := range []byte{0x7f, 0x80, 0xff} {
				b := bytes.Clone(plain)
				if b[i] = c; plainLen(b) != i {
					t.Errorf("%q: got %d", b, plainLen(b))
				}
			}
		}
	}
}
