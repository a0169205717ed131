// Package formats reads Interlock's reports with third-party libraries, which are not dependencies
// of the product.
package formats

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	_ "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif" // the test reads the schema from this module's source, so the module must be present
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// nasty has characters that need escaping in at least one format.
const nasty = "</pre><script>alert(1)</script>]]>&amp;````\"'|\\x--><!--{{.}}[x](javascript:y)\x1b[31m\x1b]0;t\x07\xe2\x80\xae\xc2\x85\xff\xfe\x00\x7f"

// corpora returns the rulings that every format must render: those of all transcripts as live
// traffic, the same as probes with baseline states, and one ruling in which every string from
// outside is nasty.
func corpora(t *testing.T) map[string][]*rules.Ruling {
	t.Helper()
	all := map[string][]*rules.Ruling{"none": nil}
	names, err := filepath.Glob("../../../rules/testdata/*/*.wire")
	if err != nil || len(names) < 100 {
		t.Fatalf("%d transcripts, %v", len(names), err)
	}
	states := []string{rules.StateNew, rules.StateKnown, rules.StateAccepted, rules.StateReproduced}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		transcript, err := wire.ParseTranscript(text)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range transcript.Exchanges(wire.Common{Route: "default", Backend: "192.0.2.9:8080"}) {
			x.ID = fmt.Sprint(filepath.Base(name), i)
			live := rules.Classify(rules.Case{X: x})
			live.Diagnoses = diagnose.Of(live)
			all["live"] = append(all["live"], live)
			sent := *x
			sent.Origin, sent.Probe, sent.Controls = wire.OriginProbe, filepath.Base(filepath.Dir(name)), wire.ControlsAccepted
			r := rules.Classify(rules.Case{X: &sent})
			for j := range r.Findings {
				if f := &r.Findings[j]; f.Verdict < rules.Pass {
					f.State = states[len(all["probes"])%len(states)]
				}
			}
			all["probes"] = append(all["probes"], r)
		}
	}
	line := strings.NewReplacer(" ", "", "\r", "", "\n", "").Replace(nasty)
	x := &wire.Exchange{
		ID: nasty, Origin: wire.OriginProbe, Probe: nasty, Route: nasty, Client: nasty, Backend: nasty, Altered: []string{nasty}, Lossy: []string{nasty},
		Request:  wire.ReadRequest([]byte("POST /" + line + " HTTP/1.1\r\nHost: " + nasty + "\r\nUpgrade: websocket\r\nX" + line + ": " + nasty + "\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 " + nasty + "\r\nUpgrade: websocket\r\n\r\n")), Final: true, Complete: true, Outcome: wire.Switched,
		After: wire.After{Client: []byte(nasty), Server: []byte(nasty)},
	}
	r := rules.Classify(rules.Case{X: x})
	r.Run, r.Instance, r.Endpoint = nasty, nasty, rules.Template(x.Request.Target)
	r.Diagnoses = []rules.Diagnosis{{ID: nasty, Text: nasty, Cause: nasty, Basis: nasty, Fix: nasty, Explains: []string{nasty}}}
	all["hostile"] = []*rules.Ruling{r}
	return all
}

// render returns a report in the format of that name.
func render(t *testing.T, name string, o report.Options, all []*rules.Ruling) string {
	t.Helper()
	var b bytes.Buffer
	w, err := report.Open(name, &b, o)
	if err != nil {
		t.Fatal(err)
	}
	s := report.Stream{Writers: []report.Writer{w}}
	for _, r := range all {
		s.Write(r)
	}
	for _, err := range s.Close() {
		if err != nil {
			t.Error(err)
		}
	}
	return b.String()
}

// sarifSchema returns the SARIF schema of OASIS, which a Go module for writing SARIF has as a
// constant.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(strings.TrimSpace(string(out)), "pkg/report/v210/sarif/schema.go")
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := file.Scope.Lookup("schema").Decl.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value
	if text, err = strconv.Unquote(text); err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSARIFIsValid(t *testing.T) {
	schema := sarifSchema(t)
	for name, all := range corpora(t) {
		for _, o := range []report.Options{{}, {Version: "1.2.3", Location: report.Location{File: "/etc/inter lock#.yaml", Line: 7}, Routes: map[string]report.Location{"default": {File: "conf/a b.yaml", Line: 12}}}} {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(render(t, "sarif", o, all)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	broken, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version": "2.1.0", "runs": [{"results": []}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(broken) == nil {
		t.Error("the schema takes a run without a tool")
	}
}

// TestJUnitIsRead compares the counts of a JUnit reader with the counts that the file states.
func TestJUnitIsRead(t *testing.T) {
	for name, all := range corpora(t) {
		text := render(t, "junit", report.Options{}, all)
		suites, err := junit.Ingest([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got junit.Totals
		seen := map[string]bool{}
		for _, s := range suites {
			got.Tests, got.Skipped, got.Failed, got.Error = got.Tests+s.Totals.Tests, got.Skipped+s.Totals.Skipped, got.Failed+s.Totals.Failed, got.Error+s.Totals.Error
			for _, c := range s.Tests {
				if c.Classname != s.Name || c.Name == "" || seen[s.Name+c.Name] {
					t.Errorf("%s: case %q of %q is there twice, or of another suite", name, c.Name, s.Name)
				}
				seen[s.Name+c.Name] = true
			}
		}
		var said struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Skipped  int `xml:"skipped,attr"`
		}
		if err := xml.Unmarshal([]byte(text), &said); err != nil {
			t.Fatal(err)
		}
		if want := (junit.Totals{Tests: said.Tests, Skipped: said.Skipped, Failed: said.Failures, Error: said.Errors}); got != want || (got.Failed > 0) != (name != "none") {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}
