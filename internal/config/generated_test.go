package config

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
)

var update = flag.Bool("update", false, "write the generated files")

// TestGeneratedFilesAreThoseOfTheProgram compares the annotated configuration, the reference and
// the schema with the program. Write them with: go test ./internal/config -update
func TestGeneratedFilesAreThoseOfTheProgram(t *testing.T) {
	for name, want := range map[string]string{
		"../../configs/interlock.yaml": Annotated(), "../../configs/interlock.schema.json": string(Schema()), "../../docs/configuration.md": Reference(),
	} {
		if *update {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s is not what the program says: %v", name, err)
		}
	}
}

// TestTheMinimalConfigurationIsValid checks the file that init writes, as it is and with its
// examples uncommented.
func TestTheMinimalConfigurationIsValid(t *testing.T) {
	text := Minimal("https://staging.example")
	uncommented := regexp.MustCompile(`(?m)^# ((?:host|tls|guard|accept|expect):|  )`).ReplaceAllString(text, "$1")
	uncommented = regexp.MustCompile(`(?m)^tls:\n.*\n`).ReplaceAllString(uncommented, "") // this section names files
	for _, each := range []string{text, uncommented} {
		name := filepath.Join(t.TempDir(), "interlock.yaml")
		if err := os.WriteFile(name, []byte(each), 0o600); err != nil {
			t.Fatal(err)
		}
		c, o := Defaults(), &Origin{}
		if err := o.Read(name, &c); err != nil {
			t.Fatal(err)
		}
		if err := c.Check(o); err != nil {
			t.Error(err)
		}
	}
}

// TestTheSchemaFitsTheConfiguration validates valid and invalid files.
func TestTheSchemaFitsTheConfiguration(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		Annotated(): true, Minimal("http://127.0.0.1:3000"): true, "retention: {bytes: 1GiB, age: 30d}": true, "forward: {hosts: [a]}": true,
		"routes: [{name: a, backend_tls: {insecure: true}, rules: {off: [x]}}]": true,
		"rules: {endpoints: [{endpoint: /chat, auth: required}]}":               true, "rules: {endpoints: [{endpoint: /chat, auth: perhaps}]}": false,
		"bakcend: x": false, "limits: {dial: 3 parsecs}": false, "limits: {connections: many}": false, "guard: perhaps": false, "routes: [{nam: a}]": false,
		"routes: [{backend_tls: {insecur: true}}]": false, "admin: [a]": false,
	} {
		var document any
		if err := yaml.Unmarshal([]byte(text), &document); err != nil {
			t.Fatal(err)
		}
		plain, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(plain, &document); err != nil {
			t.Fatal(err)
		}
		if err := validate(root, document, "$"); (err == nil) != want {
			t.Errorf("%.60q: got %v", text, err)
		}
	}
}

// validate implements the JSON schema keywords that the schema uses.
func validate(s map[string]any, v any, at string) error {
	if choices, ok := s["anyOf"].([]any); ok {
		for _, each := range choices {
			if validate(each.(map[string]any), v, at) == nil {
				return nil
			}
		}
		return fmt.Errorf("%s: fits none", at)
	}
	types := map[string]bool{}
	switch is := s["type"].(type) {
	case string:
		types[is] = true
	case []any:
		for _, each := range is {
			types[each.(string)] = true
		}
	}
	switch v := v.(type) {
	case string:
		if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, any(v)) {
			return fmt.Errorf("%s: %q is not in %v", at, v, enum)
		}
		if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(v) {
			return fmt.Errorf("%s: %q is not of the form %s", at, v, pattern)
		}
		if types["string"] {
			return nil
		}
	case bool:
		if types["boolean"] {
			return nil
		}
	case float64:
		if types["integer"] {
			return nil
		}
	case []any:
		items, _ := s["items"].(map[string]any)
		for i, each := range v {
			if err := validate(items, each, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		if types["array"] {
			return nil
		}
	case map[string]any:
		properties, _ := s["properties"].(map[string]any)
		for key, each := range v {
			below, ok := properties[key].(map[string]any)
			if !ok {
				if below, ok = s["additionalProperties"].(map[string]any); !ok {
					return fmt.Errorf("%s: unknown key %s", at, key)
				}
			}
			if err := validate(below, each, at+"."+key); err != nil {
				return err
			}
		}
		if types["object"] {
			return nil
		}
	}
	return fmt.Errorf("%s: %v is not of type %v", at, v, s["type"])
}
