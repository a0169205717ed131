package terminal

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

const (
	upgrade   = " /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

// whole is a switched exchange that is over, tunnel and all.
func whole(method string) *wire.Exchange {
	x := &wire.Exchange{
		ID: "1", Revision: 1, Final: true, Complete: true, Origin: wire.OriginLive, Time: time.Now(), Outcome: wire.Switched, BodyDone: true, Cause: wire.CauseClient,
		Request: wire.ReadRequest([]byte(method + upgrade)), Response: wire.ReadResponse([]byte(switching)),
	}
	x.After = wire.After{Open: 764 * time.Second, ClientBytes: 812, ServerBytes: 4103}
	return x
}

// said is what a console shows of the events of the exchanges, without the time of day.
func said(t *testing.T, a *audit.Audit, ascii bool, all ...*wire.Exchange) string {
	t.Helper()
	t.Setenv("LC_ALL", "C.UTF-8")
	var out bytes.Buffer
	a.Emit = NewConsole(&out, ascii).Emit
	for _, x := range all {
		a.Observe(x)
	}
	return timeless(out.String())
}

func timeless(text string) string {
	return regexp.MustCompile(`(?m)^ \d\d:\d\d:\d\d\.\d\d\d `).ReplaceAllString(text, "")
}

func TestConsoleSaysExchanges(t *testing.T) {
	blocked := whole("POST")
	blocked.Blocked, blocked.Final = true, false
	silent := whole("GET")
	silent.Outcome, silent.Response, silent.After, silent.Cause = wire.Silent, nil, wire.After{}, ""
	const (
		closed  = "· tunnel closed by client after 12m44s   ↑ 812 B ↓ 4.1 kB   exchange 1\n"
		line    = "✖ fail ws    POST /chat                101      UNSAFE 101"
		problem = ": Server accepted a WebSocket handshake with method \"POST\" (UPGRADE-POST)\n"
		facts   = "                critical   RFC 6455 §4.1   RFC 6455 §4.2.1   exchange 1\n"
	)
	for _, test := range []struct {
		name, want string
		x          *wire.Exchange
	}{
		{"sound", "✓ pass ws    GET  /chat                101      switched\n" + closed, whole("GET")},
		{"unsafe, and closed at once", line + problem + facts + closed, whole("POST")},
		{"blocked", line + ", blocked (the client got a 502)" + problem + facts, blocked},
		{"silent", "? unclear ws    GET  /chat                silent   ", silent},
	} {
		got := said(t, &audit.Audit{}, false, test.x)
		if got != test.want && (test.name != "silent" || !strings.HasPrefix(got, test.want)) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	ascii := strings.NewReplacer("✖", "x", "§", "section ", "·", ".", "↑", "up", "↓", "down").Replace(line + problem + facts + closed)
	if got := said(t, &audit.Audit{}, true, whole("POST")); got != ascii {
		t.Errorf("ascii: got %q, want %q", got, ascii)
	}
}

// TestConsoleSaysHowTunnelsEnd holds who ended a tunnel, how, and after how long without a byte.
func TestConsoleSaysHowTunnelsEnd(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	none, closing := wire.Word{Kind: wire.WordNothing}, wire.Word{Kind: wire.WordClose, Code: 1008, Reason: "no\x1b"}
	for want, x := range map[string]struct {
		cause wire.Cause
		end   wire.End
	}{
		"closed by backend after 12m44s, idle for 1m0s, without a Close frame (1006)   ": {wire.CauseServer, wire.End{Idle: time.Minute, Client: none, Server: none}},
		"closed by backend after 12m44s   ":                                              {wire.CauseServer, wire.End{Client: none}},
		"closed by client (reset) after 12m44s, no longer answered (1006)   ":            {wire.CauseClientReset, wire.End{Lost: true}},
		"closed by backend after 12m44s, close code 1008 \"no\\x1b\"   ":                 {wire.CauseClient, wire.End{Client: none, Server: closing}},
		"closed by Interlock (drain) after 12m44s, close without a code   ":              {wire.CauseDrain, wire.End{Client: wire.Word{Kind: wire.WordClose, Code: wire.NoCode}}},
	} {
		exchange := whole("GET")
		exchange.Cause, exchange.After.End = x.cause, &x.end
		exchange.After.Open, x.end.Open = time.Hour, exchange.After.Open
		if got := said(t, &audit.Audit{}, false, exchange); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
}

// TestConsoleFitsItsTerminal holds that no line is wider than the terminal, that lines are broken at spaces only, and that nothing
// gets lost but the end of a long target.
func TestConsoleFitsItsTerminal(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	x := whole("POST")
	x.ID, x.Client, x.Route = "01M8HZMK6VRM6D898YR9ANEX37", "192.168.100.100:51234", "staging"
	x.Request = wire.ReadRequest([]byte(strings.Replace("POST"+upgrade, "/chat", "/chat/"+strings.Repeat("0123456789", 20), 1)))
	for width := 60; width <= 200; width++ {
		var out bytes.Buffer
		c := NewConsole(&out, false)
		c.Color, c.columns = width%2 == 0, func() int { return width }
		(&audit.Audit{Emit: c.Emit}).Observe(x)
		text := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(out.String(), "")
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("%d columns: %d in %q", width, n, line)
			}
		}
		all := strings.Join(strings.Fields(text), " ")
		for _, want := range []string{"fail ws POST /chat/0123", " 101 UNSAFE 101: Server accepted a WebSocket handshake with method \"POST\" (UPGRADE-POST) critical RFC 6455 §4.1 RFC 6455 §4.2.1 " +
			"client 192.168.100.100:51234 route staging exchange 01M8HZMK6VRM6D898YR9ANEX37"} {
			if !strings.Contains(all, want) {
				t.Errorf("%d columns: got %q, want %q in it", width, all, want)
			}
		}
	}
}

// TestConsoleExplains holds that what explains an exchange is below its line, that the fix is shown
// once, and that nothing in it upsets a terminal.
func TestConsoleExplains(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	r := (&audit.Audit{}).Enter(whole("GET"), "")
	r.Diagnoses = []rules.Diagnosis{
		{ID: "gone", Text: "The header is gone", Certainty: rules.Likely, Cause: "The proxy removed it", Basis: "Via: \"1.1 \u00b1\"", Fix: "nginx: on\nEnvoy: on"},
		{ID: "odd", Text: "It is odd\x1b[31m", Certainty: rules.Certain, Cause: "The client is odd", Fix: "nothing"},
	}
	var out bytes.Buffer
	c := NewConsole(&out, false)
	c.Emit(event.Event{Kind: event.Exchange, Ruling: r})
	c.Emit(event.Event{Kind: event.Exchange, Ruling: r})
	const line, why, odd = "\u2713 pass ws    GET  /chat                101      switched\n", "                why  The header is gone; the proxy removed it (likely: Via: \"1.1 \u00b1\")",
		"                why  It is odd\\x1b[31m; the client is odd"
	want := line + why + "\n                fix  nginx: on   (more: interlock diagnoses gone)\n" + odd + "\n                fix  nothing\n" +
		line + why + "   (interlock diagnoses gone)\n" + odd + "   (interlock diagnoses odd)\n"
	if got := timeless(out.String()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	out.Reset()
	NewConsole(&out, true).Emit(event.Event{Kind: event.Exchange, Ruling: r})
	if got := out.String(); !strings.Contains(got, `"1.1 +-"`) {
		t.Errorf("in ASCII, got %s", got)
	}
	for width := 60; width <= 140; width += 7 {
		out.Reset()
		c := NewConsole(&out, false)
		c.columns = func() int { return width }
		c.Emit(event.Event{Kind: event.Exchange, Ruling: r})
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("%d columns: %d in %q", width, n, line)
			}
		}
	}
}

