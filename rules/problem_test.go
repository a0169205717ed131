package rules

import (
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// subject matches the beginning of a finding's sentence.
var subject = regexp.MustCompile(`^(Client( or proxy| and server)?|Server( or proxy)?|Proxy|Request|Connection|%s) `)

// idioms match wording that readers stumbled over. The texts say header, not field, and proxy, not
// intermediary.
var idioms = regexp.MustCompile(`(?i)\b(nobody|somebody|anybody|fields?|intermediar(y|ies)|sound|in the clear|stands in|tells whether|what came)\b` +
	`|\b(which|that|it) is no [a-z]|behind (the|a) (101|request|head|offer|answer)`)

// TestTextsOfRules checks the form of titles, problems and labels.
func TestTextsOfRules(t *testing.T) {
	requirement := regexp.MustCompile(`^(A|An) (server|client|proxy)( or (server|proxy))? `)
	labels := map[string]string{}
	for _, r := range All() {
		for what, ok := range map[string]bool{
			"a requirement as title":   requirement.MatchString(r.Title) && !strings.HasSuffix(r.Title, "."),
			"a label of a few words":   r.Label != "" && utf8.RuneCountInString(r.Label) <= 40,
			"a problem":                r.Problem != Problems{},
			"a problem of its judge":   r.Judge != nil || r.Problem.Switched != "" && r.Problem.Refused != "",
			"a label of its own":       labels[r.Label] == "",
			"no field, but a header":   !regexp.MustCompile(`\bfields?\b`).MatchString(r.Title + r.Label + r.Problem.Switched + r.Problem.Refused),
			"no more than 130 letters": len(r.Title) <= 130,
		} {
			if !ok {
				t.Errorf("%s has not %s", r.ID, what)
			}
		}
		labels[r.Label] = r.ID
		texts := []string{r.Title, r.Why, r.Fix}
		for _, ref := range r.Refs {
			texts = append(texts, ref.Text)
		}
		if idiom := idioms.FindString(strings.Join(texts, "\n")); idiom != "" {
			t.Errorf("%s says %q", r.ID, idiom)
		}
		for _, sentence := range []string{r.Problem.Switched, r.Problem.Refused} {
			if sentence != "" && !subject.MatchString(sentence) || strings.HasSuffix(sentence, ".") || strings.Count(sentence, "%s") > 3 {
				t.Errorf("%s: %q is not a problem", r.ID, sentence)
			}
		}
	}
}

// TestTextsOfProbes checks the form of labels and expectations.
func TestTextsOfProbes(t *testing.T) {
	labels := map[string]string{}
	for _, p := range Probes() {
		if p.Label == "" || utf8.RuneCountInString(p.Label) > 50 || p.Expectation() == "" {
			t.Errorf("%s: label %q, expectation %q", p.ID, p.Label, p.Expectation())
		}
		if other := labels[p.Label]; other != "" && p.ID != "CTRL-END" {
			t.Errorf("%s and %s are both %q", p.ID, other, p.Label)
		}
		labels[p.Label] = p.ID
	}
}

// TestFindingsAreSentences checks every finding of the corpus that is not a pass: it begins with
// the party and what it did, all its values are filled in, and a finding about a rejection does not
// say that the server accepted something.
func TestFindingsAreSentences(t *testing.T) {
	accepted := regexp.MustCompile(`^Server (accepted (an?|the) (upgrade|handshake|WebSocket)|switched)`)
	for _, r := range corpus(t) {
		for _, ruling := range r.rulings() {
			for _, f := range ruling.Findings {
				if f.Verdict >= Pass {
					continue
				}
				if !subject.MatchString(f.Detail) || strings.Contains(f.Detail, "%s") || strings.HasSuffix(f.Detail, ": ") {
					t.Errorf("%s: %s says %q", r.name, f.Rule.ID, f.Detail)
				}
				direct := ruling.Find("UPGRADE-H2C-NO-101") != nil // it switched to h2c without a 101
				if p := ruling.X.Response; (p == nil || p.Status != 101) && !direct && accepted.MatchString(f.Detail) {
					t.Errorf("%s: %s of a refusal says %q", path.Base(r.name), f.Rule.ID, f.Detail)
				}
			}
		}
	}
}

// TestValuesStayAsTheyAre checks that a value that contains %s is not expanded.
func TestValuesStayAsTheyAre(t *testing.T) {
	if got, want := fillIn("Server sent %s after %s", &[3]string{`"%s"`, "x"}), `Server sent "%s" after x`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestLabelsSayWhatHappened holds that no label says that something was accepted where a server rejected
// it, closed the connection, or did what is not known. What is left is a label all the same.
func TestLabelsSayWhatHappened(t *testing.T) {
	for _, r := range All() {
		if got := r.LabelOf(Fail, Server); got != r.Label {
			t.Errorf("%s: got %q, want %q", r.ID, got, r.Label)
		}
		for _, got := range []string{r.LabelOf(Fail, Client), r.LabelOf(Warn, Server), r.LabelOf(Unclear, Server)} {
			if len(got) < 5 || strings.Contains(got, "accepted") && !strings.Contains(got, "not accepted") || strings.Contains(got, "  ") {
				t.Errorf("%s: %q", r.ID, got)
			}
		}
	}
	if got := Find("UPGRADE-WS-UNMASKED").LabelOf(Fail, Client); got != "Unmasked client frame" {
		t.Errorf("got %q", got)
	}
}
