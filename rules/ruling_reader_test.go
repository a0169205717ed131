package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// readAsBefore reads a ruling twice by a reader and wants what ReadRuling returns.
func readAsBefore(t testing.TB, d *RulingReader, text []byte) {
	t.Helper()
	want, wantErr := ReadRuling(text)
	for i := range 2 {
		got, err := d.Read(text)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
			t.Fatalf("reading %d: got\n%+v, %v\nwant\n%+v, %v\nof %s", i, got, err, want, wantErr, text)
		}
	}
}

func TestAReaderReadsTheSame(t *testing.T) {
	var d RulingReader
	known := 0
	for _, r := range corpus(t) {
		for _, ruling := range r.rulings() {
			text, err := json.Marshal(ruling)
			if err != nil {
				t.Fatal(err)
			}
			readAsBefore(t, &d, text)
			readAsBefore(t, &d, append(text[:len(text)-1:len(text)-1], `,"again":"x","remedies":[]}`...))
		}
	}
	for _, end := range d.ends {
		if end != nil {
			known++
		}
	}
	if known < len(d.ends)/2 {
		t.Errorf("only %d ends are remembered", known)
	}
}

// TestSpansBelongToTheirExchange reads the same findings of requests of two lengths.
func TestSpansBelongToTheirExchange(t *testing.T) {
	text, err := json.Marshal(Classify(Case{X: exchange(101, wire.Switched, "")}))
	if err != nil {
		t.Fatal(err)
	}
	var j struct{ Request struct{ Head []byte } }
	if err := json.Unmarshal(text, &j); err != nil {
		t.Fatal(err)
	}
	head := func(b []byte) []byte { text, _ := json.Marshal(b); return text }
	short := bytes.Replace(text, head(j.Request.Head), head([]byte("GET")), 1)
	if bytes.Equal(short, text) || !bytes.Contains(text, []byte(`"to":4`)) {
		t.Fatalf("no head or no span in %s", text)
	}
	for _, order := range [][2][]byte{{text, short}, {short, text}} {
		var d RulingReader
		readAsBefore(t, &d, order[0])
		readAsBefore(t, &d, order[1])
	}
}

func TestAReaderRefusesTheSame(t *testing.T) {
	text, err := json.Marshal(Classify(Case{X: exchange(101, wire.Switched, "")}))
	if err != nil {
		t.Fatal(err)
	}
	cut := func(old, replacement string) string { return strings.Replace(string(text), old, replacement, 1) }
	for name, text := range map[string]string{
		"an end":         string(text) + "}",
		"spaces":         string(text) + " \n",
		"half":           string(text[:len(text)-1]),
		"findings twice": cut(`,"findings":[`, `,"findings":[],"findings":[`),
		"findings null":  cut(`,"findings":[`, `,"Findings":null,"findings":[`),
		"many findings":  cut(`,"findings":[`, `,"findings":[`+strings.Repeat(`{"rule":"A"},`, 2000)),
		"a faulty one":   cut(`,"findings":[`, `,"findings":[7,`),
		"no rule":        cut(`"rule":"UPGRADE-POST"`, `"rule":""`),
		"diagnoses":      string(text[:len(text)-1]) + `,"diagnoses":[{"id":"a"}],"diagnoses":[{}]}`,
		"many diagnoses": string(text[:len(text)-1]) + `,"diagnoses":[` + strings.Repeat(`{},`, 200) + `{}]}`,
		"no diagnosis":   string(text[:len(text)-1]) + `,"diagnoses":7}`,
		"an ID at last":  string(text[:len(text)-1]) + `,"id":"other"}`,
		"a later member": string(text[:len(text)-1]) + `,"later":[1,{}]}`,
		"a faulty again": string(text[:len(text)-1]) + `,"again":[}`,
		"no time":        cut(`"time":"`, `"time":"x`),
	} {
		t.Run(name, func(t *testing.T) { readAsBefore(t, new(RulingReader), []byte(text)) })
	}
}
