package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/rules"
)

func auditCommand() *cobra.Command {
	var (
		ascii   bool
		outputs []string
	)
	cmd := &cobra.Command{
		Use: "audit FILE|DIR...", Short: "judge recorded traffic: .wire transcripts, HAR, pcap and pcapng", Args: cobra.MinimumNArgs(1),
		Long: "Judge recorded traffic by the same rules as live traffic: transcripts, HAR files, pcap and pcapng captures, gzipped or not.\n" +
			"The format of a file is recognized by its content. A capture of any length is read in bounded memory. In a directory and\n" +
			"those in it, files are read whose names end with " + strings.Join(recordings(), ", ") + ", or one of these and .gz.",
		Example: "  interlock audit traffic.pcapng\n  interlock audit -o text -o json=rulings.json browser.har capture.pcap.gz",
		RunE: func(cmd *cobra.Command, args []string) error {
			files, passed, err := recordedIn(args)
			if err != nil {
				return err
			}
			c, gate, err := loadRules(cmd)
			if err != nil {
				return err
			}
			screen := newScreen(cmd.OutOrStdout(), cmd.ErrOrStderr())
			accepting, err := loadAccepting(cmd, &c, screen)
			if err != nil {
				return err
			}
			options, err := reportOptions(cmd, &c, ascii)
			if err != nil {
				return err
			}
			r, err := openReports(outputs, screen, options, nil)
			if err != nil {
				return err
			}
			j := judging{config: c, gate: gate, accepting: accepting, outputs: outputs, reports: r, screen: screen}
			for _, name := range files {
				j.file(cmd.Context(), name)
			}
			j.note(passed...)
			return j.end()
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&outputs, "output", "o", nil, "FORMAT[=FILE], several times: "+formatNames()+"; - is the standard output (default text)")
	gateFlags(cmd)
	acceptFlags(cmd)
	locationFlag(cmd)
	f.BoolVar(&ascii, "ascii", false, "no symbols outside ASCII")
	return cmd
}

// judging is one run of audit.
type judging struct {
	config    config
	gate      rules.Gate
	accepting *accepting
	outputs   []string
	reports   *reports
	screen    *screen
	gated     int // findings that make the run fail
	unread    int // files that could not be read, or not to their end
	files     int
}

// file judges one file. It has a ledger of its own: what one recording shows is no history of the next.
func (j *judging) file(ctx context.Context, name string) {
	j.files++
	ledger := newAudit(j.config, zerolog.Nop())
	ledger.Each = func(r *rules.Ruling) {
		named := j.accepting.enter(r)
		named.Run = name
		for i := range named.Findings {
			if j.gate.Holds(&named.Findings[i]) {
				j.gated++
			}
		}
		j.reports.stream.Write(named)
	}
	reader := capture.Reader{Observe: ledger.Observe}
	was, err := j.read(ctx, &reader, name)
	for _, note := range was.Notes() {
		j.note(name + ": " + note)
	}
	if n := ledger.Sums().Advertised; n > 0 {
		j.note(fmt.Sprintf("%s: %d more responses that only advertise what is judged already", name, n))
	}
	if n := ledger.Sums().Paired; n > 0 {
		j.note(fmt.Sprintf("%s: handshakes recorded on both sides of a proxy, whose keys are not compared: %d", name, n))
	}
	if err != nil {
		j.unread++
		j.screen.complain(describeRead(name, err))
	}
}

// note says what was not audited.
func (j *judging) note(notes ...string) {
	j.reports.stream.Summary.Notes = append(j.reports.stream.Summary.Notes, notes...)
}

// tell says on the screen what was not audited where no report does.
func (j *judging) tell() {
	for _, o := range j.outputs {
		switch format, _, _ := strings.Cut(o, "="); format {
		case "text", "html", "markdown", "sarif", "junit", "wire", "har":
			return
		}
	}
	if len(j.outputs) == 0 { // text
		return
	}
	for _, note := range j.reports.stream.Summary.Notes {
		j.screen.complain("not audited: " + note)
	}
}

func (j *judging) read(ctx context.Context, reader *capture.Reader, name string) (capture.Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return capture.Report{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return capture.Report{}, err
	}
	shown, done := j.screen.progress(name, file, info)
	defer done()
	return reader.Read(&untilDone{ctx, shown})
}

// untilDone reads until its context ends.
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

// describeRead says which file could not be read, where and why.
func describeRead(name string, err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	var at *capture.Error
	if errors.As(err, &at) {
		return fmt.Sprintf("read %q at offset %d: %v", name, at.Offset, at.Err)
	}
	return fmt.Sprintf("read %q: %v", name, err)
}

// end closes the reports and says how it all ended.
func (j *judging) end() error {
	s := &j.reports.stream.Summary
	j.accepting.sum(s)
	failed := j.reports.close()
	j.tell()
	if j.gated > 0 {
		j.accepting.hint(j.outputs)
	}
	uncovered := j.accepting.uncovered()
	switch {
	case j.gated > 0 && failed != nil:
		return exitError{exitFound, failed}
	case j.gated > 0:
		return exitError{exitFound, findingsAt(j.gate, j.gated)}
	case failed != nil:
		return exitError{exitUnknown, failed}
	case j.unread > 0:
		return unknown("files that could not be read, or not to their end: %d of %d", j.unread, j.files)
	case uncovered != nil:
		return uncovered
	case s.Conclusive() == 0:
		return unknown("nothing conclusive: %d upgrade exchanges, %d of them unclear", s.Verdicts[rules.Unclear]+s.Verdicts[rules.NotApplicable], s.Verdicts[rules.Unclear])
	}
	return nil
}

func formatNames() string {
	text := ""
	for i, f := range report.Formats() {
		if i > 0 {
			text += ", "
		}
		text += f.Name
	}
	return text
}
