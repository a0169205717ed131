package run

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/outfile"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/internal/why"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Asking is one run of the command why. Of its flags it reads those about headers, TLS, time and
// output.
type Asking struct {
	Flags  *ProbeFlags
	Screen *terminal.Screen
}

// URL walks down the way of a connection to a URL.
func (a *Asking) URL(ctx context.Context, url string) error {
	where, err := parsePlace(url)
	if err != nil {
		return err
	}
	if a.Flags.Timeout <= 0 {
		return exit.Usage("--timeout must be more than 0")
	}
	t := why.Target{
		Scheme: where.scheme, Host: where.host, Name: where.name, Port: where.port, Path: where.target, Prior: where.prior, Shown: rules.Redaction{}.Target(where.target),
	}
	if err := CheckHTTP(a.Flags.HTTP); err != nil {
		return err
	}
	if t.HTTP, err = a.Flags.version(where); err != nil {
		return err
	}
	if t.TLS, err = a.Flags.tlsConfig(where); err != nil {
		return err
	}
	lines, own, err := a.Flags.headers()
	if err != nil {
		return err
	}
	for _, f := range own {
		lines = slices.DeleteFunc(lines, func(other probe.Field) bool { return wire.EqualFold(other.Name, f.Name) })
	}
	t.Fields = slices.Concat(lines, own)
	return a.report(func(text *why.Text) *why.Report {
		s := why.Settings{Timeout: a.Flags.Timeout, UserAgent: "interlock-why/" + version.String()}
		if text != nil {
			text.Begin(t.URL(t.Shown))
			s.Step = text.Step
		}
		return why.Walk(ctx, t, s)
	})
}

// About explains a URL, a file or, for -, the standard input.
func (a *Asking) About(ctx context.Context, what string, stdin io.Reader) error {
	if what == "-" {
		return a.recording(ctx, standardInput, stdin)
	}
	if info, err := os.Stat(what); err != nil || info.IsDir() {
		if err != nil && what != "" && !strings.Contains(what, "://") && !strings.ContainsAny(what, "@?") {
			return exit.Usage("%q is neither a file nor a URL: write ws://%s, or wss if it uses TLS", what, strings.TrimLeft(what, "/"))
		}
		return a.URL(ctx, what)
	}
	file, err := os.Open(what)
	if err != nil {
		return missing("why", what, err)
	}
	defer file.Close()
	return a.recording(ctx, what, file)
}

// recording explains the handshakes of a paste or of recorded traffic.
func (a *Asking) recording(ctx context.Context, name string, src io.Reader) error {
	var all []*wire.Exchange
	reader := capture.Reader{Every: true, Observe: func(x *wire.Exchange) {
		if len(all) < maxExplained {
			all = append(all, x)
		}
	}}
	was, err := reader.Read(&untilDone{ctx, src})
	if err != nil {
		return exit.Usage("%s", describeRead(name, err))
	}
	return a.report(func(live *why.Text) *why.Report {
		if live == nil {
			return why.Explain(all, was, nil)
		}
		live.Begin(name)
		return why.Explain(all, was, live.Step)
	})
}

// maxExplained is how many exchanges of a recording are kept.
const maxExplained = 1000

// An output of the command why.
type output struct{ format, file string }

// String is the output as -o has it.
func (o output) String() string {
	if o.file == "-" {
		return o.format
	}
	return o.format + "=" + o.file
}

// outputs are those of -o: text on the standard output if there is none.
func (a *Asking) outputs() (all []output, err error) {
	given := a.Flags.Outputs
	if len(given) == 0 {
		given = []string{"text"}
	}
	for _, o := range given {
		format, name, hasFile := strings.Cut(o, "=")
		if !hasFile {
			name = "-"
		}
		switch {
		case format != "text" && format != "json":
			return nil, exit.Usage("-o %s: no format %q; use text or json", o, format)
		case name == "":
			return nil, exit.Usage("-o %s: the name of the file is missing", o)
		case slices.ContainsFunc(all, func(other output) bool { return other.file == name }):
			return nil, exit.Usage("-o %s: another report goes there already", o)
		}
		all = append(all, output{format, name})
	}
	return all, nil
}

// errReported is an error that the report has told.
var errReported = errors.New("")

// report writes the outputs of a walk, and returns its result as an error. Live is the text that is
// written while the walk goes on; nil if none is.
func (a *Asking) report(walk func(live *why.Text) *why.Report) error {
	outputs, err := a.outputs()
	if err != nil {
		return err
	}
	var live *why.Text
	if slices.Contains(outputs, output{"text", "-"}) {
		live = &why.Text{
			W: a.Screen, Width: a.Screen.Width(),
			Marks: &terminal.Console{Color: a.Screen.Colored(), ASCII: a.Flags.ASCII || !terminal.UTF8Locale()},
		}
	}
	r := walk(live)
	for _, o := range outputs {
		if err := a.write(o, live, r); err != nil {
			return exit.Unknown("-o %s: %w", o, err)
		}
	}
	switch r.Result {
	case why.Works:
		return nil
	case why.Fails:
		return exit.Error{Status: exit.StatusFound, Err: errReported}
	}
	return exit.Error{Status: exit.StatusUnknown, Err: errReported}
}

// write writes one output.
func (a *Asking) write(o output, live *why.Text, r *why.Report) error {
	switch {
	case o == output{"text", "-"}:
		return live.End(r)
	case o.file == "-":
		return a.render(o.format, a.Screen, r)
	}
	file, err := outfile.Create(o.file)
	if err != nil {
		return err
	}
	return file.Keep(a.render(o.format, file, r))
}

// render writes a report in a format.
func (a *Asking) render(format string, w io.Writer, r *why.Report) error {
	if format == "json" {
		return r.JSON(w)
	}
	text := why.Text{W: w, Marks: &terminal.Console{ASCII: a.Flags.ASCII}}
	text.Begin(cmp.Or(r.URL, "a recording"))
	for i := range r.Steps {
		text.Step(&r.Steps[i])
	}
	return text.End(r)
}
