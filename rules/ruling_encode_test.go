package rules

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestRulingsAreEncodedAsByReflection checks that a ruling is written as encoding/json writes it.
func TestRulingsAreEncodedAsByReflection(t *testing.T) {
	for _, r := range corpus(t) {
		for _, x := range r.transcript.Exchanges(wire.Common{}) {
			for _, o := range []*Options{{}, {Full: true}} {
				checkEncoding(t, Classify(Case{X: x, Options: o}))
			}
		}
	}
	for _, text := range []string{"", "plain", "<&>", "\"\\", "\x00\x1f\x7f\x80", "\u2028é", "a\xffb"} {
		x := wire.Exchange{ID: text, Client: text, Backend: text, Request: wire.ReadRequest(nil), Altered: []string{text, text}}
		r := Classify(Case{X: &x})
		r.Endpoint, r.Instance, r.Run = text, text, text
		checkEncoding(t, r)
	}
	for _, f := range []float64{0, 0.001, 1e-7, 1e21, -3.25, 123456789.125} {
		var w jsonWriter
		w.float(f)
		if want, _ := json.Marshal(f); !bytes.Equal(w.b, want) {
			t.Errorf("got %s, want %s", w.b, want)
		}
	}
}

// TestEncodingAllocatesLittle bounds what the store pays for each exchange.
func TestEncodingAllocatesLittle(t *testing.T) {
	r := Classify(transcribed(t, "UPGRADE-101-UNSOLICITED/offered.wire"))
	r.Findings = nil // the store has a column for what passed
	if got := testing.AllocsPerRun(100, func() { _, _ = r.MarshalJSON() }); got > 35 && !raced {
		t.Errorf("%.0f allocations, want at most 35", got)
	}
}

// checkEncoding compares the JSON of a ruling, but for its findings, with that of encoding/json.
func checkEncoding(t *testing.T, r *Ruling) {
	t.Helper()
	j := r.document()
	want, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := j.appendMembers([]byte("before")); err != nil || string(got)+"}" != "before"+string(want) {
		t.Errorf("%v, got\n%s\nwant\n%s", err, got, want)
	}
}
