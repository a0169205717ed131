package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/interlock-proxy/interlock/report"
)

// reports are the reports of a run: one stream of rulings, and what it is written to.
type reports struct {
	stream report.Stream
	ends   []end
}

// end is where a report goes to.
type end struct {
	name   string
	buffer *bufio.Writer // nil: none
	file   *os.File      // nil: the standard output
}

// openReports opens what the -o flags ask for; text on the standard output if there are none.
func openReports(outputs []string, stdout *screen, ascii bool) (*reports, error) {
	if len(outputs) == 0 {
		outputs = []string{"text"}
	}
	r := &reports{}
	taken := map[string]bool{}
	for _, o := range outputs {
		format, name, named := strings.Cut(o, "=")
		if name == "" {
			if named {
				r.abandon()
				return nil, usage("-o %s: the name of the file is missing", o)
			}
			name = "-"
		}
		if taken[name] {
			r.abandon()
			return nil, usage("-o %s: another report goes there already", o)
		}
		taken[name] = true
		if err := r.open(format, name, stdout, ascii); err != nil {
			r.abandon()
			return nil, usage("-o %s: %w", o, err)
		}
	}
	return r, nil
}

func (r *reports) open(format, name string, stdout *screen, ascii bool) error {
	o := report.Options{ASCII: ascii || name == "-" && !utf8Locale()}
	if _, err := report.Open(format, io.Discard, o); err != nil {
		return err
	}
	e := end{name: name}
	var w io.Writer = stdout
	if name == "-" {
		o.Color = stdout.colored()
	} else {
		file, err := os.Create(name)
		if err != nil {
			return err
		}
		e.file, w = file, file
	}
	if e.file != nil || !isTerminal(stdout.stdout) { // a terminal gets whole lines
		e.buffer = bufio.NewWriter(w)
		w = e.buffer
	}
	writer, err := report.Open(format, w, o)
	if err != nil {
		return err
	}
	r.stream.Writers, r.ends = append(r.stream.Writers, writer), append(r.ends, e)
	return nil
}

// abandon lets go of what was opened in vain.
func (r *reports) abandon() {
	for _, e := range r.ends {
		if e.file != nil {
			e.file.Close()
		}
	}
}

// close ends the reports. Its error names each that could not be written.
func (r *reports) close() error {
	var failed error
	for i, err := range r.stream.Close() {
		e := r.ends[i]
		if e.buffer != nil {
			err = errors.Join(err, e.buffer.Flush())
		}
		if e.file != nil {
			err = errors.Join(err, e.file.Close())
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("write %q: %w", e.name, err))
		}
	}
	return failed
}
