package run

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/outfile"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

// Reports are the reports of a run: one stream of rulings and its outputs.
type Reports struct {
	Stream report.Stream
	ends   []end
}

// end is the destination of a report.
type end struct {
	name   string
	buffer *bufio.Writer   // nil: none
	file   *outfile.File   // nil: the standard output, or a folder
	folder *outfile.Folder // nil: a file
}

// ownFormats are the formats that a command writes itself, by name.
type ownFormats map[string]func(io.Writer, report.Options) (report.Writer, error)

// OpenReports opens the outputs of the -o flags; text on standard output if there are none. Own may
// be nil.
func OpenReports(outputs []string, stdout *terminal.Screen, options report.Options, own ownFormats) (*Reports, error) {
	if len(outputs) == 0 {
		outputs = []string{"text"}
	}
	r := &Reports{Stream: report.Stream{Gate: options.Gate}}
	taken := map[string]bool{}
	for _, o := range outputs {
		format, name, hasFile := strings.Cut(o, "=")
		if name == "" {
			if hasFile {
				r.Abandon()
				return nil, exit.Usage("-o %s: the name of the file is missing", o)
			}
			name = "-"
		}
		if taken[name] {
			r.Abandon()
			return nil, exit.Usage("-o %s: another report goes there already", o)
		}
		taken[name] = true
		if err := r.open(format, name, stdout, options, own[format]); err != nil {
			r.Abandon()
			if outfile.Ours(err) {
				return nil, exit.Unknown("-o %s: %w", o, err)
			}
			return nil, exit.Usage("-o %s: %w", o, err)
		}
	}
	return r, nil
}

// open opens one report, by own if that is not nil. A report that is a folder has no file.
func (r *Reports) open(format, name string, stdout *terminal.Screen, o report.Options, own func(io.Writer, report.Options) (report.Writer, error)) error {
	f, err := report.Find(format)
	if err != nil {
		return err
	}
	o.ASCII = o.ASCII || name == "-" && !terminal.UTF8Locale()
	e := end{name: name}
	var writer report.Writer
	switch {
	case f.Dir != nil && name == "-":
		return fmt.Errorf("this format writes a folder: name it, as in %s=DIR", format)
	case f.Dir != nil:
		if e.folder, err = outfile.CreateFolder(name); err != nil {
			return err
		}
		if writer, err = f.Dir(e.folder.Dir, o); err != nil {
			e.folder.Discard()
			return err
		}
	default:
		w, err := e.open(stdout, &o)
		if err != nil {
			return err
		}
		if own == nil {
			own = func(w io.Writer, o report.Options) (report.Writer, error) { return f.Open(w, o), nil }
		}
		if writer, err = own(w, o); err != nil {
			e.abandon()
			return err
		}
	}
	r.Stream.Writers, r.ends = append(r.Stream.Writers, writer), append(r.ends, e)
	return nil
}

// open opens the destination of a report.
func (e *end) open(stdout *terminal.Screen, o *report.Options) (io.Writer, error) {
	var w io.Writer = stdout
	if e.name == "-" {
		o.Color, o.Width = stdout.Colored(), stdout.Width()
	} else {
		file, err := outfile.Create(e.name)
		if err != nil {
			return nil, err
		}
		e.file, w = file, file
	}
	if e.file != nil || !terminal.IsTerminal(stdout.Stdout) { // on a terminal output is written line by line
		e.buffer = bufio.NewWriterSize(w, 1<<16) // exchanges of a report have 4 to 10 kB each
		w = e.buffer
	}
	return w, nil
}

// Abandon drops reports that were opened for a run that did not take place. It has no effect on closed
// ones.
func (r *Reports) Abandon() {
	for i := range r.ends {
		r.ends[i].abandon()
	}
	r.ends = nil
}

func (e *end) abandon() {
	if e.file != nil {
		e.file.Discard()
	}
	if e.folder != nil {
		e.folder.Discard()
	}
}

// Flush writes what the reports have buffered, to files that readers can follow. Close returns the errors.
func (r *Reports) Flush() {
	for _, e := range r.ends {
		if e.file != nil {
			e.file.Reveal()
		}
		if e.buffer != nil {
			_ = e.buffer.Flush() // the buffer keeps the error
		}
	}
}

// Pass writes what the reports have buffered if it is a few kilobytes, so that the reader of a pipe can follow a run.
func (r *Reports) Pass() {
	for _, e := range r.ends {
		if e.buffer != nil && e.buffer.Buffered() >= 1<<12 {
			_ = e.buffer.Flush() // the buffer keeps the error
		}
	}
}

// Close ends the reports. Its error names each that could not be written, and each once.
func (r *Reports) Close() error {
	var failed error
	ends := r.ends
	r.ends = nil
	for i, err := range r.Stream.Close() {
		if i >= len(ends) {
			break
		}
		failed = errors.Join(failed, ends[i].close(err))
	}
	return failed
}

// close ends a report, which may have failed.
func (e *end) close(err error) error {
	if e.buffer != nil && err == nil {
		err = e.buffer.Flush()
	}
	switch {
	case e.file != nil:
		return e.file.Keep(err)
	case e.folder != nil:
		return e.folder.Keep(err)
	case err != nil:
		return fmt.Errorf("write %q: %w", e.name, err)
	}
	return nil
}
