package recipes

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const chart = "../../deploy/helm/interlock"

// chartValues returns the values of a mode, which are those on the page.
func chartValues(t testing.TB, mode string) map[string]any {
	t.Helper()
	for _, block := range regexp.MustCompile("(?s)```yaml test=TestModesRun\n(.*?)```").FindAllStringSubmatch(page(t), -1) {
		var values map[string]any
		if err := yaml.UnmarshalStrict([]byte(block[1]), &values); err != nil {
			t.Fatal(err)
		}
		if values["mode"] == mode {
			return values
		}
	}
	t.Fatalf("the page has no values with mode: %s", mode)
	return nil
}

// page returns docs/kubernetes.md.
func page(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// template renders the chart, as helm install does without a cluster. It returns the objects and the
// notes.
func template(name string, values map[string]any) (objects, notes string, err error) {
	c, err := loader.LoadDir(chart)
	if err != nil {
		return "", "", err
	}
	release := common.ReleaseOptions{Name: name, Namespace: "default", IsInstall: true, Revision: 1}
	all, err := util.ToRenderValues(c, values, release, common.DefaultCapabilities)
	if err != nil {
		return "", "", err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return "", "", err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch path.Ext(name) {
		case ".txt":
			notes = files[name]
		case ".yaml":
			objects += "\n---\n" + files[name]
		}
	}
	return objects, notes, nil
}

// renderChart renders a mode of the chart. Where the chart does not have the application, it is that
// of the kustomization, and its Service is changed by the command in the notes.
func renderChart(t testing.TB, mode string) *rendered {
	t.Helper()
	objects, notes, err := template("interlock", chartValues(t, mode))
	if err != nil {
		t.Fatal(err)
	}
	if mode != "sidecar" {
		app := build(t, filesys.MakeFsOnDisk(), manifests+"/app")
		objects += "\n---\n" + patched(t, app, swaps(t, notes)[0])
	}
	r := read(t, objects)
	r.chart = true
	return r
}

// swaps returns the JSON patches in the notes: to Interlock, and back.
func swaps(t testing.TB, notes string) (all []string) {
	t.Helper()
	for _, match := range regexp.MustCompile(`patch service chat --type=json -p '([^']*)'`).FindAllStringSubmatch(notes, -1) {
		all = append(all, match[1])
	}
	if len(all) != 2 {
		t.Fatalf("the notes have %d patches, want 2:\n%s", len(all), notes)
	}
	return all
}

// patched returns objects with a patch of the Service chat.
func patched(t testing.TB, objects, patch string) string {
	t.Helper()
	files := filesys.MakeFsInMemory()
	for name, text := range map[string]string{
		"in/objects.yaml": objects, "in/patch.yaml": patch,
		"in/kustomization.yaml": "resources: [objects.yaml]\npatches: [{path: patch.yaml, target: {kind: Service, name: ^chat$}}]\n",
	} {
		if err := files.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return build(t, files, "in")
}

// TestTheChartIsClean lints the chart with the values of each mode.
func TestTheChartIsClean(t *testing.T) {
	for _, values := range []map[string]any{chartValues(t, "service-swap"), chartValues(t, "replicas"), chartValues(t, "sidecar")} {
		for _, version := range versions() {
			of, err := common.ParseKubeVersion(version)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range lint.RunAll(chart, values, "default", lint.WithKubeVersion(of)).Messages {
				if m.Severity > support.InfoSev {
					t.Errorf("%v: %v", values["mode"], m)
				}
			}
		}
	}
}

// TestWrongValuesAreRefused checks that values which the schema does not allow are refused with a
// line that names the value.
func TestWrongValuesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"mode: daemonset":               "- at '/mode': value must be one of 'service-swap', 'replicas', 'sidecar'",
		"replica: 3":                    "- at '': additional properties 'replica' not allowed",
		"mode: replicas":                "- at '/store/existingSecret': minLength: got 0, want 1",
		"{mode: replicas, replicas: 1}": "- at '/replicas': minimum: got 1, want 2",
		"mode: sidecar":                 "- at '/application/container': missing properties 'name', 'image', 'ports'",
		"config: {listen: ':80'}":       "- at '/config/listen': false schema",
		"config: {limits: {drain: 1h}}": "- at '/config/limits/drain': false schema",
		"drainSeconds: 20s":             "- at '/drainSeconds': got string, want integer",
		"application: {port: 70000}":    "- at '/application/port': maximum: got 70,000, want 65,535",
		"application: {selector: {}}":   "- at '/application/selector': minProperties: got 0, want 1",
		"{mode: service-swap, application: {selector: {a: b}}, config: {guard: unsafe}}": "",
		"application: {name: Chat}": "- at '/application/name': 'Chat' does not match pattern '^[a-z]([-a-z0-9]{0,54}[a-z0-9])?$'",
		"goMemoryLimit: 400M":       "- at '/goMemoryLimit': '400M' does not match pattern '^[0-9]+(B|KiB|MiB|GiB)$'",
		"{mode: sidecar, application: {selector: {a: b}, container: {name: a, image: b, ports: [{name: c, containerPort: 1}]}}}": "application.container has no port http, which application.targetPort names",
	} {
		var values map[string]any
		if err := yaml.Unmarshal([]byte(text), &values); err != nil {
			t.Fatal(err)
		}
		_, _, err := template("interlock", values)
		if (err == nil) != (want == "") || err != nil && !slices.ContainsFunc(strings.Split(err.Error(), "\n"), func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("%s: got %v\nwant a line %q", text, err, want)
		}
	}
}

