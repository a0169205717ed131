package terminal

import (
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Output is where a command writes what happens: NDJSON, or on a terminal lines for people. Writing never holds up the
// traffic: lines that the reader is too slow for are left out, and how many those were is said at the end. Findings are not
// lost with them, as they are in the ledger.
type Output struct {
	Log     zerolog.Logger
	w       io.Writer
	queue   *lineQueue
	Console *Console // nil if the lines are NDJSON
}

// NewOutput writes to w in a format: json, text, or auto, which is text on a terminal. The caller closes it.
func NewOutput(w io.Writer, format string, ascii bool) *Output {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	o := &Output{w: w}
	lines := w
	if format == "text" || format == "auto" && IsTerminal(w) {
		o.Console = NewConsole(w, ascii)
		lines = o.Console
	}
	o.queue = newLineQueue(lines, o.Console != nil)
	o.Log = zerolog.New(o.queue).Level(zerolog.InfoLevel).With().Timestamp().Logger()
	return o
}

// Close writes what waits.
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

// Summary says what was found in all, and what was not looked into.
func (o *Output) Summary(a *audit.Audit, counts *wire.Counts, up time.Duration) {
	sums, findings, ofProbes := a.Sums(), 0, 0
	for _, f := range a.Findings() {
		if f.Probe == "" {
			findings++
		} else {
			ofProbes++
		}
	}
	o.Log.Info().Int64("exchanges", counts.Exchanges.Load()).Int64("upgrades", counts.Upgrades.Load()).
		Int64("fail", sums.Verdicts[rules.Fail]).Int64("warn", sums.Verdicts[rules.Warn]).Int64("unclear", sums.Verdicts[rules.Unclear]).
		Int64("pass", sums.Verdicts[rules.Pass]).Int64("unsafe", sums.Unsafe).Int("findings", findings).Int("probeFindings", ofProbes).
		Int64("opaque", counts.Opaque.Load()).Int64("tls", counts.TLS.Load()).Int64("http2", counts.HTTP2.Load()).
		Int64("blindTunnels", counts.Tunnels.Load()).Int64("shed", sums.Shed).Int64("shedConnections", counts.Shed.Load()).Int64("missedLines", o.queue.missed.Load()).
		Float64("seconds", up.Seconds()).Msg("stopped")
}

// Result is the last line of a run over live traffic: exchanges by verdict.
func Result(a *audit.Audit) string {
	sums := a.Sums()
	return fmt.Sprintf("RESULT fail=%d warn=%d unclear=%d pass=%d na=%d unsafe=%d findings=%d",
		sums.Verdicts[rules.Fail], sums.Verdicts[rules.Warn], sums.Verdicts[rules.Unclear], sums.Verdicts[rules.Pass],
		sums.Verdicts[rules.NotApplicable], sums.Unsafe, len(a.Findings()))
}
