package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// Judging is one run of audit.
type Judging struct {
	Config    config.Config
	Gate      rules.Gate
	Accepting *Accepting
	Outputs   []string
	Reports   *Reports
	Screen    *terminal.Screen
	Secrets   *Secrets // of TLS in captures; nil: none
	gated     int      // findings that make the run fail
	unread    int      // files that could not be read completely
	files     int
}

// File judges one file with separate findings, because one recording is not the history of the
// next.
func (j *Judging) File(ctx context.Context, name string) {
	j.judge(name, false, func(reader *capture.Reader) (capture.Report, error) { return j.read(ctx, reader, name) })
}

// judge judges what a function reads.
func (j *Judging) judge(name string, live bool, read func(*capture.Reader) (capture.Report, error)) {
	j.files++
	a := server.NewAudit(j.Config, nil)
	a.Each = func(r *rules.Ruling) {
		j.enter(r, name)
		if live {
			j.Reports.Flush()
		}
	}
	was, err := read(&capture.Reader{Observe: a.Observe, Secrets: j.Secrets.keys(), Live: live})
	for _, note := range was.Notes() {
		j.Note(name + ": " + note)
	}
	if n := a.Sums().Advertised; n > 0 {
		j.Note(fmt.Sprintf("%s: %d more responses that only advertise what is judged already", name, n))
	}
	if n := a.Sums().Paired; n > 0 {
		j.Note(fmt.Sprintf("%s: handshakes recorded on both sides of a proxy, whose keys are not compared: %d", name, n))
	}
	if err != nil {
		j.unread++
		j.Screen.Complain(describeRead(name, err))
	}
}

// enter takes the next ruling. One of a live capture may come again; it is counted in its last form.
func (j *Judging) enter(r *rules.Ruling, name string) {
	if !r.X.Final {
		own := j.Accepting.States.Enter(r)
		own.Run = name
		j.Reports.Stream.Preview(own)
		return
	}
	own := j.Accepting.enter(r)
	own.Run, own.Before = name, nil // a report has each exchange once
	for i := range own.Findings {
		if j.Gate.Holds(&own.Findings[i]) {
			j.gated++
		}
	}
	j.Reports.Stream.Write(own)
}

// Note records what was not audited.
func (j *Judging) Note(notes ...string) {
	j.Reports.Stream.Summary.Notes = append(j.Reports.Stream.Summary.Notes, notes...)
}

// tell prints what was not audited, unless a report says it.
func (j *Judging) tell() {
	for _, o := range j.Outputs {
		switch format, _, _ := strings.Cut(o, "="); format {
		case "text", "html", "markdown", "sarif", "junit", "wire", "har":
			return
		}
	}
	if len(j.Outputs) == 0 { // text
		return
	}
	for _, note := range j.Reports.Stream.Summary.Notes {
		j.Screen.Complain("not audited: " + note)
	}
}

func (j *Judging) read(ctx context.Context, reader *capture.Reader, name string) (capture.Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return capture.Report{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return capture.Report{}, err
	}
	shown, done := j.Screen.Progress(name, file, info)
	defer done()
	return reader.Read(&untilDone{ctx, shown})
}

// untilDone is a reader that fails after its context has ended.
type untilDone struct {
	ctx context.Context
	io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}

// standardInput is how standard input is named in messages.
const standardInput = "standard input"

// describeRead describes which file could not be read, where and why.
func describeRead(name string, err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	var at *capture.Error
	if errors.As(err, &at) && at.Offset == 0 {
		err = at.Err
	} else if at != nil {
		return fmt.Sprintf("read %q at offset %d: %v", name, at.Offset, at.Err)
	}
	if name == standardInput {
		return fmt.Sprintf("read %s: %v", name, err)
	}
	return fmt.Sprintf("read %q: %v", name, err)
}

// End closes the reports and returns the result as an error.
func (j *Judging) End() error {
	s := &j.Reports.Stream.Summary
	j.Accepting.sum(s)
	failed := j.Reports.Close()
	j.tell()
	if j.gated > 0 {
		j.Accepting.hint(j.Outputs)
	}
	uncovered := j.Accepting.uncovered()
	switch {
	case j.gated > 0 && failed != nil:
		return exit.Error{Status: exit.StatusFound, Err: failed}
	case j.gated > 0:
		return exit.Error{Status: exit.StatusFound, Err: FindingsAt(j.Gate, j.gated)}
	case failed != nil:
		return exit.Error{Status: exit.StatusUnknown, Err: failed}
	case j.unread > 0:
		return exit.Unknown("files that could not be read to their end: %d of %d", j.unread, j.files)
	case uncovered != nil:
		return uncovered
	case s.Conclusive() == 0:
		return exit.Unknown("nothing conclusive: %d upgrade exchanges, %d of them unclear", s.Verdicts[rules.Unclear]+s.Verdicts[rules.NotApplicable], s.Verdicts[rules.Unclear])
	}
	return nil
}