// TestConsoleSaysAnUnsafeExchangeOnce holds it for each order in which the store and the end of the
// tunnel may answer.
func TestConsoleSaysAnUnsafeExchangeOnce(t *testing.T) {
	head := whole("POST")
	head.Revision, head.Final, head.Complete, head.After, head.Cause = 0, false, false, wire.After{}, ""
	for _, stored := range []bool{true, false} {
		for _, late := range []bool{true, false} {
			var then func(bool)
			var a audit.Audit
			a.Store = func(_ *rules.Ruling, told func(bool)) {
				if then = told; !late {
					told(stored)
				}
			}
			got := said(t, &a, true, head, whole("POST"))
			if late {
				var out bytes.Buffer
				a.Emit = NewConsole(&out, true).Emit
				then(stored)
				got += timeless(out.String())
			}
			if strings.Count(got, "x fail") != 1 || strings.Count(got, "UNSAFE 101") != 1 || strings.Contains(got, "not stored") == stored {
				t.Errorf("stored %v, late %v: got %q, want its failure once", stored, late, got)
			}
		}
	}
}

func TestConsoleSaysWhatIsAmended(t *testing.T) {
	first := whole("GET")
	first.Final = false
	var kinds []event.Kind
	a := &audit.Audit{Emit: func(e event.Event) { kinds = append(kinds, e.Kind) }}
	a.Observe(first)
	r := *a.Enter(whole("GET"), "")
	before := rules.Before{Verdict: rules.Pass}
	r.Before, r.Verdict = &before, rules.Warn
	var out bytes.Buffer
	NewConsole(&out, true).Emit(event.Event{Kind: event.Amended, Ruling: &r})
	if got := timeless(out.String()); !strings.HasPrefix(got, "i info ws    GET  /chat ") || !strings.HasSuffix(got, "   amended, was pass\n") {
		t.Errorf("got %q", got)
	}
}

