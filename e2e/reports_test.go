//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"
)

// TestReportsOfTheCorpus has every transcript of the rulebook judged in one run, and wants each format to be what its readers
// take and to count the same.
func TestReportsOfTheCorpus(t *testing.T) {
	files, err := filepath.Glob("../rules/testdata/*/*.wire")
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
	if suites, err := junit.Ingest([]byte(content(t, dir, "junit"))); err != nil || len(suites) < 10 {
		t.Errorf("junit: got %d suites, %v", len(suites), err)
	}
	if _, err := html.Parse(strings.NewReader(content(t, dir, "html"))); err != nil {
		t.Error(err)
	}
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

// harSchema is the schema of npm's har-schema, which e2e/install installs.
func harSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	const dir = "node/node_modules/har-schema/lib"
	names, err := filepath.Glob(dir + "/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("%s is missing: e2e/install installs it", dir)
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
