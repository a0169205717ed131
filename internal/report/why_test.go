package report

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
)

// explained are exchanges of the corpus with diagnoses, some of which have one cause. The values
// are not those of the catalogue, so that a change of its texts does not change reports here.
func explained(t testing.TB) []*rules.Ruling {
	all := rulings(t)
	stripped := rules.Diagnosis{
		ID: "lost-header", Text: "The handshake reached Interlock without its Upgrade header", Certainty: rules.Likely,
		Cause: "The proxy in front of Interlock removed it", Basis: `Via: "1.1 front"`, Fix: "nginx: proxy_set_header Upgrade $http_upgrade;\nApache: upgrade=websocket",
		Explains: []string{"UPGRADE-POST"},
	}
	idle := rules.Diagnosis{
		ID: "idle-timeout", Text: "The tunnel ended after 60 s ± 0.2 s of silence", Cause: "A proxy has an idle timeout", Fix: "Send a Ping every 25 s",
	}
	hostile := rules.Diagnosis{ID: "x|`<b>\x1b", Text: "<script>|\x1b[31m\n\u202e`", Cause: "]]>&\"'", Basis: "\xff", Fix: "a|b\n\n<c>\x00", Explains: []string{"<i>|"}}
	return []*rules.Ruling{with(all[0], stripped), with(all[4], stripped, idle), with(all[0], idle), with(all[5]), with(all[0], hostile)}
}

// with is a ruling with diagnoses.
func with(r *rules.Ruling, all ...rules.Diagnosis) *rules.Ruling {
	is := *r
	is.Diagnoses = all
	return &is
}

// TestFormatsExplain holds how each format shows diagnoses, and that nothing but added lines shows
// them: verdicts and counts stay.
func TestFormatsExplain(t *testing.T) {
	for _, f := range Formats() {
		if f.Open == nil || f.Packets {
			continue
		}
		golden(t, f.Name+"-why", render(t, f.Name, Options{}, explained(t)))
	}
	var same []*rules.Ruling
	for _, r := range explained(t) {
		same = append(same, with(r))
	}
	text, bare := render(t, "text", Options{}, explained(t)), render(t, "text", Options{}, same)
	for line := range strings.Lines(bare) {
		before, after, ok := strings.Cut(text, line)
		if !ok {
			t.Fatalf("%q is missing after\n%s", line, before)
		}
		text = after
	}
	for _, c := range []byte(render(t, "text", Options{ASCII: true}, explained(t))) {
		if c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("byte %#02x in ASCII", c)
		}
	}
	if text := render(t, "text", Options{Quiet: true}, explained(t)); strings.Contains(text, "why") {
		t.Errorf("quiet, got %s", text)
	}
}

// TestDiagnosesFailNothing holds that no format counts a diagnosis, and that nothing in one does
// harm to its readers.
func TestDiagnosesFailNothing(t *testing.T) {
	all := explained(t)
	var same []*rules.Ruling
	for _, r := range all {
		same = append(same, with(r))
	}
	count := strings.Count
	for _, part := range []string{"<failure", "<error", "<skipped", "<testcase"} {
		if got, want := count(render(t, "junit", Options{}, all), part), count(render(t, "junit", Options{}, same), part); got != want {
			t.Errorf("junit has %d of %s, want %d", got, part, want)
		}
	}
	if got, want := render(t, "gitlab", Options{}, all), render(t, "gitlab", Options{}, same); got != want {
		t.Errorf("gitlab has diagnoses: %s", got)
	}
	var log sarifLog
	decode(t, render(t, "sarif", Options{}, all), &log)
	seen := 0
	for _, r := range log.Runs[0].Results {
		if r.Kind == "informational" {
			seen++
			if r.Level != "none" || log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || r.Fingerprints[fingerprintName] == "" {
				t.Errorf("sarif: got %+v", r)
			}
		}
	}
	if seen != 3 {
		t.Errorf("sarif has %d diagnoses, want 3", seen)
	}
	if got := sarifRuleOfWhy(&why{Diagnosis: rules.Diagnosis{ID: "stripped-upgrade"}}); !strings.HasSuffix(got.HelpURI, "/docs/diagnoses/stripped-upgrade.md") || got.Short.Text == "" {
		t.Errorf("sarif: the catalogue is not used: %+v", got)
	}
	for _, name := range []string{"html", "markdown", "text", "junit", "sarif"} {
		for i, c := range render(t, name, Options{}, all) {
			if c != '\n' && (unicode.Is(unicode.C, c) || c == '\ufffd') {
				t.Errorf("%s has %q at %d", name, c, i)
			}
		}
	}
}

// TestObservationsThatDifferAreTold holds that a group with different values shows the observation
// in general.
func TestObservationsThatDifferAreTold(t *testing.T) {
	r := rulings(t)[0]
	var w whys
	for _, text := range []string{"It is 1", "It is 2"} {
		w.add(with(r, rules.Diagnosis{ID: "stripped-upgrade", Text: text}, rules.Diagnosis{ID: "of-another-release", Text: text}))
	}
	all := w.sorted()
	if got := []string{all[0].observed(), all[1].observed()}; got[0] != "It is 1" || got[1] != diagnose.Find("stripped-upgrade").Title {
		t.Errorf("got %q", got)
	}
}

// TestFindingsHaveTheirMostFrequentCause holds that a finding with several causes says so.
func TestFindingsHaveTheirMostFrequentCause(t *testing.T) {
	r := rulings(t)[4]
	var all []*rules.Ruling
	for _, cause := range []string{"A", "B", "B", "C"} {
		all = append(all, with(r, rules.Diagnosis{ID: "x", Text: "It is so", Cause: cause, Fix: "y", Explains: []string{"UPGRADE-POST"}}))
	}
	if text := render(t, "text", Options{}, all); !strings.Contains(text, "\n       cause  B (x); 2 other causes below\n") {
		t.Errorf("got %s", text)
	}
}

// TestDiagnosesAreBounded holds that a report of many kinds and causes says what it leaves out.
func TestDiagnosesAreBounded(t *testing.T) {
	r := rulings(t)[0]
	var w whys
	for i := range maxWhys + 10 {
		is := with(r, rules.Diagnosis{ID: "a", Text: "b", Cause: fmt.Sprint(i)}, rules.Diagnosis{ID: "a", Text: "b", Cause: "0"})
		is.Endpoint = fmt.Sprintf("/%d", i)
		w.add(is)
	}
	all := w.sorted()
	if len(all) != maxWhys || w.more != 10 || w.exchanges != maxWhys+10 || all[0].count != maxWhys+11 || all[0].where() != "/0, /1, /2, /3, /4 and more" {
		t.Errorf("got %d groups and %d more of %d exchanges, the first %d times at %s", len(all), w.more, w.exchanges, all[0].count, all[0].where())
	}
}
