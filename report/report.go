package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// A Writer renders one report. It is used by one goroutine at a time.
type Writer interface {
	// Write takes the next ruling: each exchange once, in its last form.
	Write(*rules.Ruling) error
	// Close takes what stands under the report and writes what is still to be written.
	Close(*Summary) error
}

// Options say how a report is to look where the format leaves that open.
type Options struct {
	ASCII bool // nothing but ASCII
	Color bool // colours of a terminal
}

// A Format is one form that reports have.
type Format struct {
	Name  string
	Title string // what it is, in a few words
	Open  func(io.Writer, Options) Writer
}

// formats holds the formats by name. Only register writes to it, while the package's variables are set up.
var formats []Format

// register enters a format. Two formats of one name are a mistake in the program.
func register(f Format) Format {
	i, taken := slices.BinarySearchFunc(formats, f.Name, func(f Format, name string) int { return strings.Compare(f.Name, name) })
	if taken {
		panic("report: format " + f.Name + " is registered twice")
	}
	formats = slices.Insert(formats, i, f)
	return f
}

// Formats returns all formats, sorted by name.
func Formats() []Format { return slices.Clone(formats) }

// Open begins a report in the format of that name. The caller closes w behind the report.
func Open(name string, w io.Writer, o Options) (Writer, error) {
	var names []string
	for _, f := range formats {
		if f.Name == name {
			return f.Open(w, o), nil
		}
		names = append(names, f.Name)
	}
	return nil, fmt.Errorf("no format %q; there are %s", name, strings.Join(names, ", "))
}

// A Summary is what stands under a report.
type Summary struct {
	Verdicts [rules.NotApplicable + 1]int64 // exchanges by their worst finding
	Unsafe   int64                          // exchanges in which the server switched and must not have
	Notes    []string                       // what was not audited, and why
}

// Conclusive is the number of exchanges about which something is known.
func (s *Summary) Conclusive() int64 {
	return s.Verdicts[rules.Fail] + s.Verdicts[rules.Warn] + s.Verdicts[rules.Pass]
}

// Result is the one line that scripts look for.
func (s *Summary) Result() string {
	v := &s.Verdicts
	return fmt.Sprintf("RESULT fail=%d warn=%d unclear=%d pass=%d na=%d",
		v[rules.Fail], v[rules.Warn], v[rules.Unclear], v[rules.Pass], v[rules.NotApplicable])
}

// A Stream hands rulings on to all writers of a run, and counts them.
type Stream struct {
	Writers []Writer
	Summary Summary

	failed []error // of each writer, the first error; nil where none is
}

// Write hands a ruling on. A writer that has failed gets nothing more; the error is in the result of Close.
func (s *Stream) Write(r *rules.Ruling) {
	s.Summary.Verdicts[r.Verdict]++
	if r.Unsafe {
		s.Summary.Unsafe++
	}
	s.each(func(w Writer) error { return w.Write(r) })
}

func (s *Stream) each(f func(Writer) error) {
	if s.failed == nil {
		s.failed = make([]error, len(s.Writers))
	}
	for i, w := range s.Writers {
		if s.failed[i] == nil {
			s.failed[i] = f(w)
		}
	}
}

// Close ends all reports. It returns the error of each writer, in their order; nil where there was none.
func (s *Stream) Close() []error {
	s.each(func(w Writer) error { return w.Close(&s.Summary) })
	return s.failed
}
