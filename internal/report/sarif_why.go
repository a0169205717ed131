package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/printed"
)

// whyResult is a diagnosis, with its cause and place.
func (s *sarifWriter) whyResult(w *why, place int) sarifResult {
	at, d := s.at(w.key.route), w.Diagnosis
	d.Explains = nil
	sum := sha256.Sum256([]byte(strings.Join([]string{"diagnosis", w.key.id, w.key.cause, w.key.route, w.key.endpoint}, "\x00")))
	r := sarifResult{
		RuleID: w.name(), RuleIndex: place, Count: w.count, Kind: "informational", Level: "none",
		Message:      sarifText{Text: printed.Why(&d) + ". At " + w.where() + ". More: " + printed.MoreOf(&d)},
		Locations:    []sarifLocation{{Logical: []sarifLogical{{w.where(), "resource"}}}},
		Fingerprints: map[string]string{fingerprintName: hex.EncodeToString(sum[:16])},
		Properties: map[string]any{
			"certainty": d.Certainty, "cause": printed.Text(d.Cause), "basis": printed.Text(d.Basis), "fix": strings.Join(w.fixes(), "\n"),
			"explains": append([]string{}, w.explains...), "route": printed.Text(w.key.route), "endpoint": printed.Text(w.key.endpoint), "exchange": w.exchange,
		},
	}
	if at.File != "" {
		r.Locations[0].Physical = &sarifPhysical{sarifArtifact{at.uri(), "%SRCROOT%"}, sarifRegion{at.Line}}
	}
	return r
}

// sarifRuleOfWhy is the entry of the catalogue. A diagnosis of another release has none: its text
// has to do.
func sarifRuleOfWhy(w *why) sarifRule {
	title, text, page := printed.Text(w.Text), "A diagnosis of another release.", ""
	if k := diagnose.Find(w.ID); k != nil {
		title, text, page = k.Title, k.Why, "https://github.com/interlock-proxy/interlock/blob/main/docs/diagnoses/"+k.ID+".md"
	}
	return sarifRule{
		ID: w.name(), Name: w.name(), HelpURI: page, Short: sarifText{Text: title}, Full: sarifText{Text: title + ". " + text},
		Help: sarifText{Text: text + "\n\nMore: " + printed.MoreOf(&w.Diagnosis), Markdown: escapeMarkdown(text)}, Configuration: sarifConfiguration{"none"},
		Properties: map[string]any{"tags": []string{"diagnosis", "http"}},
	}
}
