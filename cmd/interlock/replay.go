package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func replayCommand() *cobra.Command {
	var (
		fields, outputs []string
		ascii, frames   bool
	)
	cmd := &cobra.Command{
		Use: "replay ID", Short: "Send a stored request again", Args: cobra.ExactArgs(1),
		Long: "Send the request of a stored exchange again, byte for byte (in HTTP/2: the same headers in the same order), and\n" +
			"show how the response differs. Headers with secrets were redacted; give them again with -H. With --frames, the\n" +
			"messages that the client sent after the 101 follow, if they were recorded with frames: messages and\n" +
			"evidence.keep: full.",
		Example: "  interlock replay 01KAJ2V6 --backend http://127.0.0.1:3000\n  interlock replay 01KAJ2V6 -H @credentials --config interlock.yaml\n  interlock replay 01KAJ2V6 --frames --backend http://127.0.0.1:3000",
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := newReplay(cmd, args[0], fields)
			if err != nil {
				return err
			}
			if r.frames = frames; frames {
				if err := probe.Replayable(r.target.Base, r.was.X.After.Messages); err != nil {
					return err
				}
			}
			options, err := reportOptions(cmd, &r.config, ascii)
			if err != nil {
				return err
			}
			options.Gate = &r.gate
			return r.do(cmd.Context(), cmd.OutOrStdout(), outputs, options)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&fields, "header", "H", nil, "`HEADER` that was redacted, 'Name: value'; @FILE reads a file")
	f.StringArrayVarP(&outputs, "output", "o", nil, outputUsage)
	f.BoolVar(&frames, "frames", false, "also send the recorded messages of the client")
	f.String("backend", "", "`URL` of the backend (default that of the route)")
	storeFlags(cmd)
	gateFlags(cmd)
	locationFlag(cmd)
	asciiFlag(cmd, &ascii)
	outputFlag(cmd)
	help.Group(cmd, help.Target, "backend")
	help.Variable(cmd, "backend")
	help.Group(cmd, help.Send, "header", "frames")
	oldNames(cmd, map[string]string{"field": "header"})
	cmd.ValidArgsFunction = completeExchanges
	return cmd
}

// replay is one exchange that is sent again.
type replay struct {
	config config.Config
	gate   rules.Gate
	screen *terminal.Screen
	was    *rules.Ruling
	target probe.Target
	frames bool
}

func newReplay(cmd *cobra.Command, id string, fields []string) (*replay, error) {
	c, gate, err := loadRules(cmd)
	if err != nil {
		return nil, err
	}
	s, err := storeOf(cmd, &c)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r := &replay{config: c, gate: gate, screen: terminal.NewScreen(cmd.OutOrStdout(), cmd.ErrOrStderr())}
	if r.was, err = s.Ruling(cmd.Context(), id); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil, exit.Usage("%w", err)
		}
		return nil, exit.Unknown("%w", err)
	}
	addresses, secure, err := r.backend(cmd)
	if err != nil {
		return nil, err
	}
	f := run.ProbeFlags{Fields: fields}
	given, err := f.FieldLines()
	if err != nil {
		return nil, err
	}
	base, err := probe.Recorded(r.was, given)
	if err != nil {
		return nil, err
	}
	r.target = probe.Target{Address: addresses[0], Route: r.was.X.Route, Base: base}
	if secure {
		r.target.TLS, err = r.config.BackendTLS.Config()
		if err != nil {
			return nil, exit.Usage("backend_tls: %w", err)
		}
	}
	return r, nil
}

