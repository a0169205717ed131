package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Format{
	Name: "sarif", Title: "SARIF 2.1.0, for code scanning",
	Open: func(w io.Writer, o Options) Writer { return &sarifWriter{w: w, Options: o, whys: whys{byPlace: true}} },
})

// sarifWriter writes a result for each fingerprint that did not pass. A critical or high failure
// has the level error, a medium one warning, others note. A warning has at most the level warning.
// An unclear finding has the kind open, which requires the level none. Accepted findings are
// suppressed. Passes are left out, as consumers show every result. A diagnosis has the kind
// informational, which requires the level none too: it is never a failure.
type sarifWriter struct {
	w io.Writer
	Options
	merge merge
	about about
	whys  whys
}

// fingerprintName is the name of our fingerprint, with its version.
const fingerprintName = "interlock/v1"

// Write is part of Writer.
func (s *sarifWriter) Write(r *rules.Ruling) error {
	s.merge.add(r)
	s.about.add(r)
	s.whys.add(r)
	return nil
}

// Close is part of Writer. It encodes one result at a time.
func (s *sarifWriter) Close(sum *Summary) error {
	found, causes := s.merge.sorted(), s.whys.sorted()
	run, places := s.run(sum, found, causes)
	log, err := json.MarshalIndent(sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	}, "", " ")
	if err != nil {
		return err
	}
	const before = "\n   \"results\": " // no text in a document has the line break
	front, end, _ := strings.Cut(string(ascii(log)), before+"[]")
	if _, err := io.WriteString(s.w, front+before); err != nil {
		return err
	}
	results := jsonList{w: s.w, indent: "    "}
	for _, is := range found {
		if is.Verdict >= rules.Pass {
			continue
		}
		if err := results.add(s.result(is, places[is.rule])); err != nil {
			return err
		}
	}
	for _, w := range causes {
		if err := results.add(s.whyResult(w, places[w.ID])); err != nil {
			return err
		}
	}
	if err := results.end(); err != nil {
		return err
	}
	_, err = io.WriteString(s.w, end+"\n")
	return err
}

// run returns the run without its results, and the places of their rules in its list: by rule, or by
// the ID of a diagnosis.
func (s *sarifWriter) run(sum *Summary, found []*merged, causes []*why) (run sarifRun, places map[any]int) {
	run = sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "Interlock", Version: s.Version, InformationURI: "https://github.com/interlock-proxy/interlock", Rules: []sarifRule{},
		}},
		Invocations: []sarifInvocation{{Successful: sum.Cut == "", Command: printed.ASCII(s.Command), Start: utc(s.about.first), End: utc(s.about.last)}},
		Results:     []sarifResult{},
		Properties:  sum.properties(),
	}
	run.Properties["summary"] = answer(sum, part(found).failures)
	for _, f := range s.about.facts(&s.Options, sum) {
		run.Properties[strings.ReplaceAll(f.Name, " ", "-")] = f.Value
	}
	places = map[any]int{}
	enter := func(id any, rule func() sarifRule) {
		if _, known := places[id]; !known {
			places[id] = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule())
		}
	}
	for _, is := range found {
		if is.Verdict < rules.Pass {
			enter(is.rule, func() sarifRule { return sarifRuleOf(is.rule) })
		}
	}
	for _, w := range causes {
		enter(w.ID, func() sarifRule { return sarifRuleOfWhy(w) })
	}
	notes := slices.Concat(sum.Notes, sum.Remarks)
	if n := s.merge.more; n > 0 {
		notes = append(notes, "... and "+printed.Count(n, "finding")+" more")
	}
	if n := s.whys.more; n > 0 {
		notes = append(notes, "... and more diagnoses: "+printed.Thousands(n))
	}
	for _, note := range notes {
		run.Invocations[0].Notifications = append(run.Invocations[0].Notifications,
			sarifNotification{"note", sarifText{Text: wire.Escape([]byte(note))}})
	}
	return run, places
}

func (s *sarifWriter) result(is *merged, place int) sarifResult {
	f, at, again := &is.finding, s.at(is.key.Route), is.again()
	r := sarifResult{
		RuleID: is.rule.ID, RuleIndex: place, Count: is.worst(), Kind: "fail", Level: sarifLevel(f),
		Message:      sarifText{Text: fmt.Sprintf("%s. At %s. Again: %s", printed.ASCII(f.Detail), is.place(), again)},
		Locations:    []sarifLocation{{Logical: []sarifLogical{{is.place(), "resource"}}}},
		Fingerprints: map[string]string{fingerprintName: is.fingerprint},
		Baseline:     baseline(f.State),
		Properties: map[string]any{
			"verdict": f.Verdict, "severity": f.Severity, "party": f.Party, "route": printed.ASCII(is.key.Route), "endpoint": is.key.Endpoint, "probe": printed.ASCII(is.key.Probe),
			"state": f.State, "exchange": is.id, "exchanges": is.exchanges(), "spans": append([]rules.Span{}, f.Spans...),
			"again": again, "why": f.Rule.Why, "fix": f.Rule.Fix,
		},
	}
	if sides := is.sides(); sides != nil {
		r.Properties["sides"] = sidesText(sides)
	}
	if at.File != "" {
		r.Locations[0].Physical = &sarifPhysical{sarifArtifact{at.uri(), "%SRCROOT%"}, sarifRegion{at.Line}}
	}
	if f.Verdict == rules.Unclear {
		r.Kind = "open"
	}
	if is.accepted() {
		r.Suppressions = []sarifSuppression{{"external", "accepted"}}
	}
	return r
}

// utc is a time as SARIF writes it; empty if there is none.
func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// sarifLevel is the level of a finding.
func sarifLevel(f *rules.Finding) string {
	switch {
	case f.Verdict == rules.Unclear:
		return "none"
	case f.Severity >= rules.High && f.Verdict == rules.Fail:
		return "error"
	case f.Severity >= rules.Medium:
		return "warning"
	}
	return "note"
}

// baseline returns the state of a finding in the words of SARIF. It is empty if there was nothing
// to compare with.
func baseline(state string) string {
	switch state {
	case "":
		return ""
	case rules.StateNew, rules.StateReproduced:
		return "new"
	}
	return "unchanged"
}

func sarifRuleOf(r *rules.Rule) sarifRule {
	help := "Why: " + r.Why + "\n\nFix: " + r.Fix + "\n\nMore: " + more(r)
	var refs []string
	for _, ref := range r.Refs {
		refs = append(refs, ref.String()+": "+ref.Text)
	}
	worst := max(r.Severity.Switched, r.Severity.Refused)
	properties := map[string]any{"tags": []string{"security", "http", r.Level.String()}, "precision": "very-high"}
	if worst > rules.Info {
		properties["security-severity"] = [...]string{rules.Low: "3.0", rules.Medium: "5.5", rules.High: "8.0", rules.Critical: "9.5"}[worst]
	}
	return sarifRule{
		ID: r.ID, Name: r.ID, HelpURI: page(r), Short: sarifText{Text: r.Label}, Full: sarifText{Text: r.Title + ". " + strings.Join(refs, ". ") + "."},
		Help:          sarifText{Text: help, Markdown: "**Why** " + escapeMarkdown(r.Why) + "\n\n**Fix** " + escapeMarkdown(r.Fix)},
		Configuration: sarifConfiguration{sarifLevel(&rules.Finding{Severity: worst})},
		Properties:    properties,
	}
}