// TestConsoleSaysWhatIsNoExchange holds the lines of the other events, and of logs that know no
// events.
func TestConsoleSaysWhatIsNoExchange(t *testing.T) {
	var out bytes.Buffer
	o := NewOutput(&out, "text", true)
	o.Console.Color = false
	o.Emit(event.Event{Kind: event.Listening, Listen: &event.Listen{}})
	o.Emit(event.Event{Kind: event.Note, Text: "sound backend"})
	o.Emit(event.Event{Kind: event.EvidenceShed, Shed: event.Shed{Exchanges: 3}})
	p := &event.Probes{Endpoint: "/chat", Sent: 9, NotSent: 1, Gone: "UPGRADE-POST"}
	p.Verdicts[rules.Fail] = 2
	o.Emit(event.Event{Kind: event.ProbeRun, Probes: p})
	counts := &wire.Counts{}
	counts.Exchanges.Store(7)
	o.Emit(event.Event{Kind: event.Stopped, Sums: &event.Sums{Counts: counts, Unsafe: 2}})
	o.Log.Error().Str("backend", "10.0.0.1:80").Str("err", "cannot reach \x1b[31m").Msg("answered in place of the backend")
	o.Log.Error().Err(errors.New("no such file")).Msg("configuration not reloaded")
	o.Log.Info().Int("connections", 2).Str("client", "a b").Msg("draining")
	o.Log.Debug().Msg("connection closed")
	o.Close()
	const want = "\n sound backend\n" +
		"evidence shed: 3 exchanges had no room in memory; their findings are counted\n" +
		"probe run finished at /chat   sent 9   fail 2   warn 0   unclear 0   pass 0   not sent 1   the backend was gone after UPGRADE-POST\n" +
		"stopped   requests answered 7   upgrades 0   unsafe 2   findings 0   not audited: opaque 0, TLS 0, h2 0, rejected h2 clients 0, blind tunnels 0\n" +
		"error: answered in place of the backend: cannot reach ?[31m   backend=10.0.0.1:80\n" +
		"error: configuration not reloaded: no such file\n" +
		"draining   client=\"a b\"   connections=2\n"
	if got := timeless(out.String()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPlainLogSaysMessageAndError(t *testing.T) {
	var out bytes.Buffer
	log := PlainLog(&out).Level(zerolog.WarnLevel)
	log.Info().Msg("not this")
	log.Warn().Str("client", "10.0.0.1:5").Str("err", "why").Msg("blocked request")
	log.Warn().Err(errors.New("why")).Msg("dropped")
	if got, want := out.String(), "blocked request: why\ndropped: why\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestVerdicts(t *testing.T) {
	c := Console{}
	for _, test := range []struct {
		v    rules.Verdict
		s    rules.Severity
		want string
	}{
		{rules.Fail, rules.High, "✖ fail"}, {rules.Warn, rules.Info, "i info"}, {rules.Warn, rules.Low, "! warn"},
		{rules.Unclear, rules.Low, "? unclear"}, {rules.Pass, rules.Info, "✓ pass"}, {rules.NotApplicable, rules.Info, "– n/a "},
	} {
		if got := c.Verdict(test.v, test.s); got != test.want {
			t.Errorf("%v %v: got %q, want %q", test.v, test.s, got, test.want)
		}
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 4103: "4.1 kB", 2_500_000: "2.5 MB", 7_000_000_000: "7.0 GB"} {
		if got := printed.Size(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

// BenchmarkConsole is what the line of an exchange costs whoever judges it.
func BenchmarkConsole(b *testing.B) {
	c := NewConsole(new(bytes.Buffer), true)
	c.w = discard{}
	r := (&audit.Audit{}).Enter(whole("GET"), "")
	b.ReportAllocs()
	for b.Loop() {
		c.Emit(event.Event{Kind: event.Exchange, Ruling: r})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