// TestTheNotesLeadBack applies both patches of the notes.
func TestTheNotesLeadBack(t *testing.T) {
	app := build(t, filesys.MakeFsOnDisk(), manifests+"/app")
	_, notes, err := template("interlock", chartValues(t, "service-swap"))
	if err != nil {
		t.Fatal(err)
	}
	both := swaps(t, notes)
	swapped := patched(t, app, both[0])
	if swapped == app {
		t.Error("the first patch changes nothing")
	}
	if back := patched(t, swapped, both[1]); back != app {
		t.Errorf("after both patches:\n%s\nwant\n%s", back, app)
	}
}

// TestTheSwapFitsTheSelectorOfTheApplication checks that the Service selects only the pods of its own
// release, by the keys that the application is selected by: kubectl apply and helm upgrade change
// only these.
func TestTheSwapFitsTheSelectorOfTheApplication(t *testing.T) {
	for _, selector := range []map[string]string{
		{"app": "chat"}, {"app.kubernetes.io/name": "chat"}, {"app.kubernetes.io/name": "chat", "app.kubernetes.io/instance": "prod", "tier": "web"},
	} {
		pods := map[string]map[string]string{}
		var swapped []map[string]string
		for _, name := range []string{"interlock", "other"} {
			given := map[string]any{}
			for key, value := range selector {
				given[key] = value
			}
			objects, notes, err := template(name, map[string]any{"application": map[string]any{"selector": given}})
			if err != nil {
				t.Fatal(err)
			}
			d, _ := read(t, objects).proxy(t)
			pods[name] = d.Spec.Template.Labels
			var patch []struct{ Value any }
			if err := json.Unmarshal([]byte(swaps(t, notes)[0]), &patch); err != nil {
				t.Fatal(err)
			}
			by := map[string]string{}
			for key, value := range patch[0].Value.(map[string]any) {
				by[key] = value.(string)
			}
			swapped = append(swapped, by)
			if got, want := slices.Sorted(maps.Keys(by)), slices.Sorted(maps.Keys(selector)); !slices.Equal(got, want) {
				t.Errorf("%v: the Service selects by %v", selector, by)
			}
		}
		for i, by := range swapped {
			s := labels.SelectorFromSet(by)
			if first, other := s.Matches(labels.Set(pods["interlock"])), s.Matches(labels.Set(pods["other"])); first != (i == 0) || other != (i == 1) {
				t.Errorf("%v: %v selects pods with the labels %v", selector, by, pods)
			}
		}
	}
}

// TestEveryValueIsOnThePage checks that the page has a row for each value of the chart, with its
// default and the comment in values.yaml.
func TestEveryValueIsOnThePage(t *testing.T) {
	text, err := os.ReadFile(chart + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var defaults map[string]any
	if err := yaml.Unmarshal(text, &defaults); err != nil {
		t.Fatal(err)
	}
	table := "| value | default | meaning |\n|---|---|---|\n"
	var above []string // the keys that the line is below
	comment := ""
	for line := range strings.Lines(string(text)) {
		key := strings.TrimLeft(line, " ")
		depth := (len(line) - len(key)) / 2
		if said, ok := strings.CutPrefix(key, "# "); ok {
			comment = strings.TrimSpace(said)
			continue
		}
		key, _, _ = strings.Cut(key, ":")
		above = append(above[:depth], key)
		if comment != "" {
			table += fmt.Sprintf("| `%s` | `%s` | %s |\n", strings.Join(above, "."), valueAt(t, defaults, above), comment)
		}
		comment = ""
	}
	if !strings.Contains(page(t), table) {
		t.Errorf("the page does not have this table:\n%s", table)
	}
}

// valueAt returns a value as JSON.
func valueAt(t *testing.T, values map[string]any, keys []string) string {
	t.Helper()
	value := any(values)
	for _, key := range keys {
		value = value.(map[string]any)[key]
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
