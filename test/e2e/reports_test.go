//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"
)

// TestReportsOfTheCorpus judges every transcript of the rulebook in one run. Readers of each format
// accept its report, and all reports have the same counts.
func TestReportsOfTheCorpus(t *testing.T) {
	files, err := filepath.Glob("../../rules/testdata/*/*.wire")
	if err != nil || len(files) < 100 {
		t.Fatalf("got %d transcripts, %v", len(files), err)
	}
	dir := t.TempDir()
	args := []string{"audit"}
	for _, f := range []string{"text", "json", "junit", "sarif", "html", "markdown", "har", "gitlab", "wire"} {
		args = append(args, "-o", f+"="+filepath.Join(dir, f))
	}
	if r := run(t, "interlock", append(args, files...)...); r.status != 1 {
		t.Fatalf("got status %d, want 1\n%s", r.status, r.stderr)
	}
	line := ""
	for text := range strings.Lines(content(t, dir, "text")) {
		if strings.HasPrefix(text, " RESULT ") {
			line = strings.TrimSpace(text)
		}
	}
	for _, name := range []string{"junit", "sarif", "html", "markdown", "har", "wire/index.txt"} {
		if line == "" || !strings.Contains(content(t, dir, name), line) {
			t.Errorf("%s does not say %q", name, line)
		}
	}
	if err := harSchema(t).Validate(value(t, dir, "har")); err != nil {
		t.Errorf("har: %v", err)
	}
	var rulings []struct{ Verdict string }
	if err := json.Unmarshal([]byte(content(t, dir, "json")), &rulings); err != nil || len(rulings) < len(files)/2 {
		t.Errorf("got %d rulings, %v", len(rulings), err)
	}
	var har struct {
		Log struct{ Entries []json.RawMessage }
	}
	if err := json.Unmarshal([]byte(content(t, dir, "har")), &har); err != nil || len(har.Log.Entries) != len(rulings) {
		t.Errorf("har: got %d entries, want %d, %v", len(har.Log.Entries), len(rulings), err)
	}
	if places := scanned(t, dir); len(places) < 100 {
		t.Errorf("sarif: got %d results", len(places))
	}
	if suites, err := junit.Ingest([]byte(content(t, dir, "junit"))); err != nil || len(suites) < 10 {
		t.Errorf("junit: got %d suites, %v", len(suites), err)
	}
	if _, err := html.Parse(strings.NewReader(content(t, dir, "html"))); err != nil {
		t.Error(err)
	}
}

// scanned validates the SARIF report in a folder. Each result must be at a line of a file in the
// source tree or, if there is no such file, at an endpoint. GitLab's report must have the same
// findings at the same places. scanned returns these places.
func scanned(t *testing.T, dir string) (places []string) {
	t.Helper()
	log, err := sarif.Open(filepath.Join(dir, "sarif"))
	if err != nil || len(log.Runs) != 1 {
		t.Fatalf("sarif: got %v, %v", log, err)
	}
	var issues []struct {
		Fingerprint, Severity string
		Location              struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	results := slices.DeleteFunc(log.Runs[0].Results, func(r *sarif.Result) bool { return r.Kind == "informational" }) // GitLab gets no diagnoses
	if err := json.Unmarshal([]byte(content(t, dir, "gitlab")), &issues); err != nil || len(issues) != len(results) {
		t.Fatalf("gitlab: got %d issues, want %d, %v", len(issues), len(results), err)
	}
	for i, r := range results {
		if len(r.Locations) != 1 || len(r.Locations[0].LogicalLocations) != 1 || len(r.PartialFingerprints) == 0 {
			t.Fatalf("sarif: result %d of %s has no place or no fingerprint", i, *r.RuleID)
		}
		file, line := "interlock.yaml", 1 // GitLab requires a file, so it gets this one
		if at := r.Locations[0].PhysicalLocation; at != nil {
			file, line = *at.ArtifactLocation.URI, *at.Region.StartLine
		}
		if u, err := url.Parse(file); err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "/") || !filepath.IsLocal(u.Path) || line < 1 {
			t.Errorf("sarif: result %d is at %q, line %d", i, file, line)
		}
		if is := issues[i]; is.Location.Path != file || is.Location.Lines.Begin != line || is.Fingerprint != r.PartialFingerprints["interlock/v1"] || is.Severity == "" {
			t.Errorf("gitlab: got %+v, want %s at %s:%d", is, r.PartialFingerprints, file, line)
		}
		places = append(places, fmt.Sprintf("%s:%d", file, line))
	}
	return places
}

func content(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func value(t *testing.T, dir, name string) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(content(t, dir, name)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// harSchema returns the schema of npm's har-schema, which test/e2e/install installs.
func harSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	const dir = "node/node_modules/har-schema/lib"
	names, err := filepath.Glob(dir + "/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("%s is missing: test/e2e/install installs it", dir)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, name := range names {
		if err := c.AddResource("http://har.test/"+filepath.Base(name), value(t, dir, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("http://har.test/har.json")
	if err != nil {
		t.Fatal(err)
	}
	broken, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": [{"time": 1}]}}`))
	if err != nil || schema.Validate(broken) == nil {
		t.Fatalf("the schema takes an entry without a request: %v", err)
	}
	return schema
}
