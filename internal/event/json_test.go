package event

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestLinesOfServeAreStable holds the lines that are not about an exchange, byte for byte. Those
// about exchanges are in internal/audit.
func TestLinesOfServeAreStable(t *testing.T) {
	verdicts := [rules.NotApplicable + 1]int64{rules.Fail: 1, rules.Warn: 2, rules.Unclear: 3, rules.Pass: 4, rules.NotApplicable: 5}
	counts := &wire.Counts{}
	counts.Exchanges.Store(20)
	counts.Upgrades.Store(19)
	counts.Opaque.Store(6)
	counts.TLS.Store(7)
	counts.HTTP2.Store(8)
	counts.HTTP2Read.Store(16)
	counts.HTTP2Only.Store(18)
	for range 17 {
		counts.HTTP3.Add(nil)
	}
	counts.Tunnels.Store(9)
	counts.Shed.Store(10)
	for _, test := range []struct {
		e    Event
		want string
	}{
		{Event{Kind: Note, Text: "sound backend"}, `{"level":"info","text":"sound backend","message":"note"}`},
		{
			Event{Kind: Listening, Listen: &Listen{"1", "ab", ":1", ":2", "", "http://b"}},
			`{"level":"info","version":"1","instance":"ab","listen":":1","admin":":2","forward":"","backend":"http://b","message":"listening"}`,
		},
		{
			Event{Kind: ProbeRun, Probes: &Probes{"01", "/chat", "default", "b:80", 9, 1, verdicts, true, "UPGRADE-POST", 1500 * time.Millisecond}},
			`{"level":"info","run":"01","endpoint":"/chat","route":"default","backend":"b:80","sent":9,"notSent":1,"fail":1,"warn":2,"unclear":3,"pass":4,"na":5,` +
				`"degraded":true,"gone":"UPGRADE-POST","seconds":1.5,"message":"probe run finished"}`,
		},
		{
			Event{Kind: Stopped, Sums: &Sums{counts, verdicts, 11, 12, 13, 14, 15, 2 * time.Second}},
			`{"level":"info","exchanges":20,"upgrades":19,"fail":1,"warn":2,"unclear":3,"pass":4,"unsafe":11,"findings":12,"probeFindings":13,` +
				`"opaque":6,"tls":7,"http2":8,"http2Read":16,"http2Only":18,"http3Hints":17,"blindTunnels":9,"shed":14,"shedConnections":10,"missedLines":15,"seconds":2,"message":"stopped"}`,
		},
	} {
		var out bytes.Buffer
		JSON(zerolog.New(&out))(test.e)
		if got := out.String(); got != test.want+"\n" {
			t.Errorf("got\n%swant\n%s", got, test.want)
		}
	}
}

// TestLinesExplain holds that a diagnosis is in the line of its exchange or, if a tunnel shows it
// later, in the line of its end, and never in both.
func TestLinesExplain(t *testing.T) {
	x := wire.Exchange{ID: "1", Request: wire.ReadRequest([]byte("GET / HTTP/1.1\r\n\r\n")), Complete: true, Outcome: wire.Switched}
	known := rules.Diagnosis{ID: "known", Text: "It is so", Certainty: rules.Likely, Cause: "The proxy did it", Basis: "Via"}
	ruling := func(before *rules.Before, all ...rules.Diagnosis) *rules.Ruling {
		r := rules.Classify(rules.Case{X: &x})
		r.Before, r.Diagnoses = before, all
		return r
	}
	first := ruling(nil, known, rules.Diagnosis{ID: "other", Text: "And so"})
	var none *rules.Before
	later := ruling(none.Then(first), known, rules.Diagnosis{ID: "later", Text: "It ended", Certainty: rules.Certain, Cause: "The client closed"})
	for _, test := range []struct {
		e    Event
		want string
	}{
		{Event{Kind: Exchange, Ruling: first}, `"diagnoses":["known","other"],"why":"It is so; the proxy did it (likely: Via)","message":"exchange"}`},
		{Event{Kind: TunnelClosed, Ruling: first}, `"ms":0,"message":"tunnel closed"}`},
		{Event{Kind: TunnelClosed, Ruling: later}, `"diagnoses":["later"],"why":"It ended; the client closed","message":"tunnel closed"}`},
		{Event{Kind: Exchange, Ruling: ruling(nil)}, `"ms":0,"message":"exchange"}`},
	} {
		var out bytes.Buffer
		JSON(zerolog.New(&out))(test.e)
		if got := out.String(); !strings.HasSuffix(got, test.want+"\n") {
			t.Errorf("got\n%swant\n%s at its end", got, test.want)
		}
	}
}
