package run

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// runText is the text report of all commands, without a line for each probe, and with the results of a run. Its last line
// says how the command ended.
type runText struct {
	run   *Run
	marks *terminal.Console
	w     io.Writer
	rest  report.Writer
	end   endOf
}

// endOf is where the text report writes to: to w and, in the end, to a buffer.
type endOf struct {
	w    io.Writer
	last *bytes.Buffer // nil: it is not the end
}

// Write is part of io.Writer.
func (e *endOf) Write(p []byte) (int, error) {
	if e.last != nil {
		return e.last.Write(p)
	}
	return e.w.Write(p)
}

// newText is the text report of a run. Colours are for the screen only.
func (t *Run) newText(w io.Writer, o report.Options) (report.Writer, error) {
	o.Color = terminal.NewScreen(t.held.to, t.Screen.Stderr).Colored() && !slices.ContainsFunc(t.Flags.Outputs, isTextFile)
	o.Grouped = true
	r := &runText{run: t, marks: &terminal.Console{Color: o.Color, ASCII: o.ASCII}, w: w, end: endOf{w: w}}
	var err error
	r.rest, err = report.Open("text", &r.end, o)
	return r, err
}

func isTextFile(output string) bool { return strings.HasPrefix(output, "text=") && output != "text=-" }

// Write is part of report.Writer.
func (r *runText) Write(ruling *rules.Ruling) error { return r.rest.Write(ruling) }

// Close is part of report.Writer.
func (r *runText) Close(s *report.Summary) error {
	r.end.last = new(bytes.Buffer)
	if err := r.rest.Close(s); err != nil {
		return err
	}
	var b bytes.Buffer
	r.probes(&b)
	b.Write(bytes.TrimRight(r.end.last.Bytes(), "\n"))
	fmt.Fprintf(&b, " command=%d\n", r.run.was.status)
	_, err := r.w.Write(b.Bytes())
	return err
}

// probes lists the probed endpoints and the labels of the run.
func (r *runText) probes(b *bytes.Buffer) {
	for i := range r.run.probed {
		p := &r.run.probed[i]
		if i == 0 {
			b.WriteString("\n probes\n")
		}
		v := &p.verdicts
		fmt.Fprintf(b, "   %-40s fail=%d warn=%d unclear=%d pass=%d na=%d not-sent=%d   control %s\n", printed.Line(p.String()), v[rules.Fail], v[rules.Warn],
			v[rules.Unclear], v[rules.Pass], v[rules.NotApplicable], len(p.was.NotSent), controlLine(r.marks, p.was.Controls))
		if p.was.HTTP2 != "" && p.http == probe.Chosen {
			fmt.Fprintf(b, "   %-40s not probed in HTTP/2: %s\n", "", p.was.HTTP2)
		}
	}
	for i, label := range r.run.Flags.Labels {
		if i == 0 {
			b.WriteString("\n labels\n")
		}
		fmt.Fprintf(b, "   %s\n", wire.Escape([]byte(label)))
	}
}
