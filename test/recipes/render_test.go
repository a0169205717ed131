package recipes

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	manifests = "../../deploy/kubernetes"
	traffic   = "traffic" // the name of the port that clients use
)

// rendered are the objects of a recipe, by kind and name.
type rendered struct {
	text        []string // one YAML document for each object
	chart       bool     // Helm has rendered it
	deployments map[string]*apps.Deployment
	services    map[string]*core.Service
	configs     map[string]*core.ConfigMap
	secrets     map[string]*core.Secret
	policies    map[string]*networking.NetworkPolicy
	budgets     map[string]*policy.PodDisruptionBudget
	cronJobs    map[string]*batch.CronJob
}

// read reads YAML documents. A field that the API does not have is an error.
func read(t testing.TB, text string) *rendered {
	t.Helper()
	r := &rendered{}
	for document := range strings.SplitSeq("\n"+text, "\n---\n") {
		if strings.Trim(stripped(document), "\n") == "" {
			continue
		}
		r.text = append(r.text, document)
		if err := r.add([]byte(document)); err != nil {
			t.Fatalf("%v:\n%s", err, document)
		}
	}
	return r
}

// stripped returns a document without its comments.
func stripped(document string) (rest string) {
	for line := range strings.Lines(document) {
		if !strings.HasPrefix(line, "#") {
			rest += line
		}
	}
	return rest
}

func (r *rendered) add(document []byte) error {
	var is struct {
		Kind     string
		Metadata struct{ Name string }
	}
	if err := yaml.Unmarshal(document, &is); err != nil {
		return err
	}
	name := is.Metadata.Name
	switch is.Kind {
	case "Deployment":
		return into(document, name, &r.deployments)
	case "Service":
		return into(document, name, &r.services)
	case "ConfigMap":
		return into(document, name, &r.configs)
	case "Secret":
		return into(document, name, &r.secrets)
	case "NetworkPolicy":
		return into(document, name, &r.policies)
	case "PodDisruptionBudget":
		return into(document, name, &r.budgets)
	case "CronJob":
		return into(document, name, &r.cronJobs)
	}
	return fmt.Errorf("kind %q is not expected", is.Kind)
}

func into[T any](document []byte, name string, all *map[string]*T) error {
	var object T
	if err := yaml.UnmarshalStrict(document, &object); err != nil {
		return err
	}
	if *all == nil {
		*all = map[string]*T{}
	}
	if (*all)[name] != nil {
		return fmt.Errorf("%s is there twice", name)
	}
	(*all)[name] = &object
	return nil
}

// build builds a kustomization of a folder.
func build(t testing.TB, files filesys.FileSystem, folder string) string {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, folder)
	if err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	text, err := made.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A mode is a way to run Interlock in front of an application.
type mode struct {
	name   string
	render func(t testing.TB) *rendered
}

// modes are all modes of all recipes.
func modes() (all []mode) {
	for _, name := range []string{"sidecar", "service-swap", "replicas"} {
		all = append(all, mode{"kustomize " + name, func(t testing.TB) *rendered {
			return read(t, build(t, filesys.MakeFsOnDisk(), filepath.Join(manifests, "overlays", name)))
		}})
	}
	for _, name := range []string{"sidecar", "service-swap", "replicas"} {
		all = append(all, mode{"helm " + name, func(t testing.TB) *rendered { return renderChart(t, name) }})
	}
	return all
}

// each runs a test for every mode, beside other tests.
func each(t *testing.T, test func(*testing.T, *rendered)) {
	t.Helper()
	t.Parallel()
	for _, m := range modes() {
		t.Run(strings.ReplaceAll(m.name, " ", "/"), func(t *testing.T) {
			t.Parallel()
			test(t, m.render(t))
		})
	}
}

// proxy returns the Deployment with Interlock, and its container.
func (r *rendered) proxy(t testing.TB) (*apps.Deployment, *core.Container) {
	t.Helper()
	for _, d := range r.deployments {
		if c := interlock(&d.Spec.Template.Spec); c != nil {
			return d, c
		}
	}
	t.Fatal("no container runs interlock serve")
	return nil, nil
}

// interlock returns the container of a pod that runs interlock serve, or nil.
func interlock(pod *core.PodSpec) *core.Container {
	for _, all := range [][]core.Container{pod.InitContainers, pod.Containers} {
		for i := range all {
			if len(all[i].Args) > 0 && all[i].Args[0] == "serve" {
				return &all[i]
			}
		}
	}
	return nil
}

// config returns the configuration of Interlock.
func (r *rendered) config(t testing.TB) *configuration {
	t.Helper()
	for _, m := range r.configs {
		if text, ok := m.Data["interlock.yaml"]; ok {
			c := &configuration{text: text}
			if err := yaml.Unmarshal([]byte(text), c); err != nil {
				t.Fatal(err)
			}
			return c
		}
	}
	t.Fatal("no ConfigMap has interlock.yaml")
	return nil
}

// configuration is a part of interlock.yaml.
type configuration struct {
	text    string
	Backend string
	Listen  string
	Admin   struct {
		Listen, Open string
		Names        []string
	}
	Token  string `json:"admin_token_file"`
	Store  string
	Limits struct{ Drain string }
}
