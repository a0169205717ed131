package recipes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// TestPageFitsTheRecipes checks that docs/kubernetes.md names the folders, images, Secrets and labels
// of the recipes.
func TestPageFitsTheRecipes(t *testing.T) {
	page := page(t)
	for _, match := range regexp.MustCompile(`kubectl apply -k (\S+)`).FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(filepath.Join("../..", strings.Trim(match[1], "`"), "kustomization.yaml")); err != nil {
			t.Error(err)
		}
	}
	app := read(t, build(t, filesys.MakeFsOnDisk(), manifests+"/app"))
	own := map[string]bool{}
	for _, document := range app.text {
		own[identity(document)] = true
	}
	each(t, func(t *testing.T, r *rendered) {
		for _, pod := range r.templates() {
			for _, c := range append(pod.Spec.Containers, pod.Spec.InitContainers...) {
				if !strings.Contains(page, "docker build -t "+c.Image+" .") {
					t.Errorf("the page does not build the image %s", c.Image)
				}
			}
			for name, key := range secretsOf(&pod.Spec) {
				if r.secrets[name] == nil && !strings.Contains(page, "kubectl create secret generic "+name+" --from-literal="+key+"=") {
					t.Errorf("the page does not create the Secret %s with %s", name, key)
				}
				if !strings.Contains(page, "kubectl delete secret "+name+" ") {
					t.Errorf("the page does not delete the Secret %s", name)
				}
			}
		}
		if r.chart {
			return // Helm deletes what it has created
		}
		_, kinds, _ := strings.Cut(page, "kubectl delete deployment")
		kinds, _, _ = strings.Cut("deployment"+kinds, " ")
		for _, document := range r.text {
			kind, _, _ := strings.Cut(identity(document), " ")
			labelled := strings.Contains(document, "\n  labels:\n    app.kubernetes.io/name: interlock\n")
			if mine := own[identity(document)]; labelled == mine || labelled && !strings.Contains(kinds+",", strings.ToLower(kind)+",") {
				t.Errorf("%s: label of Interlock %v, of the application %v; the page deletes %s", identity(document), labelled, mine, kinds)
			}
		}
	})
}

// identity returns the kind and the name of a document.
func identity(document string) string {
	kind := regexp.MustCompile(`(?m)^kind: (.*)$`).FindStringSubmatch(document)
	name := regexp.MustCompile(`(?m)^metadata:\n(?:  .*\n)*?  name: (.*)$`).FindStringSubmatch(document)
	if kind == nil || name == nil {
		return document
	}
	return kind[1] + " " + name[1]
}

// secretsOf returns the Secrets that a pod needs, and a key of each.
func secretsOf(pod *core.PodSpec) map[string]string {
	all := map[string]string{}
	for _, v := range pod.Volumes {
		if v.Secret != nil {
			all[v.Secret.SecretName] = "token"
		}
	}
	for _, c := range append(pod.Containers, pod.InitContainers...) {
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
				all[e.ValueFrom.SecretKeyRef.Name] = e.ValueFrom.SecretKeyRef.Key
			}
		}
	}
	return all
}
