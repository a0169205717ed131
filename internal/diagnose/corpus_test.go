package diagnose_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestCorpus holds the diagnoses of every transcript to its why: lines. "why: ID CERTAINTY" names one that the transcript
// has. "why: not ID" names one that it does not have: a near miss. A transcript has no diagnosis that is not named.
// "origin: chain" says that chain sent it, "hop: NAME" how the proxy is called, and "hop-twin: TARGET" that the request to
// it, the first, is the twin of the others. "local: CAUSE" says that Interlock itself answered, which no bytes of a backend can show.
func TestCorpus(t *testing.T) {
	fires, misses := map[string]int{}, map[string]int{}
	for _, name := range transcripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".wire"), func(t *testing.T) {
			tr := read(t, name)
			want := map[string]string{}
			for _, m := range tr.Meta {
				if m.Key != "why" {
					continue
				}
				words := strings.Fields(m.Value)
				if len(words) != 2 {
					t.Fatalf("why: %s: want \"ID CERTAINTY\" or \"not ID\"", m.Value)
				}
				if words[0] == "not" {
					misses[known(t, words[1])]++
				} else {
					want[known(t, words[0])] = words[1]
					fires[words[0]]++
				}
			}
			got := map[string]string{}
			for _, d := range diagnosed(t, tr) {
				got[d.ID] = d.Certainty.String()
				checkSentences(t, d)
			}
			for id, certainty := range want {
				if got[id] != certainty {
					t.Errorf("%s: got %q, want %q", id, got[id], certainty)
				}
			}
			for id, certainty := range got {
				if _, ok := want[id]; !ok {
					t.Errorf("it has %s (%s), which no why: line names", id, certainty)
				}
			}
		})
	}
	for _, k := range diagnose.All() {
		if fires[k.ID] == 0 {
			t.Errorf("%s: no transcript has it", k.ID)
		}
		if misses[k.ID] == 0 {
			t.Errorf("%s: no transcript is a near miss of it", k.ID)
		}
	}
}

func known(t *testing.T, id string) string {
	t.Helper()
	if diagnose.Find(id) == nil {
		t.Fatalf("%s is not in the catalogue", id)
	}
	return id
}

func transcripts(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.wire")
	if err != nil || len(names) == 0 {
		t.Fatal("no transcripts", err)
	}
	return names
}

func read(t testing.TB, name string) *wire.Transcript {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := wire.ParseTranscript(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return tr
}

// diagnosed returns the diagnoses of all exchanges of a transcript. "times: N PAUSE" says that the same client does the
// same so many times, with that pause between the end of one and the next: the diagnoses are those of the last time.
func diagnosed(t *testing.T, tr *wire.Transcript) (all []rules.Diagnosis) {
	t.Helper()
	times, pause := 1, time.Duration(0)
	for _, m := range tr.Meta {
		if m.Key == "times" {
			if _, err := fmt.Sscan(m.Value, &times, (*duration)(&pause)); err != nil {
				t.Fatalf("times: %s: %v", m.Value, err)
			}
		}
	}
	var tunnels diagnose.Tunnels
	for i := range times {
		all = nil
		seen := tr.Exchanges(wire.Common{Client: fmt.Sprintf("192.0.2.7:%d", 50000+i)})
		for _, x := range seen {
			lasts := pause + x.Took
			if x.After.End != nil {
				lasts += x.After.End.Open
			}
			for _, m := range tr.Meta {
				switch {
				case m.Key == "origin":
					x.Origin = wire.Origin(m.Value)
				case m.Key == "hop" && x.Hop != nil:
					x.Hop.Name = m.Value
				case m.Key == "hop-twin" && x.Request.Target != m.Value:
					x.Twins = []wire.Twin{{X: seen[0]}}
				case m.Key == "local":
					x.Outcome, x.Cause, x.Backend = wire.Local, wire.Cause(m.Value), "10.0.0.7:8080"
				}
			}
			x.ID, x.Time = fmt.Sprintf("%d-%s", i, x.ID), x.Time.Add(time.Duration(i)*lasts)
			r := rules.Classify(rules.Case{X: x})
			r.Endpoint = rules.EndpointOf(x)
			all = append(all, diagnose.OfSeen(r, tunnels.Observe(r))...)
		}
	}
	return all
}

// A duration is one that fmt.Sscan reads.
type duration time.Duration

func (d *duration) Scan(state fmt.ScanState, _ rune) error {
	word, err := state.Token(true, nil)
	if err != nil {
		return err
	}
	read, err := time.ParseDuration(string(word))
	*d = duration(read)
	return err
}

// checkSentences holds what people read to one form: sentences without their period, in one line each.
func checkSentences(t *testing.T, d rules.Diagnosis) {
	t.Helper()
	for what, text := range map[string]string{"text": d.Text, "cause": d.Cause} {
		if text == "" || strings.HasSuffix(text, ".") || strings.Contains(text, "\n") {
			t.Errorf("%s: the %s %q is not a sentence in one line without a period", d.ID, what, text)
		}
	}
	if d.Fix == "" {
		t.Errorf("%s says nothing about what to change", d.ID)
	}
	if d.Certainty > rules.Possible && d.Certainty < rules.Certain && d.Basis == "" {
		t.Errorf("%s: likely without a basis", d.ID)
	}
}