// backend returns where the exchange may be sent: to --backend, or else to the configured backend
// of its route. The returned configuration is that of this backend.
func (r *replay) backend(cmd *cobra.Command) (addresses []string, secure bool, err error) {
	c := &r.config
	name, given := config.LookupVariable("backend")
	if f := cmd.Flags().Lookup("backend"); f.Changed {
		name, given = f.Value.String(), true
	}
	route := r.was.X.Route
	i := slices.IndexFunc(c.Routes, func(each config.RouteConfig) bool { return each.Name == route })
	switch {
	case given:
		c.Backend = name
	case i >= 0:
		c.Backend, c.BackendTLS = c.Routes[i].Backend, c.Routes[i].BackendTLS
	case route != "default" && route != "":
		return nil, false, exit.Usage("replay: the configuration does not have the route %q of the exchange; name its backend with --backend", route)
	case c.Backend == "":
		return nil, false, exit.Usage("replay: name the backend with --backend, or its configuration with --config; when the exchange was recorded, it was at %s", r.was.X.Backend)
	}
	if addresses, secure, err = config.BackendAddresses(c.Backend); err != nil {
		err = exit.Usage("--backend: %w", err)
	}
	return addresses, secure, err
}

// do sends the request, reports the difference, and returns the error of the command.
func (r *replay) do(ctx context.Context, w io.Writer, outputs []string, options report.Options) error {
	if len(outputs) == 0 {
		outputs = []string{"text"}
	}
	reports, err := run.OpenReports(outputs, r.screen, options, nil)
	if err != nil {
		return err
	}
	id := ulid.Make().String()
	x, messages, err := r.send(ctx, id)
	if err != nil {
		reports.Abandon()
		return exit.Unknown("replay: %w", err)
	}
	now := server.NewAudit(r.config, nil).Enter(x, id)
	lines := append(difference(r.was, now), messages...)
	if len(lines) == 0 {
		lines = []string{"nothing differs"}
	}
	fmt.Fprintf(w, " %s again at %s\n   %s\n", r.was.X.ID, r.target.Address, strings.Join(lines, "\n   "))
	t := telling{gate: r.gate, reports: reports, screen: r.screen}
	for i := range now.Findings {
		if r.gate.Holds(&now.Findings[i]) {
			t.gated++
		}
	}
	reports.Stream.Write(now)
	return t.end(nil)
}

// send sends the exchange again, and says how the messages of its tunnel differ. The exchange has them
// as the configuration wants it.
func (r *replay) send(ctx context.Context, id string) (x *wire.Exchange, differ []string, err error) {
	s := probe.Settings{
		Run: id, NewID: func(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() },
	}
	if !r.frames {
		x, err = probe.Replay(ctx, r.target, s)
		return x, nil, err
	}
	if x, err = probe.ReplayFrames(ctx, r.target, s, r.was.X.After.Messages); err != nil {
		return nil, nil, err
	}
	full := r.config.Evidence.Keep == config.KeepFull
	if x.Outcome == wire.Switched {
		differ = run.MessageDifferences(r.was.X.After.Messages, x.After.Messages, full)
	}
	if !full {
		x.After.Messages = x.After.Messages.Shapes()
	}
	return x, differ, nil
}

// difference describes the difference between the recorded answer and the new one, in lines.
func difference(was, now *rules.Ruling) (lines []string) {
	say := func(what, a, b string) {
		if a != b {
			lines = append(lines, fmt.Sprintf("%-9s %s, and now %s", what, cmp.Or(a, "none"), cmp.Or(b, "none")))
		}
	}
	say("outcome", string(was.X.Outcome), string(now.X.Outcome))
	say("status", run.AnswerOf(was.X), run.AnswerOf(now.X))
	say("verdict", was.Verdict.String(), now.Verdict.String())
	say("rules", strings.Join(was.Broken(), " "), strings.Join(now.Broken(), " "))
	say("head", responseHeadLine(was.X), responseHeadLine(now.X))
	return lines
}

// responseHeadLine returns the response head in one line, without headers that always differ.
func responseHeadLine(x *wire.Exchange) string {
	if x.Response == nil {
		return "none"
	}
	var names []string
	for _, f := range x.Response.Fields {
		name := string(x.Response.Text(f.Name))
		if wire.EqualFold(name, "Date") || wire.EqualFold(name, "Sec-WebSocket-Accept") {
			continue
		}
		names = append(names, name+": "+string(x.Response.Text(f.Value)))
	}
	return printed.Line(strings.Join(names, "; "))
}
