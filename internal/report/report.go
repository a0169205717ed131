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
	// Close writes the summary and everything that is still to be written.
	Close(*Summary) error
}

// A Previewer is a Writer that also shows exchanges of which more will be known. Their last form is
// written, too.
type Previewer interface {
	Preview(*rules.Ruling) error
}

// Options say how a report is to look where the format leaves that open. The zero value is useful.
type Options struct {
	ASCII    bool                // only ASCII
	Color    bool                // colours of a terminal
	Quiet    bool                // text: the result alone
	Grouped  bool                // text: no line for each probe, only the groups of failures at the end
	Answered bool                // text: the caller has written the answer in a sentence
	Least    rules.Severity      // text: milder findings are only counted
	Gate     *rules.Gate         // which findings make the run fail; nil: they are not counted
	Width    int                 // columns of the terminal, of which 60 to 200 are used; 0: there is none
	Command  string              // that made the report, without secrets; empty: unknown
	Target   string              // what the command was asked about: URLs, files, a backend; empty: unknown
	Version  string              // of this program, in formats that name their producer; empty: unknown
	Location Location            // where findings are shown by formats that want a line of a file
	Routes   map[string]Location // of the findings on a route, by its name, where the configuration has a line for it
}

// A Format is one form that reports have. It has either Open or Dir.
type Format struct {
	Name    string
	Title   string // a short description
	Packets bool   // it has packets for other programs, and not the report as text
	Open    func(io.Writer, Options) Writer
	Dir     func(dir string, o Options) (Writer, error) // of a format that is a folder: makes it, or takes an empty one
}

// formats holds the formats by name. Only register writes to it, while the package's variables are
// set up.
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

// Find returns the format of that name.
func Find(name string) (Format, error) {
	var names []string
	for _, f := range formats {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, fmt.Errorf("no format %q; there are %s", name, strings.Join(names, ", "))
}

// Open begins a report in the format of that name. The caller closes w after the report. A format
// that is a folder cannot be written to w.
func Open(name string, w io.Writer, o Options) (Writer, error) {
	f, err := Find(name)
	switch {
	case err != nil:
		return nil, err
	case f.Open == nil:
		return nil, fmt.Errorf("%s is a folder: name it, as in %s=DIR", name, name)
	}
	return f.Open(w, o), nil
}
