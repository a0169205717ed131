package rules

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestFindingsAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	var all []Finding
	for _, rule := range All() {
		all = append(all,
			Finding{Rule: rule, Verdict: Pass, Party: rule.Party, Severity: High, Refs: rule.Refs},
			Finding{
				Rule: rule, Verdict: Fail, Party: Intermediary, Severity: Critical, Attribution: "other-side", Related: []string{"UPGRADE-POST", "A<B"},
				Detail: "\"a\\b\" \x00\x7f\xff é § \u2028 <&>", State: StateNew, Refs: []Ref{{RFC: "9110", Section: "7.8"}, {RFC: "\"", Section: "é"}},
				Spans: []Span{{InRequest, 0, 38}, {InResponse, 1, 2}},
			},
			Finding{Rule: rule, Verdict: Warn, Spans: make([]Span, maxSpans+1)})
	}
	for i := range all {
		f, key := &all[i], Key{Rule: all[i].Rule.ID, Probe: "P", Route: "r\x00", Endpoint: "/é"}
		refs := []string{}
		for _, ref := range f.Refs {
			refs = append(refs, ref.String())
		}
		want, err := json.Marshal(findingJSON{
			f.Rule.ID, f.Verdict, f.Severity, f.Rule.Level, f.Party, f.Attribution, f.Related, f.Detail, refs,
			key.Fingerprint(), f.State, append([]Span{}, f.Spans[:min(len(f.Spans), maxSpans)]...),
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.appendJSON(nil, key); strings.ReplaceAll(string(got), `\u00a7`, "§") != string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

func FuzzAppendText(f *testing.F) {
	for _, text := range []string{"", "RFC 9110 §7.8", "\xc2", "\xc2\xa7\xc2", "a\"b\\c<d>&\x7f\x00\u2028\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := json.Marshal(text)
		if got := appendText(nil, text); err != nil || strings.ReplaceAll(string(got), `\u00a7`, "§") != strings.ReplaceAll(string(want), `\u00a7`, "§") {
			t.Errorf("got %q, want %q, %v", got, want, err)
		}
	})
}

// BenchmarkRulingJSON writes and reads the ruling of a handshake that passed.
func BenchmarkRulingJSON(b *testing.B) {
	r := Classify(transcribed(b, "UPGRADE-101-UNSOLICITED/offered.wire"))
	text, err := r.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.MarshalJSON(); err != nil {
				b.Fatal(err)
			}
		}
	})
	stored, err := ReadRuling(text)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("write what was read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := stored.MarshalJSON(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ReadRuling(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	bare := *r
	bare.Findings = nil
	if text, err = bare.MarshalJSON(); err != nil {
		b.Fatal(err)
	}
	b.Run("read without findings", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ReadRuling(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
