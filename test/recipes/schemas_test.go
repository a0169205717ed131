package recipes

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// versions are the oldest version of Kubernetes that the recipes support, and a recent one. Their
// modules contain the OpenAPI descriptions of the API.
func versions() []string { return []string{"v1.30.14", "v1.37.2"} }

// schemas are the strict JSON schemas of a version of Kubernetes.
type schemas struct {
	folder string
	all    *jsonschema.Compiler
	mu     sync.Mutex
	names  map[string]string // apiVersion and kind to the name of the schema
}

// schemasOf reads the schemas of a version. Go downloads the module if it is not there.
func schemasOf(version string) (*schemas, error) {
	out, err := exec.Command("go", "mod", "download", "-json", "k8s.io/kubernetes@"+version).Output()
	if err != nil {
		return nil, fmt.Errorf("download Kubernetes %s: %w: %s", version, err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return nil, err
	}
	s := &schemas{folder: filepath.Join(module.Dir, "api/openapi-spec/v3"), all: jsonschema.NewCompiler(), names: map[string]string{}}
	for _, group := range []string{"api/v1", "apis/apps/v1", "apis/batch/v1", "apis/networking.k8s.io/v1", "apis/policy/v1"} {
		if err := s.read(group); err != nil {
			return nil, fmt.Errorf("schemas of Kubernetes %s: %w", version, err)
		}
	}
	return s, nil
}

// read reads the schemas of an API group. Each object with properties allows only these.
func (s *schemas) read(group string) error {
	text, err := os.ReadFile(filepath.Join(s.folder, strings.ReplaceAll(group, "/", "__")+"_openapi.json"))
	if err != nil {
		return err
	}
	var api struct {
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &api); err != nil {
		return err
	}
	for name, schema := range api.Components.Schemas {
		if _, open := schema["additionalProperties"]; !open && schema["properties"] != nil {
			schema["additionalProperties"] = false
		}
		kinds, _ := schema["x-kubernetes-group-version-kind"].([]any)
		for _, each := range kinds {
			kind := each.(map[string]any)
			version := strings.TrimPrefix(fmt.Sprintf("%v/%v", kind["group"], kind["version"]), "/")
			s.names[version+" "+kind["kind"].(string)] = group + "#/components/schemas/" + name
		}
	}
	plain, err := json.Marshal(api)
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(plain)))
	if err != nil {
		return err
	}
	return s.all.AddResource("schema:"+group, document)
}

// check reports what the schemas say against a YAML document.
func (s *schemas) check(document string) error {
	plain, err := yaml.YAMLToJSONStrict([]byte(document))
	if err != nil {
		return err
	}
	object, err := jsonschema.UnmarshalJSON(strings.NewReader(string(plain)))
	if err != nil {
		return err
	}
	fields, _ := object.(map[string]any)
	name, ok := s.names[fmt.Sprintf("%v %v", fields["apiVersion"], fields["kind"])]
	if !ok {
		return fmt.Errorf("no schema for %v %v", fields["apiVersion"], fields["kind"])
	}
	s.mu.Lock() // a Compiler is for one goroutine
	schema, err := s.all.Compile("schema:" + name)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return schema.Validate(object)
}

// strict has the schemas of all versions, which are read once.
var strict = sync.OnceValues(func() (map[string]*schemas, error) {
	all := map[string]*schemas{}
	for _, version := range versions() {
		s, err := schemasOf(version)
		if err != nil {
			return nil, err
		}
		all[version] = s
	}
	return all, nil
})

func strictSchemas(t testing.TB) map[string]*schemas {
	t.Helper()
	all, err := strict()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRecipesAreValid checks every object of every mode against the schemas.
func TestRecipesAreValid(t *testing.T) {
	each(t, func(t *testing.T, r *rendered) {
		for version, s := range strictSchemas(t) {
			for _, document := range r.text {
				if err := s.check(document); err != nil {
					t.Errorf("Kubernetes %s: %v\n%s", version, err, document)
				}
			}
		}
	})
}

// TestMisspeltFieldsAreRejected checks that the check of the recipes can fail: a field that is
// misspelt, one of a wrong type and one that is missing are errors in every version.
func TestMisspeltFieldsAreRejected(t *testing.T) {
	all := ""
	for _, m := range modes() {
		all += "\n---\n" + strings.Join(m.render(t).text, "\n---\n")
	}
	for _, field := range []string{
		"metadata", "spec", "template", "containers", "initContainers", "volumeMounts", "readinessProbe", "periodSeconds", "securityContext",
		"readOnlyRootFilesystem", "seccompProfile", "terminationGracePeriodSeconds", "secretKeyRef", "fieldPath", "emptyDir", "targetPort",
		"appProtocol", "maxUnavailable", "policyTypes", "podSelector", "topologySpreadConstraints", "preStop", "jobTemplate", "suspend",
	} {
		found := false
		for document := range strings.SplitSeq(all, "\n---\n") {
			wrong := strings.Replace(document, field+":", field+"s:", 1)
			if found = wrong != document; !found {
				continue
			}
			for version, s := range strictSchemas(t) {
				if err := s.check(wrong); err == nil || !strings.Contains(err.Error(), "additional properties '"+field+"s' not allowed") {
					t.Errorf("Kubernetes %s: %ss: got %v, want an error", version, field, err)
				}
			}
			break
		}
		if !found {
			t.Errorf("no recipe has a field %s", field)
		}
	}
	for version, s := range strictSchemas(t) {
		for document, want := range map[string]string{
			"{apiVersion: v1, kind: Service, spec: {ports: [{port: http}]}}":                           "at '/spec/ports/0/port': got string, want integer",
			"{apiVersion: v1, kind: Service, spec: {ports: [{name: http}]}}":                           "at '/spec/ports/0': missing property 'port'",
			"{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, spec: {maxUnavailable: 1}}":       "no schema for policy/v1beta1 PodDisruptionBudget",
			"{apiVersion: v1, kind: Service, kind: Service, spec: {}}":                                 "key \"kind\" already set in map",
			"{apiVersion: apps/v1, kind: Deployment, spec: {template: {}, selector: {}, replicas: 2}}": "",
		} {
			if err := s.check(document); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("Kubernetes %s: %s: got %v, want %q", version, document, err, want)
			}
		}
	}
}
