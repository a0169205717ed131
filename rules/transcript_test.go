package rules

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// A recorded is a transcript of the corpus with its meta lines parsed.
type recorded struct {
	name       string
	transcript *wire.Transcript
	wants      []string // VERDICT RULE, or clean
	common     wire.Common
	template   Case // the case of this transcript without its exchange
}

func (r *recorded) rulings() []*Ruling {
	var rulings []*Ruling
	for _, x := range exampleExchanges(r.transcript, r.common) {
		c := r.template
		c.X = x
		rulings = append(rulings, Classify(c))
	}
	return rulings
}

// corpus reads the transcripts in testdata, sorted by name.
func corpus(t testing.TB) []*recorded {
	t.Helper()
	var all []*recorded
	err := fs.WalkDir(os.DirFS("testdata"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".wire" {
			return err
		}
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			return err
		}
		transcript, err := wire.ParseTranscript(text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r := &recorded{name: name, transcript: transcript, template: Case{Options: &Options{}}}
		for _, m := range transcript.Meta {
			if err := r.read(m); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no transcripts under testdata")
	}
	return all
}

func (r *recorded) read(m wire.Meta) error {
	switch m.Key {
	case "want":
		r.wants = append(r.wants, m.Value)
	case "note", "frames", "stream", "connection", "lured", "control", "inside", "follow", "origin", "hop", "hop-twin": // see exampleExchanges
	case "probe":
		r.common.Origin, r.common.Probe = wire.OriginProbe, m.Value
	case "every":
		r.common.Every = true
	case "controls":
		i := slices.Index(controlWords(), m.Value)
		if i < 0 {
			return fmt.Errorf("no such state of the controls: %q", m.Value)
		}
		r.common.Controls = wire.Controls(i)
	case "protocols":
		r.template.Options.Protocols = strings.Split(m.Value, ", ")
	case "origins":
		r.template.Options.Origins = strings.Split(m.Value, ", ")
	case "tls":
		r.common.ClientTLS, r.common.BackendTLS = strings.HasPrefix(m.Value, "client"), m.Value == "backend"
		r.common.NoSNI = m.Value == "client without SNI"
	case "switches":
		r.template.Seen.Switches = func(_, endpoint string) bool { return endpoint == m.Value }
	case "took":
		if _, ok := exampleTime(m.Value); !ok {
			return fmt.Errorf("no time: %q", m.Value)
		}
	case "twin":
		r.common.Content = true
		if len(exampleTwins(r.transcript)) == 0 {
			return fmt.Errorf("no answer to a twin: %q", m.Value)
		}
	case "carries":
		r.template.Seen.Carries = func(_, endpoint string) bool { return endpoint == m.Value }
	case "auth":
		r.template.Options.Auth = []string{m.Value}
	case "crossed":
		r.template.Seen.Crossed = func(_, endpoint string) bool { return endpoint == m.Value }
	case "cookies":
		r.template.Seen.Cookies = func(_, endpoint string) bool { return endpoint == m.Value }
	case "seen-key":
		r.template.Seen.KeySeen = func(key, _ string) bool { return key == m.Value }
	case "advertised":
		r.template.Seen.Advertised = func(_, _, version string) bool { return version == m.Value }
	default:
		return fmt.Errorf("unknown key %q", m.Key)
	}
	return nil
}

// TestTranscripts compares each transcript with its want lines: every wanted finding must exist,
// and no other rule may fail.
func TestTranscripts(t *testing.T) {
	for _, r := range corpus(t) {
		var found []string
		for _, ruling := range r.rulings() {
			for _, f := range ruling.Findings {
				found = append(found, f.Verdict.String()+" "+f.Rule.ID)
			}
		}
		for _, want := range r.wants {
			if want != "clean" && !slices.Contains(found, want) {
				t.Errorf("%s: got %q, want %q", r.name, found, want)
			}
		}
		for _, f := range found {
			if strings.HasPrefix(f, "fail ") && !slices.Contains(r.wants, f) {
				t.Errorf("%s: got %q, which it does not want", r.name, f)
			}
		}
		if len(r.wants) == 0 {
			t.Errorf("%s wants nothing", r.name)
		}
	}
}

// TestEveryRuleIsSeen checks that the folder of each rule has a transcript in which the rule does
// not pass, even if another rule reports the same fault, and one in which it passes. For rules that
// never give more than information, for UPGRADE-INTEROP and UPGRADE-H2-INTEROP, for UPGRADE-AUTH-QUERY and for three about
// proxies, a warning is enough: rejecting a valid request is not a fault of the server, a token in the
// query is common, and what these proxies do is not always harm.
func TestEveryRuleIsSeen(t *testing.T) {
	seen := map[string][NotApplicable]int{}
	for _, r := range corpus(t) {
		for _, ruling := range r.rulings() {
			for _, f := range ruling.Findings {
				if path.Dir(r.name) == f.Rule.ID {
					n := seen[f.Rule.ID]
					n[f.Verdict]++
					seen[f.Rule.ID] = n
				}
				if id := path.Dir(r.name); slices.Contains(f.Related, id) {
					n := seen[id]
					n[f.Verdict]++
					seen[id] = n
				}
			}
		}
	}
	for _, r := range All() {
		n := seen[r.ID]
		warns := r.Severity.Switched <= Info || r.ID == "UPGRADE-INTEROP" || r.ID == "UPGRADE-H2-INTEROP" || r.ID == "UPGRADE-AUTH-QUERY" ||
			r.ID == "UPGRADE-HOP-TWIN" || r.ID == "UPGRADE-HOP-CONNECT-OPEN" || r.ID == "UPGRADE-HOP-FIELDS"
		if n[Fail] == 0 && (!warns || n[Warn] == 0) {
			t.Errorf("testdata/%s has no transcript in which the rule fails", r.ID)
		}
		if n[Pass] == 0 {
			t.Errorf("testdata/%s has no transcript in which the rule passes", r.ID)
		}
	}
	for _, r := range corpus(t) {
		if dir := path.Dir(r.name); dir != "ODD" && dir != "TUTORIAL" && dir != "SOUND" && Find(dir) == nil {
			t.Errorf("%s is not in the folder of a rule", r.name)
		}
	}
}

// TestCorpusRulings pins all findings of the corpus, and how often each rule gives each verdict.
func TestCorpusRulings(t *testing.T) {
	var b strings.Builder
	counts := map[string][NotApplicable]int{}
	for _, r := range corpus(t) {
		fmt.Fprintf(&b, "%s\n", r.name)
		for _, ruling := range r.rulings() {
			writeRuling(&b, ruling)
			for _, f := range ruling.Findings {
				n := counts[f.Rule.ID]
				n[f.Verdict]++
				counts[f.Rule.ID] = n
			}
		}
	}
	fmt.Fprintf(&b, "\n%-30s %7s %7s %7s %7s\n", "", Fail, Warn, Unclear, Pass)
	for _, r := range All() {
		n := counts[r.ID]
		fmt.Fprintf(&b, "%-30s %7d %7d %7d %7d\n", r.ID, n[Fail], n[Warn], n[Unclear], n[Pass])
	}
	golden(t, "testdata/corpus.golden", b.String())
}

func writeRuling(b *strings.Builder, r *Ruling) {
	status := 0
	if r.X.Response != nil {
		status = r.X.Response.Status
	}
	fmt.Fprintf(b, "\t%q %q %d %s: %s", r.X.Request.Method, r.Target(), status, r.X.Outcome, r.Verdict)
	for _, fact := range []struct {
		holds bool
		word  string
	}{{r.Unsafe, "unsafe"}, {r.Benign(), "benign"}} {
		if fact.holds {
			b.WriteString(", " + fact.word)
		}
	}
	b.WriteByte('\n')
	passed := ""
	for _, f := range r.Findings {
		if f.Verdict == Pass && f.Detail == "" {
			passed += " " + f.Rule.ID
			continue
		}
		fmt.Fprintf(b, "\t\t%s %s: %s, %s", f.Verdict, f.Rule.ID, f.Severity, f.Party)
		if f.Attribution != "" {
			fmt.Fprintf(b, " (%s)", f.Attribution)
		}
		if len(f.Related) > 0 {
			fmt.Fprintf(b, ", with %s", strings.Join(f.Related, " "))
		}
		fmt.Fprintf(b, ", %s; %s\n", citations(f.Refs), f.Detail)
	}
	if passed != "" {
		fmt.Fprintf(b, "\t\tpass%s\n", passed)
	}
}

func citations(refs []Ref) string {
	var all []string
	for _, r := range refs {
		all = append(all, r.String())
	}
	return strings.Join(all, ", ")
}

// golden compares text with a file, or writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	gots, wants := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range gots {
		if i >= len(wants) || gots[i] != wants[i] {
			t.Fatalf("%s, line %d: got %s; read the diff after go test ./rules -update", name, i+1, gots[i])
		}
	}
	t.Fatalf("%s is longer than the output; read the diff after go test ./rules -update", name)
}
