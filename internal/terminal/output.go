package terminal

import (
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Output is where a command writes events: NDJSON, or on a terminal lines for people. Writing never
// delays traffic: where the reader is too slow, lines are dropped and counted, and the count is
// written at the end. No finding is lost with them.
type Output struct {
	Emit    func(event.Event) // writes an event
	Log     zerolog.Logger    // for errors and warnings, which are not events
	w       io.Writer
	queue   *lineQueue
	Console *Console // nil if the lines are NDJSON
}

// NewOutput writes to w in a format: json, text, or auto, which is text on a terminal. The caller
// closes it.
func NewOutput(w io.Writer, format string, ascii bool) *Output {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	o := &Output{w: w, queue: newLineQueue(w)}
	if format == "text" || format == "auto" && IsTerminal(w) {
		o.Console = NewConsole(w, ascii)
		o.Console.w = o.queue
		o.Log, o.Emit = o.Console.log().Level(zerolog.InfoLevel), o.Console.Emit
		return o
	}
	o.Log = zerolog.New(o.queue).Level(zerolog.InfoLevel).With().Timestamp().Logger()
	o.Emit = event.JSON(o.Log)
	return o
}

// Close writes the waiting lines.
func (o *Output) Close() { o.queue.Close() }

// Banner says on a terminal which address leads where. Forward may be empty.
func (o *Output) Banner(front, backend, forward, admin string) {
	if o.Console == nil {
		return
	}
	if forward != "" {
		forward = "   forward " + forward
	}
	fmt.Fprintf(o.w, " interlock %s   %s %s %s%s   admin %s\n\n", version.String(), front, o.Console.Arrow(), backend, forward, admin)
}

// Summary writes the totals, and what was not inspected.
func (o *Output) Summary(a *audit.Audit, counts *wire.Counts, up time.Duration) {
	sums, findings, ofProbes := a.Sums(), 0, 0
	for _, f := range a.Findings() {
		if f.Key.Probe == "" {
			findings++
		} else {
			ofProbes++
		}
	}
	o.Emit(event.Event{Kind: event.Stopped, Sums: &event.Sums{
		Counts: counts, Verdicts: sums.Verdicts, Unsafe: sums.Unsafe, Findings: findings, OfProbes: ofProbes,
		Shed: sums.Shed, MissedLines: o.queue.missed.Load(), Up: up,
	}})
}

// Result is the last line of a run over live traffic: exchanges by verdict.
func Result(a *audit.Audit) string {
	sums := a.Sums()
	return fmt.Sprintf("RESULT fail=%d warn=%d unclear=%d pass=%d na=%d unsafe=%d findings=%d",
		sums.Verdicts[rules.Fail], sums.Verdicts[rules.Warn], sums.Verdicts[rules.Unclear], sums.Verdicts[rules.Pass],
		sums.Verdicts[rules.NotApplicable], sums.Unsafe, len(a.Findings()))
}
