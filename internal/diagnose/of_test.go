package diagnose_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// valid is a browser's handshake with its 101 and the first message of either side: the one that BenchmarkClassify takes.
const valid = "../../rules/testdata/UPGRADE-101-UNSOLICITED/offered.wire"

func exchange(t testing.TB, name string) *wire.Exchange {
	t.Helper()
	return read(t, name).Exchanges(wire.Common{})[0]
}

// TestOfAllocatesLittle holds that what needs no explanation costs one allocation: the view.
func TestOfAllocatesLittle(t *testing.T) {
	r := rules.Classify(rules.Case{X: exchange(t, valid)})
	if got := testing.AllocsPerRun(100, func() { diagnose.Of(r) }); got > 1 {
		t.Errorf("%.0f allocations, want at most 1", got)
	}
}

// BenchmarkClassifyAndDiagnose is what Interlock does with a valid handshake and its 101, and how much of that is the
// judgment alone.
func BenchmarkClassifyAndDiagnose(b *testing.B) {
	c := rules.Case{X: exchange(b, valid), Options: new(rules.Options)}
	b.Run("Classify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			rules.Classify(c)
		}
	})
	b.Run("Both", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if diagnose.Of(rules.Classify(c)) != nil {
				b.Fatal("a valid handshake is explained")
			}
		}
	})
}

// TestProbesNeedNoExplanation holds that only the controls among the probes are explained, and none of an
// endpoint that accepts the usual handshake.
func TestProbesNeedNoExplanation(t *testing.T) {
	for probe, want := range map[string]bool{"": true, "CTRL-WS": true, "UPGRADE-POST": false, "NO-SUCH-PROBE": false} {
		x := exchange(t, "testdata/rejected-404-go.wire")
		x.Origin, x.Probe = wire.OriginProbe, probe
		if got := len(diagnose.Of(rules.Classify(rules.Case{X: x}))) > 0; got != want {
			t.Errorf("probe %q: explained %t, want %t", probe, got, want)
		}
		x.Controls = wire.ControlsAccepted
		if got := diagnose.Of(rules.Classify(rules.Case{X: x})); probe != "" && got != nil {
			t.Errorf("probe %q of an endpoint that accepts the usual handshake: got %v", probe, got)
		}
	}
}

// TestManyFragmentsAreTheCause holds that a server that ends a message of endless fragments with 1008, as ws
// does, is not said to check a login.
func TestManyFragmentsAreTheCause(t *testing.T) {
	for frames, want := range map[int64]string{3: "The endpoint checks authentication", 16_385: "A message came in more frames than the other side takes"} {
		x := exchange(t, "testdata/tunnel-close-code.wire")
		x.After.Frames = &ws.Facts{ClosedFirst: ws.Server}
		x.After.Frames.Sides[ws.Client].MostFragments = frames
		x.After.End.Client.Code, x.After.End.Server.Code, x.After.End.First = 1008, 1008, "server"
		all := diagnose.Of(rules.Classify(rules.Case{X: x}))
		if len(all) != 1 || all[0].ID != "tunnel-close-code" || !strings.HasPrefix(all[0].Cause, want) {
			t.Errorf("%d frames: got %+v", frames, all)
		}
	}
}

// TestOwnOffersAreNotExplained holds that no client is blamed for what Interlock offers itself.
func TestOwnOffersAreNotExplained(t *testing.T) {
	x := exchange(t, "testdata/offer-h2c-java.wire")
	x.Origin, x.Probe = wire.OriginProbe, "CTRL-H2C"
	if got := diagnose.Of(rules.Classify(rules.Case{X: x})); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}

// FuzzOf holds that whatever was on the wire, what is said about it is short and in the form that
// readers rely on.
func FuzzOf(f *testing.F) {
	for _, name := range transcripts(f) {
		f.Add([]byte(read(f, name).String()))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tr, err := wire.ParseTranscript(text)
		if err != nil {
			return
		}
		for _, x := range tr.Exchanges(wire.Common{Content: true}) {
			all := diagnose.Of(rules.Classify(rules.Case{X: x}))
			if len(all) > 8 {
				t.Errorf("%d diagnoses", len(all))
			}
			for _, d := range all {
				checkSentences(t, d)
				for what, text := range map[string]string{"text": d.Text, "cause": d.Cause, "basis": d.Basis, "fix": d.Fix} {
					if most := map[string]int{"text": 1 << 10, "cause": 1 << 9, "basis": 2 << 10, "fix": 8 << 10}[what]; len(text) > most || !utf8.ValidString(text) {
						t.Errorf("%s: a %s of %d bytes: %q", d.ID, what, len(text), text[:min(len(text), 100)])
					}
				}
			}
		}
	})
}

// TestOneCauseIsToldOnce holds that findings with the same cause have one diagnosis, which names them.
func TestOneCauseIsToldOnce(t *testing.T) {
	for name, want := range map[string]string{
		"stripped-upgrade-426":   "stripped-upgrade: UPGRADE-426-BODY UPGRADE-CONN-DANGLING UPGRADE-WS-KEY-STRAY",
		"chunked-tunnel":         "chunked-tunnel: UPGRADE-101-TE UPGRADE-WS-OPCODE UPGRADE-WS-RSV",
		"requests-after-101":     "requests-after-101: UPGRADE-101-NOT-SWITCHED UPGRADE-101-TRAFFIC-HTTP",
		"extra-crlf-client":      "extra-crlf: UPGRADE-TRAILING-CRLF UPGRADE-WS-CONTROL UPGRADE-WS-OPCODE UPGRADE-WS-UNMASKED",
		"offer-airplay":          "offer-airplay: UPGRADE-UNKNOWN",
		"subprotocol-not-chosen": "subprotocol-not-chosen: UPGRADE-WS-PROTO-SILENT",
	} {
		all := diagnose.Of(rules.Classify(rules.Case{X: exchange(t, "testdata/"+name+".wire")}))
		if len(all) != 1 || all[0].ID+": "+strings.Join(all[0].Explains, " ") != want {
			t.Errorf("%s: got %+v, want %s", name, all, want)
		}
	}
}
